import type { AttemptReport } from '../core/inputs.ts';
import type { RenderProgress } from '../render/progress-meter.ts';
import type { RenderedOutput } from '../render/render-result.ts';
import type { SegmentBoard } from '../render/segment-board.ts';
import type { AttemptRun } from './attempt-run.ts';
import { AttemptFailedError } from './finished.ts';
import { placeIsFree } from './place-free.ts';
import type { Prepared } from './prepare-step.ts';
import { startPreparing } from './prepare-step.ts';
import { renderStep } from './render-step.ts';
import type { UsageCount } from './usage-count.ts';

export interface PrepareAndRender extends AttemptRun {
  readonly workFolder: string;
  readonly usage: UsageCount;
}

export interface RenderedAttempt {
  readonly output: RenderedOutput;
  /** Lets the cache evict the sources again. */
  readonly release: () => void;
}

/**
 * Steps 0 to 4 of an attempt, side by side: an item is rendered as soon as its own files are here. Rejects when nothing
 * of both goes on any more, with nothing pinned: with an error that names every bad item, or with the signal's reason.
 */
export async function prepareAndRender(run: PrepareAndRender): Promise<RenderedAttempt> {
  const { enable4k } = run.assign.job;
  const giveUp = new AbortController();
  const signal = AbortSignal.any([run.signal, giveUp.signal]);
  const telling = tellOverlap(run);
  // Looked at while the files come: it must not keep the first frame waiting.
  const bytes = new Map<number, number>();
  const looking = run.services.lookAtOutput(run.assign.output, signal);
  looking.catch(() => undefined);
  const preparing = startPreparing({
    ...{ ...run, signal, room: run.scratch },
    isBusy: telling.isRendering,
    onShareWait: telling.shareWait,
    onFile(file) {
      const { position } = file.item;
      bytes.set(position, (bytes.get(position) ?? 0) + file.sizeBytes);
      run.usage.fetched(file);
    },
    onPlanned: async ({ frames }) => {
      if (preparing.board.stopped.aborted) return;
      (await looking).demand({ enable4k, frames });
      await run.scratch.demandWork({ enable4k, frames });
      telling.planned(frames);
    },
  });
  const { board } = preparing;
  const render = async (): Promise<RenderedOutput> => {
    (await looking).demand({ enable4k, frames: board.frames().total });
    await placeIsFree(run, signal);
    const { copyLeftMs } = preparing;
    const bytesOf = (position: number): number => bytes.get(position) ?? 0;
    return await renderStep({ ...run, signal, board, copyLeftMs, bytesOf, ...telling.hooks });
  };
  const rendering = render().catch((error: unknown) => {
    // A bad item is one of several that are to be named, so that the others are still looked at. Anything else ends all.
    if (!board.stopped.aborted && !isBadItem(error)) giveUp.abort(error);
    board.stop();
    throw error;
  });
  const [prepared, rendered] = await Promise.allSettled([preparing.done, rendering]);
  if (prepared.status === 'fulfilled' && rendered.status === 'fulfilled')
    return { output: rendered.value, release: () => prepared.value.release() };
  if (prepared.status === 'fulfilled') prepared.value.release();
  run.signal.throwIfAborted();
  throw causeOf(giveUp.signal.aborted ? undefined : prepared, rendered, board);
}

function isBadItem(error: unknown): boolean {
  return error instanceof AttemptFailedError && error.failure.failureClass === 'input';
}

/** What an attempt tells while its files come and its segments are rendered. */
function tellOverlap({ report, scratch, usage }: PrepareAndRender) {
  let last = { percent: 0, framesDone: 0, framesTotal: 0 };
  let framesPlanned: number | undefined;
  let isRendering = false;
  let hasBegun = false;
  const started = (totalFrames: number): void => {
    const { copiedBytes, reusedBytes } = usage.total();
    report({ type: 'prepared', copiedBytes, reusedBytes, totalFrames });
  };

  return {
    isRendering: () => isRendering,
    shareWait: (totalMs: number, reason: string | undefined): void => {
      usage.waitedForSources(totalMs);
      const waiting = reason === undefined ? {} : { waiting: { reason, waitedMs: totalMs } };
      const waitedForSharesMs = usage.waitedForSharesMs();
      report({ type: 'progress', ...last, ...waiting, waitedForSharesMs });
    },
    planned(frames: number): void {
      framesPlanned = frames;
      started(frames);
    },
    hooks: {
      onBegin(): void {
        // The length is told when it is known: a start without one is told again.
        if (!hasBegun && framesPlanned === undefined) started(0);
        hasBegun = true;
        isRendering = true;
      },
      onIdle: (): void => void (isRendering = false),
      onProgress({ percent, framesDone, framesTotal, etaMs }: RenderProgress): void {
        last = { percent, framesDone, framesTotal };
        scratch.encoded(framesDone);
        const eta = etaMs === undefined ? {} : { etaMs };
        report({ type: 'progress', ...last, ...eta, waitedForSharesMs: usage.waitedForSharesMs() });
      },
      onSegment: (segment: Omit<Extract<AttemptReport, { type: 'segment' }>, 'type'>): void =>
        report({ type: 'segment', ...segment }),
      onEncoded: (): void => report({ type: 'encoded' }),
    },
  };
}

/** One error of both: the bad items that were found before rendering, and what the render met. */
function causeOf(
  prepared: PromiseSettledResult<Prepared> | undefined,
  rendered: PromiseSettledResult<RenderedOutput>,
  { stopped }: SegmentBoard,
): unknown {
  const before: unknown = prepared?.status === 'rejected' ? prepared.reason : undefined;
  const later: unknown = rendered.status === 'rejected' ? rendered.reason : undefined;
  if (before === undefined) return later;
  if (later === undefined || later === stopped.reason) return before;
  if (!(before instanceof AttemptFailedError && later instanceof AttemptFailedError)) return before;
  const isInput = [before, later].some(isBadItem);
  return new AttemptFailedError({
    ...later.failure,
    failureClass: isInput ? 'input' : before.failure.failureClass,
    message: `${before.message}; ${later.message}`,
    problems: [...before.failure.problems, ...later.failure.problems],
  });
}
