import { imageDefaultMs, unknownItemMs } from '../../domain/estimate.ts';
import type { JobSpec } from '../../domain/job.ts';
import type { Verification, VerifiedItem } from '../verification.ts';
import type { FileAnswer } from './inquiry.ts';
import type { ItemPlaces } from './places.ts';

/** How long the result would be. */
export function verifiedLength(
  items: readonly VerifiedItem[],
): Pick<Verification, 'lengthMs' | 'lengthKnown'> {
  const isKnown = (item: VerifiedItem): boolean => item.measured || item.itemType === 'image';
  return {
    lengthMs: items.reduce((sum, item) => sum + lengthOf(item), 0),
    lengthKnown: items.every(isKnown),
  };
}

function lengthOf({ itemType, durationMs }: VerifiedItem): number {
  return durationMs ?? (itemType === 'image' ? imageDefaultMs : unknownItemMs);
}

/** The job with the lengths that were measured, as whoever submits the answer would say them. */
export function withMeasured(spec: JobSpec, items: readonly VerifiedItem[]): JobSpec {
  return {
    ...spec,
    items: spec.items.map((item, index) => {
      const { measured, durationMs } = items[index] ?? {};
      return measured === true && durationMs !== undefined ? { ...item, durationMs } : item;
    }),
  };
}

/** Of all files together, each once; undefined: not known of every one. */
export function knownSourceBytes(
  places: readonly ItemPlaces[],
  answers: ReadonlyMap<string, FileAnswer>,
): number | undefined {
  if (places.some(({ source }) => source === undefined)) return undefined;
  let bytes = 0;
  for (const answer of answers.values()) {
    if (!('seen' in answer) || answer.seen.sizeBytes === undefined) return undefined;
    bytes += answer.seen.sizeBytes;
  }
  return bytes;
}
