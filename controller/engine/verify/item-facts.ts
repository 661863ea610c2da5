import type { FileSeen } from '../../../proto/file-link.ts';
import { imageDefaultMs } from '../../domain/estimate.ts';
import type { ItemDraft } from '../../domain/job-draft.ts';
import type { Fault, VerifiedItem } from '../verification.ts';
import type { FileAnswer } from './inquiry.ts';
import type { ItemPlaces } from './places.ts';

/** An item with all that was found out of its files. */
export function verifiedItem(
  item: ItemDraft,
  places: ItemPlaces,
  answers: ReadonlyMap<string, FileAnswer>,
  violations: readonly Fault[],
): VerifiedItem {
  const source = places.source && answers.get(places.source.path);
  const logo = places.logo && answers.get(places.logo.path);
  const seen = source !== undefined && 'seen' in source ? source.seen : undefined;
  const sourceField = item.videoId === '' ? 'path' : 'video_id';
  const faults = [
    ...violations,
    ...places.faults,
    ...faultsOf(source, sourceField, (one) => sourceFault(item, places.path ?? '', one)),
    ...faultsOf(logo, 'logo_path', logoFault),
  ];
  const unknown = places.unknown ?? unknownOf(source) ?? unknownOf(logo);
  return {
    position: item.position,
    ...(item.itemType && { itemType: item.itemType }),
    videoId: item.videoId,
    ...(places.path !== undefined && { path: places.path }),
    ...(seen && { pathAvailable: seen.state === 'readable' || seen.state === 'unusable' }),
    ...lengthOf(item, seen),
    ...pictureOf(seen),
    faults,
    warnings: [source, logo].flatMap((one) =>
      one !== undefined && 'seen' in one ? (one.dissent ?? []) : [],
    ),
    ...(unknown !== undefined && { unknown }),
  };
}

/** Its files are there and can be read; undefined: not known of all of them. */
export function isRenderable(item: VerifiedItem): boolean | undefined {
  if (item.faults.length > 0) return false;
  return item.unknown === undefined ? true : undefined;
}

function unknownOf(answer: FileAnswer | undefined): string | undefined {
  return answer !== undefined && 'unknown' in answer ? answer.unknown : undefined;
}

type Judge = (seen: FileSeen) => Omit<Fault, 'field'> | undefined;

function faultsOf(answer: FileAnswer | undefined, field: string, judge: Judge): readonly Fault[] {
  if (answer === undefined || !('seen' in answer)) return [];
  const fault = answer.seen.state === 'readable' ? judge(answer.seen) : toldFault(answer.seen);
  return fault === undefined ? [] : [{ field, ...fault }];
}

function toldFault({ state, code = 'FILE_UNREADABLE', message = state }: FileSeen): Omit<Fault, 'field'> {
  return { code, message };
}

/** What its place in the job needs: the agent that renders it judges the same. */
function sourceFault(item: ItemDraft, path: string, seen: FileSeen): Omit<Fault, 'field'> | undefined {
  const isStill = item.itemType === 'image';
  if (isStill && seen.isImage === false)
    return { code: 'IMAGE_EXPECTED', message: `${path} is no still picture` };
  if (!isStill && seen.isImage === true) {
    const message = `Could not get duration for ${path}: it is a still picture`;
    return { code: 'DURATION_UNKNOWN', message };
  }
  return seen.width === undefined
    ? { code: 'PICTURE_MISSING', message: `${path} has no picture` }
    : undefined;
}

function logoFault({ isImage }: FileSeen): Omit<Fault, 'field'> | undefined {
  return isImage === false
    ? { code: 'LOGO_UNREADABLE', message: 'the logo cannot be read as an image' }
    : undefined;
}

function lengthOf(
  { itemType, durationMs: given = NaN }: ItemDraft,
  seen: FileSeen | undefined,
): Pick<VerifiedItem, 'durationMs' | 'measured'> {
  // What is no length is among the faults.
  const durationMs = given >= 0 && Number.isFinite(given) ? given : undefined;
  if (itemType === 'image') return { durationMs: durationMs ?? imageDefaultMs, measured: false };
  if (seen?.durationMs !== undefined) return { durationMs: seen.durationMs, measured: true };
  return { measured: false, ...(durationMs !== undefined && { durationMs }) };
}

/** By the longer side, or by the shorter one of a picture that is taller than wide. */
const sides4k = { long: 3_840, short: 2_160 } as const;

function pictureOf(
  seen: FileSeen | undefined,
): Pick<VerifiedItem, 'width' | 'height' | 'is4k' | 'codec' | 'sizeBytes'> {
  if (seen === undefined) return {};
  const { width, height, codec, sizeBytes } = seen;
  return {
    ...(width !== undefined &&
      height !== undefined && {
        ...{ width, height },
        is4k: Math.max(width, height) >= sides4k.long || Math.min(width, height) >= sides4k.short,
      }),
    ...(codec !== undefined && { codec }),
    ...(sizeBytes !== undefined && { sizeBytes }),
  };
}
