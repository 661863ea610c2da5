/**
 * The job's sound, encoded beside its pictures: the samples of segments that are there go, in their order, into one AAC
 * encoder that is up until the last one came. Guarantee: the same samples as one pass over all segments, so that the same
 * file comes out. Limit: what does not work is left to that pass, which tells why.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { concatList, joinFiles, samplesArguments, soundFromPipeArguments } from './join-command.ts';
import type { RenderPlan, SegmentPlan } from './render-plan.ts';
import { segmentFileName } from './segment.ts';
import type { SegmentBoard } from './segment-board.ts';

export interface SoundLane {
  /** Every segment is there: whether the sound is too, and where it came from. Never rejects. */
  finish(): Promise<'encoded' | 'cached' | undefined>;
  /** Ends what runs, and leaves nothing half-done. Idempotent; nothing after a finish. */
  stop(): Promise<void>;
}

export interface SoundLaneOptions {
  readonly context: FfmpegContext;
  readonly board: SegmentBoard;
  /** Puts the sound of a job that was encoded before into the work folder; false when there is none. */
  readonly take: (plan: RenderPlan) => Promise<boolean>;
  readonly onSeconds: (seconds: number) => void;
}

const bytesPerSample = 4;
/** Samples that lie on the disk on their way, at most: about six minutes, where one segment has no more. */
const samplesAtOnce = 16_000_000;
const touchEveryMs = 1_000;
const laneFiles = { list: 'sounds.txt', samples: 'sounds.pcm' } as const;

/**
 * Begins when every item is planned and the first segment is there: only then can it be known whether the sound was encoded
 * before. Not when every segment is there by then: one pass over all is cheaper.
 */
export function startSoundLane({ context, board, take, onSeconds }: SoundLaneOptions): SoundLane {
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, board.stopped, ending.signal]);
  const lane = { ...context, signal };
  const nameIn = (name: string): string => path.join(context.request.workFolder, name);
  const isDone = (index: number): boolean => board.stages()[index] === 'done';
  let isOver = false;
  let taking: Promise<boolean> | undefined;
  let running: Promise<boolean> | undefined;

  const encode = async (): Promise<boolean> => {
    let feeding = Promise.resolve();
    try {
      const result = await runFfmpeg(lane, 'sound', soundFromPipeArguments(joinFiles.sound), {
        onProgress: ({ outSeconds }) => onSeconds(outSeconds),
        onStdin: (stdin, touch) => {
          feeding = feed(lane, board, stdin, touch).catch((error: unknown) => ending.abort(error));
        },
      });
      return result.succeeded;
    } finally {
      ending.abort(new Error('the sound is encoded'));
      // It may still read segments, with an FFmpeg of its own.
      await feeding;
    }
  };
  const begin = async (): Promise<void> => {
    if (running !== undefined || taking === undefined || isOver || !isDone(0)) return;
    if (await taking) return;
    const isLate = board.stages().every((stage) => stage === 'done');
    if (isLate || signal.aborted) return;
    running ??= encode().catch(() => false);
  };
  const forget = board.onChange(() => void begin());
  void board.plan().then(
    (plan) => {
      if (isOver || signal.aborted) return undefined;
      taking = take(plan).catch(() => false);
      return begin();
    },
    () => undefined,
  );
  const close = async (): Promise<void> => {
    isOver = true;
    forget();
    for (const name of Object.values(laneFiles)) await rm(nameIn(name), { force: true });
  };

  return {
    async stop() {
      if (isOver) return;
      isOver = true;
      ending.abort(new Error('nobody wants the sound'));
      await taking;
      await running;
      if (running !== undefined) await rm(nameIn(joinFiles.sound), { force: true });
      await close();
    },
    async finish() {
      isOver = true;
      const isCached = await taking;
      const isEncoded = await running;
      await close();
      if (isCached === true) return 'cached';
      return isEncoded === true ? 'encoded' : undefined;
    },
  };
}

/** Writes the samples of all segments, each as soon as it is there. Rejects with the signal's reason. */
async function feed(
  context: FfmpegContext,
  board: SegmentBoard,
  stdin: Writable,
  touch: () => void,
): Promise<void> {
  const count = board.stages().length;
  for (let next = 0; next < count; ) {
    const alive = setInterval(touch, touchEveryMs);
    try {
      await until(() => board.stages()[next] === 'done', board, context.signal);
    } finally {
      clearInterval(alive);
    }
    const some = takeSome(board, next);
    await writeSamples(context, some, stdin);
    next += some.length;
  }
  stdin.end();
}

/** Segments in a row that are done, from this one on. */
function takeSome(board: SegmentBoard, from: number): readonly SegmentPlan[] {
  const some: SegmentPlan[] = [];
  let samples = 0;
  for (let index = from; board.stages()[index] === 'done' && samples < samplesAtOnce; index += 1) {
    const segment = board.segment(index);
    if (segment === undefined) break;
    some.push(segment);
    samples += segment.samples;
  }
  return some;
}

/** Throws when they are not what was planned, or nobody reads them any more. */
async function writeSamples(
  context: FfmpegContext,
  segments: readonly SegmentPlan[],
  stdin: Writable,
): Promise<void> {
  const { signal, request } = context;
  const nameIn = (name: string): string => path.join(request.workFolder, name);
  await writeFile(nameIn(laneFiles.list), concatList(segments.map(segmentFileName)));
  const result = await runFfmpeg(context, 'samples', samplesArguments(laneFiles.list, laneFiles.samples));
  const samples = segments.reduce((sum, segment) => sum + segment.samples, 0);
  const { size } = result.succeeded ? await stat(nameIn(laneFiles.samples)) : { size: -1 };
  if (size !== samples * bytesPerSample) throw new Error(`${size} bytes for ${samples} samples`);
  for await (const chunk of createReadStream(nameIn(laneFiles.samples), { highWaterMark: 1 << 20 })) {
    signal.throwIfAborted();
    // Whoever reads slowly is watched by the encoder's own progress.
    if (!stdin.write(chunk)) await once(stdin, 'drain', { signal });
  }
}

/** Resolves when it is so; looked at after every change of the board. Rejects with the signal's reason. */
async function until(isSo: () => boolean, board: SegmentBoard, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (isSo()) return;
    const change = Promise.withResolvers<undefined>();
    const wake = (): void => change.resolve(undefined);
    const forget = board.onChange(wake);
    signal.addEventListener('abort', wake, { once: true });
    try {
      await change.promise;
    } finally {
      forget();
      signal.removeEventListener('abort', wake);
    }
  }
}
