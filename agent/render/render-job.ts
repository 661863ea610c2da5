import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Problem } from '../../proto/agent-link.ts';
import { silentCommandLog } from './command-log.ts';
import { RenderFailedError, type RenderFailure } from './failure.ts';
import type { FfmpegContext } from './ffmpeg.ts';
import { resolveFont, writeFont } from './fonts.ts';
import { fontsFolderName } from './graph.ts';
import { encodeSound, joinSegments, writeJoinList } from './join.ts';
import { planRender } from './plan.ts';
import { createProgressMeter, type ProgressMeter, type RenderClock } from './progress-meter.ts';
import type { RenderHooks } from './render-hooks.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';
import type { RenderRequest } from './render-request.ts';
import type { RenderResult, RenderTimings, RenderUsage } from './render-result.ts';
import { renderSegments } from './render-segments.ts';
import { openSegmentCache, type SegmentCache } from './segment-cache.ts';
import { explainSystemError } from './system-failure.ts';
import { verifyResult } from './verify.ts';

/**
 * From probed files to a verified MP4 at `request.outputFile`: plan, segments, sound, join, verification. Resolves for
 * everything that is expected to go wrong; whatever came first is what it tells. Nothing half-done stays at or beside the
 * output file; the work folder is its owner's to remove.
 */
export async function renderJob(request: RenderRequest, hooks: RenderHooks): Promise<RenderResult> {
  const planned = planRender(request);
  if (!planned.ok) return { status: 'rejected', problems: planned.problems };
  const { plan } = planned;
  hooks.onPlan?.(plan);

  const run = new JobRun(request, hooks, plan);
  const part = `${request.outputFile}.part`;
  try {
    const timings = await run.produce(part);
    await rename(part, request.outputFile);
    const { size: sizeBytes } = await stat(request.outputFile);
    const durationMs = Math.round((plan.frames * 1000) / framesPerSecond);
    const { features, frames } = plan;
    const warnings = [...plan.warnings, ...run.warnings];
    const output = { file: request.outputFile, sizeBytes, frames, durationMs, features, warnings, timings };
    return { status: 'rendered', output: { ...output, used: run.used() } };
  } catch (error) {
    if (error instanceof RenderFailedError)
      return { status: 'failed', failure: error.failure, used: run.used() };
    if (hooks.signal.aborted) return { status: 'aborted', used: run.used() };
    const failure: RenderFailure | undefined = explainSystemError(error);
    if (failure === undefined) throw error;
    return { status: 'failed', failure, used: run.used() };
  } finally {
    await rm(part, { force: true });
  }
}

const steadyMs = (): number => performance.now();
const aloneClock: RenderClock = { aloneMs: steadyMs, share: () => 1, nowMs: steadyMs };

/** What one render remembers while it goes through its steps. */
class JobRun {
  readonly #request: RenderRequest;
  readonly #hooks: RenderHooks;
  readonly #plan: RenderPlan;
  readonly #context: FfmpegContext;
  readonly #meter: ProgressMeter;
  readonly #cache: SegmentCache | undefined;
  readonly #newPositions = new Set<number>();
  readonly warnings: Problem[] = [];
  #framesEncoded = 0;
  #segmentsReused = 0;
  #hasFrame = false;

  constructor(request: RenderRequest, hooks: RenderHooks, plan: RenderPlan) {
    this.#request = request;
    this.#hooks = hooks;
    this.#plan = plan;
    const { log = silentCommandLog, signal, force } = hooks;
    this.#context = { request, log, signal, ...(force === undefined ? {} : { force }) };
    this.#cache = request.segmentCache === undefined ? undefined : openSegmentCache(request.segmentCache);
    const { clock = aloneClock } = hooks;
    this.#meter = createProgressMeter({
      framesTotal: plan.frames,
      clock,
      ...(request.expected === undefined ? {} : { expected: request.expected }),
      onProgress: (progress) => hooks.onProgress?.(progress),
    });
  }

  used(): RenderUsage {
    return {
      segmentsRendered: this.#newPositions.size,
      segmentsReused: this.#segmentsReused,
      framesEncoded: this.#framesEncoded,
    };
  }

  async produce(part: string): Promise<RenderTimings> {
    this.#hooks.signal.throwIfAborted();
    const segmentsMs = await timed(() => this.#segments());
    this.#hooks.onEncoded?.();
    await writeJoinList(this.#context, this.#plan);
    const soundMs = await timed(() =>
      encodeSound(this.#context, this.#plan, this.#cache, (fraction) => this.#meter.part('sound', fraction)),
    );
    const joinMs = await timed(() =>
      joinSegments(this.#context, this.#plan, part, (fraction) => this.#meter.part('join', fraction)),
    );
    const verifyMs = await timed(() =>
      verifyResult(this.#context, {
        request: this.#request,
        plan: this.#plan,
        file: part,
        newPositions: this.#newPositions,
      }),
    );
    this.#meter.part('verify', 1);
    return { segmentsMs, soundMs, joinMs, verifyMs };
  }

  async #segments(): Promise<void> {
    const { enable4k, encoder, concurrency = 1, workFolder } = this.#request;
    const hasText = this.#plan.segments.some(({ text }) => text !== undefined);
    const font = hasText ? await resolveFont() : undefined;
    if (font !== undefined) await writeFont(font, path.join(workFolder, fontsFolderName));
    await renderSegments({
      context: this.#context,
      plan: this.#plan,
      settings: { frameSize: this.#plan.frameSize, enable4k, encoder },
      concurrency,
      cache: this.#cache,
      font,
      meter: this.#meter,
      onFrame: () => {
        if (!this.#hasFrame) this.#hooks.onFirstFrame?.();
        this.#hasFrame = true;
      },
      onWarning: (warning) => {
        this.warnings.push(warning);
        this.#hooks.onWarning?.(warning);
      },
      onSegment: (done) => {
        if (done.isReused) this.#segmentsReused += 1;
        else {
          this.#newPositions.add(done.position);
          this.#framesEncoded += done.frames;
        }
        this.#hooks.onSegment?.(done);
      },
    });
  }
}

async function timed(step: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await step();
  return performance.now() - startedAt;
}
