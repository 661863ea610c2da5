import path from 'node:path';
import type { CheckedSegment } from './checked-segment.ts';
import { silentCommandLog } from './command-log.ts';
import { RenderFailedError, type RenderFailure } from './failure.ts';
import { resolveFont, writeFont } from './fonts.ts';
import { fontsFolderName } from './graph.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { RenderHooks } from './render-hooks.ts';
import type { RenderRequest } from './render-request.ts';
import { renderSegments } from './render-segments.ts';
import type { SegmentBoard } from './segment-board.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { SegmentSettings } from './segment-command.ts';
import { explainSystemError } from './system-failure.ts';

export type ItemRequest = Pick<
  RenderRequest,
  'workFolder' | 'ffmpeg' | 'stallMs' | 'startStallMs' | 'graceMs'
> & {
  readonly settings: SegmentSettings;
  readonly segmentCache: SegmentCache;
};

/** A segment of another agent's job: checked, and in the cache of this PC. */
export interface RenderedItem {
  readonly key: string;
  readonly joinClass: string;
  readonly isReused: boolean;
  /** It came out of the tier on this PC: the shared one may not have it. */
  readonly isOnlyHere: boolean;
}

export type ItemResult =
  | { readonly status: 'rendered'; readonly item: RenderedItem }
  | { readonly status: 'failed'; readonly failure: RenderFailure }
  | { readonly status: 'aborted' };

/** Nobody looks at the progress of one segment. */
const noMeter: ProgressMeter = {
  segment: () => undefined,
  part: () => undefined,
  learned: () => undefined,
  now: () => ({ framesDone: 0, framesTotal: 0, percent: 0, doneSeconds: 0, etaMs: undefined }),
};

/**
 * Renders the one item of a complete board with the loop that renders jobs: from the cache where it is there, checked as
 * ever. Resolves for everything that is expected to go wrong. The work folder is its owner's to remove.
 */
export async function renderItem(
  request: ItemRequest,
  board: SegmentBoard,
  { signal, force, log = silentCommandLog, onFirstFrame }: RenderHooks,
): Promise<ItemResult> {
  const kept = rememberKept(request.segmentCache);
  let isReused = false;
  try {
    await renderSegments({
      context: { request, log, signal, ...(force === undefined ? {} : { force }) },
      ...{ board, settings: request.settings, concurrency: () => 1, cache: kept.cache, meter: noMeter },
      async font() {
        const font = await resolveFont();
        await writeFont(font, path.join(request.workFolder, fontsFolderName));
        return font;
      },
      onBegin: () => undefined,
      onIdle: () => undefined,
      onFrame: () => onFirstFrame?.(),
      onSegment: (done) => void ({ isReused } = done),
      onWarning: () => undefined,
    });
  } catch (error) {
    if (error instanceof RenderFailedError) return { status: 'failed', failure: error.failure };
    if (signal.aborted) return { status: 'aborted' };
    const failure = explainSystemError(error);
    if (failure === undefined) throw error;
    return { status: 'failed', failure };
  }
  const item = kept.item();
  return item === undefined ? damaged : { status: 'rendered', item: { ...item, isReused } };
}

/** A segment of a damaged source is kept nowhere, so that its warning comes every time: its job must render it itself. */
const damaged: ItemResult = {
  status: 'failed',
  failure: {
    failureClass: 'input',
    code: 'SOURCE_DAMAGED',
    message: 'the pictures of the source have flaws: its own agent renders it, and warns',
    exitCode: 0,
    stderrTail: [],
    position: undefined,
  },
};

/** A cache that knows what was taken or kept last. */
function rememberKept(cache: SegmentCache): {
  readonly cache: SegmentCache;
  readonly item: () => Omit<RenderedItem, 'isReused'> | undefined;
} {
  let last: Omit<RenderedItem, 'isReused'> | undefined;
  const remember = (key: string, { joinClass }: CheckedSegment, isOnlyHere: boolean): void => {
    last = { key, joinClass, isOnlyHere };
  };
  return {
    item: () => last,
    cache: {
      async take(wanted, target) {
        const taken = await cache.take(wanted, target);
        if (taken !== undefined) remember(wanted.key, taken, taken.from === 'local');
        return taken;
      },
      async keep(key, file, segment, origin) {
        await cache.keep(key, file, segment, origin);
        remember(key, segment, false);
      },
    },
  };
}
