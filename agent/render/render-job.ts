import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Problem } from '../../proto/agent-link.ts';
import type { Loudness } from '../../proto/render-options.ts';
import { silentCommandLog } from './command-log.ts';
import { type ExtraFiles, makeExtras } from './extras.ts';
import { RenderFailedError, type RenderFailure } from './failure.ts';
import type { FfmpegContext } from './ffmpeg.ts';
import { type ResolvedFont, resolveFont, writeFont } from './fonts.ts';
import { frameSizeOf } from './geometry.ts';
import { fontsFolderName } from './graph.ts';
import { encodeSound, joinSegments, takeSound, writeJoinList } from './join.ts';
import { planRender } from './plan.ts';
import { createProgressMeter, type ProgressMeter, type RenderClock } from './progress-meter.ts';
import type { RenderHooks } from './render-hooks.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';
import type { RenderRequest } from './render-request.ts';
import type { RenderResult, RenderTimings, RenderUsage } from './render-result.ts';
import { renderSegments } from './render-segments.ts';
import { fullBoard, type SegmentBoard } from './segment-board.ts';
import type { SegmentCache } from './segment-cache.ts';
import { type SoundLane, startSoundLane } from './sound-lane.ts';
import { explainSystemError } from './system-failure.ts';
import { verifyResult } from './verify.ts';

/** A render whose files are all here. Resolves as `renderBoard`; `rejected` when items cannot be rendered. */
export async function renderJob(request: RenderRequest, hooks: RenderHooks): Promise<RenderResult> {
  const planned = planRender(request);
  if (!planned.ok) return { status: 'rejected', problems: planned.problems };
  return await renderBoard(request, fullBoard(planned.plan), hooks);
}

/** A render whose items come one by one. */
export type BoardRequest = Omit<RenderRequest, 'items'>;

/**
 * From probed files to a verified MP4 at `request.outputFile`: segments, sound, join, verification. Items are rendered as
 * they become ready on the board, which another fills. Resolves for everything that is expected to go wrong; whatever came
 * first is what it tells: `aborted` also when the board was stopped. Nothing half-done stays at or beside the output file;
 * the work folder is its owner's to remove.
 */
export async function renderBoard(
  request: BoardRequest,
  board: SegmentBoard,
  hooks: RenderHooks,
): Promise<RenderResult> {
  const run = new JobRun(request, board, hooks);
  const part = `${request.outputFile}.part`;
  try {
    const { plan, timings } = await run.produce(part);
    await rename(part, request.outputFile);
    const { size: sizeBytes } = await stat(request.outputFile);
    const durationMs = Math.round((plan.frames * 1000) / framesPerSecond);
    const { features, frames } = plan;
    const warnings = [...plan.warnings, ...run.warnings];
    const output = { file: request.outputFile, sizeBytes, frames, durationMs, features, warnings, timings };
    const measured = run.loudness === undefined ? {} : { loudness: run.loudness };
    return { status: 'rendered', output: { ...output, ...measured, extras: run.extras, used: run.used() } };
  } catch (error) {
    if (error instanceof RenderFailedError)
      return { status: 'failed', failure: error.failure, used: run.used() };
    if (hooks.signal.aborted || board.stopped.aborted) return { status: 'aborted', used: run.used() };
    const failure: RenderFailure | undefined = explainSystemError(error);
    if (failure === undefined) throw error;
    return { status: 'failed', failure, used: run.used() };
  } finally {
    await rm(part, { force: true });
    run.close();
  }
}

const steadyMs = (): number => performance.now();
const aloneClock: RenderClock = { aloneMs: steadyMs, share: () => 1, nowMs: steadyMs };

/** What one render remembers while it goes through its steps. */
class JobRun {
  readonly #request: BoardRequest;
  readonly #board: SegmentBoard;
  readonly #hooks: RenderHooks;
  readonly #context: FfmpegContext;
  readonly #meter: ProgressMeter;
  readonly #cache: SegmentCache | undefined;
  readonly #newPositions = new Set<number>();
  readonly #reusedPositions = new Set<number>();
  readonly #forgetBoard: () => void;
  #framesKnown = '';
  readonly warnings: Problem[] = [];
  loudness: Loudness | undefined;
  extras: ExtraFiles = {};
  #font: Promise<ResolvedFont> | undefined;
  #framesEncoded = 0;
  #hasFrame = false;

