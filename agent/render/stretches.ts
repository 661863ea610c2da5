import type { Problem } from '../../proto/agent-link.ts';
import { clockText } from './clock-text.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import { framesPerSecond, type RenderPlan, type SegmentPlan } from './render-plan.ts';

export type StretchKind = 'black' | 'frozen' | 'silent';

/** A part of a result in which nothing is to be seen, moves, or is to be heard. */
export interface Stretch {
  readonly kind: StretchKind;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Warnings of one result; the longest are told. */
const warningsMax = 20;

/** Of a stretch, what is left of it without the items that are meant to be so. In seconds. */
const secondsMin = 2.9;

const kinds: Readonly<
  Record<
    StretchKind,
    {
      readonly code: RenderProblemCode;
      readonly words: string;
      readonly isMeant: (segment: SegmentPlan) => boolean;
    }
  >
> = {
  black: { code: 'OUTPUT_BLACK', words: 'the picture is black', isMeant: () => false },
  frozen: {
    code: 'OUTPUT_FROZEN',
    words: 'the picture stands still',
    isMeant: ({ picture }) => picture.kind === 'still',
  },
  silent: {
    code: 'OUTPUT_SILENT',
    words: 'the sound is silent',
    isMeant: ({ sound }) => sound.kind === 'silence',
  },
};

/**
 * What people should look at, with the item and the time: a still may stand, and an item without sound may be silent.
 * Whether a clip was so before is not known, so that it is a warning and never more. Pure.
 */
export function stretchWarnings(plan: RenderPlan, stretches: readonly Stretch[]): readonly Problem[] {
  const parts = stretches.flatMap((stretch) => unmeantParts(plan, stretch));
  const longest = parts.toSorted((a, b) => secondsOf(b) - secondsOf(a)).slice(0, warningsMax);
  const told = longest.toSorted((a, b) => a.fromSeconds - b.fromSeconds).map(warning);
  const left = parts.length - longest.length;
  if (left === 0) return told;
  const message = `${left} more stretches in which the picture is black or stands still, or the sound is silent`;
  return [...told, { code: 'OUTPUT_BLACK' satisfies RenderProblemCode, message }];
}

interface Part extends Stretch {
  /** The items that it touches, in order. */
  readonly segments: readonly SegmentPlan[];
}

function unmeantParts({ segments }: RenderPlan, stretch: Stretch): readonly Part[] {
  const parts: Part[] = [];
  let open: Part | undefined;
  let startFrame = 0;
  for (const segment of segments) {
    const from = Math.max(stretch.fromSeconds, startFrame / framesPerSecond);
    startFrame += segment.frames;
    const to = Math.min(stretch.toSeconds, startFrame / framesPerSecond);
    const isPart = to > from && !kinds[stretch.kind].isMeant(segment);
    if (isPart) {
      const before: Pick<Part, 'fromSeconds' | 'segments'> = open ?? { fromSeconds: from, segments: [] };
      open = {
        kind: stretch.kind,
        fromSeconds: before.fromSeconds,
        toSeconds: to,
        segments: [...before.segments, segment],
      };
    } else {
      if (open !== undefined) parts.push(open);
      open = undefined;
    }
  }
  if (open !== undefined) parts.push(open);
  return parts.filter((part) => secondsOf(part) >= secondsMin);
}

function warning(part: Part): Problem {
  const { code, words } = kinds[part.kind];
  const [first] = part.segments;
  const more = part.segments.length > 1 ? ` and ${part.segments.length - 1} more` : '';
  const where = first === undefined ? '' : ` (${first.name}${more})`;
  const message = `From ${clockText(part.fromSeconds)} to ${clockText(part.toSeconds)} of the result ${words}${where}`;
  return {
    code,
    message,
    ...(first === undefined ? {} : { position: first.position, subject: first.sourcePath }),
  };
}

function secondsOf({ fromSeconds, toSeconds }: Stretch): number {
  return toSeconds - fromSeconds;
}