  constructor(request: BoardRequest, board: SegmentBoard, hooks: RenderHooks) {
    this.#request = request;
    this.#board = board;
    this.#hooks = hooks;
    const { log = silentCommandLog, signal, force } = hooks;
    this.#context = { request, log, signal, ...(force === undefined ? {} : { force }) };
    this.#cache = request.segmentCache;
    const { clock = aloneClock, copyLeftMs } = hooks;
    this.#meter = createProgressMeter({
      frames: () => ({ ...board.frames(), items: board.stages().length }),
      clock,
      ...(copyLeftMs === undefined ? {} : { copyLeftMs }),
      ...(request.expected === undefined ? {} : { expected: request.expected }),
      onProgress: (progress) => hooks.onProgress?.(progress),
    });
    this.#forgetBoard = board.onChange(() => this.#learned());
  }

  close(): void {
    this.#forgetBoard();
  }

  used(): RenderUsage {
    return {
      segmentsRendered: this.#newPositions.size,
      segmentsReused: this.#reusedPositions.size,
      framesEncoded: this.#framesEncoded,
    };
  }

  async produce(part: string): Promise<{ plan: RenderPlan; timings: RenderTimings }> {
    this.#hooks.signal.throwIfAborted();
    const lane = startSoundLane({
      context: this.#context,
      board: this.#board,
      take: (plan) => takeSound(this.#context, plan, this.#cache),
      onSeconds: (seconds) => this.#soundDone(seconds),
    });
    try {
      return await this.#steps(part, lane);
    } finally {
      await lane.stop();
    }
  }

  async #steps(part: string, lane: SoundLane): Promise<{ plan: RenderPlan; timings: RenderTimings }> {
    const segmentsMs = await timed(() => this.#segments());
    const plan = await this.#board.plan();
    this.#hooks.onEncoded?.();
    await writeJoinList(this.#context, plan);
    const soundMs = await timed(() =>
      encodeSound({
        ...{ context: this.#context, plan, cache: this.#cache, lane },
        onFraction: (fraction) => this.#meter.part('sound', fraction),
      }),
    );
    const joinMs = await timed(() =>
      joinSegments(this.#context, plan, part, (fraction) => this.#meter.part('join', fraction)),
    );
    const verifyMs = await timed(async () => {
      const { fullDecode = false, loudnessReport = false } = this.#request;
      const verified = await verifyResult(this.#context, {
        request: this.#request,
        plan,
        file: part,
        newPositions: this.#newPositionsOf(plan),
        ...{ fullDecode, loudnessReport },
      });
      for (const warning of verified.warnings) this.#warn(warning);
      this.loudness = verified.loudness;
    });
    this.#meter.part('verify', 1);
    const { contactSheet = false, preview = false } = this.#request;
    const onWarning = (warning: Problem): void => this.#warn(warning);
    this.extras = await makeExtras(this.#context, plan, part, { contactSheet, preview, onWarning });
    return { plan, timings: { segmentsMs, soundMs, joinMs, verifyMs } };
  }

  /** Positions whose segments were made for this job: here, by another agent, or (any of them) by an attempt before. */
  #newPositionsOf({ segments }: RenderPlan): ReadonlySet<number> {
    const { hadAttempts = false } = this.#request;
    const all = segments.map(({ position }) => position);
    return new Set(
      all.filter(
        (position, index) => hadAttempts || this.#newPositions.has(position) || this.#board.wasGiven(index),
      ),
    );
  }

  async #segments(): Promise<void> {
    const { enable4k, encoder, concurrency = 1 } = this.#request;
    await renderSegments({
      context: this.#context,
      board: this.#board,
      settings: { frameSize: frameSizeOf(enable4k), enable4k, encoder },
      concurrency: typeof concurrency === 'number' ? () => concurrency : concurrency,
      cache: this.#cache,
      font: () => (this.#font ??= this.#writeFont()),
      meter: this.#meter,
      onBegin: () => this.#hooks.onBegin?.(),
      onIdle: () => this.#hooks.onIdle?.(),
      onFrame: () => {
        if (!this.#hasFrame) this.#hooks.onFirstFrame?.();
        this.#hasFrame = true;
      },
      onWarning: (warning) => this.#warn(warning),
      onSegment: (done) => {
        if (done.isReused) this.#reusedPositions.add(done.position);
        else {
          // Taken first, it may have had to be made anew.
          this.#reusedPositions.delete(done.position);
          this.#newPositions.add(done.position);
          this.#framesEncoded += done.frames;
        }
        this.#hooks.onSegment?.(done);
      },
    });
  }

  #warn(warning: Problem): void {
    this.warnings.push(warning);
    this.#hooks.onWarning?.(warning);
  }

  async #writeFont(): Promise<ResolvedFont> {
    const font = await resolveFont();
    await writeFont(font, path.join(this.#request.workFolder, fontsFolderName));
    return font;
  }

  #soundDone(seconds: number): void {
    const { total, isExact } = this.#board.frames();
    if (isExact && total > 0) this.#meter.part('sound', (seconds * framesPerSecond) / total);
  }

  /** Of the board's changes, those that change what progress is made of. */
  #learned(): void {
    const { total, isExact } = this.#board.frames();
    const known = `${total} ${isExact}`;
    if (known === this.#framesKnown) return;
    this.#framesKnown = known;
    this.#meter.learned();
  }
}

async function timed(step: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await step();
  return performance.now() - startedAt;
}
