import type { Writable } from 'node:stream';
import { type ProcessOptions, type ProcessResult, runProcess } from '../process/run.ts';
import type { CommandLog } from './command-log.ts';
import { encoderEnvironment } from './encoder.ts';
import { type Cause, createCauseFinder } from './find-cause.ts';
import { type FfmpegProgress, hasAdvanced, noProgress, readProgressLine } from './progress.ts';
import type { RenderRequest } from './render-request.ts';

/** What all commands of one render share. */
export interface FfmpegContext {
  readonly request: Pick<RenderRequest, 'ffmpeg' | 'workFolder' | 'stallMs' | 'startStallMs' | 'graceMs'>;
  readonly log: CommandLog;
  readonly signal: AbortSignal;
  readonly force?: AbortSignal;
}

export interface FfmpegResult extends ProcessResult {
  /** The first lines of level error or worse, at most 20: the tail may have only what came after them. */
  readonly errorLines: readonly string[];
  /** What its words say went wrong, of all that it said. */
  readonly wordsCause?: Required<Cause>;
}

const errorLinesMax = 20;
const errorLevel = /\[(?:error|fatal|panic)\]/u;

export interface FfmpegListeners {
  readonly onProgress?: (progress: FfmpegProgress) => void;
  readonly onStderrLine?: (line: string) => void;
  /** As of runProcess. */
  readonly onStdin?: (stdin: Writable, touch: () => void) => void;
}

/** Runs FFmpeg in the work folder, logged and watched: it is alive as long as its progress moves. */
export async function runFfmpeg(
  { request, log, signal, force }: FfmpegContext,
  label: string,
  args: readonly string[],
  { onProgress, onStderrLine, onStdin }: FfmpegListeners = {},
): Promise<FfmpegResult> {
  const { ffmpeg, book, workFolder: cwd, stallMs, startStallMs, graceMs } = { ...request, ...request.ffmpeg };
  log.command({ label, file: ffmpeg, args, cwd });
  let progress = noProgress;
  const errorLines: string[] = [];
  const causes = createCauseFinder();
  const result = await runProcess({
    file: ffmpeg,
    args,
    cwd,
    env: encoderEnvironment,
    signal,
    ...(force === undefined ? {} : { force }),
    stallMs,
    startStallMs,
    aliveBy: 'touch',
    ...(onStdin === undefined ? {} : { onStdin }),
    ...(book === undefined ? {} : { book }),
    ...(graceMs === undefined ? {} : { graceMs }),
    onStdoutLine: (line, touch) => {
      const next = readProgressLine(progress, line);
      if (!hasAdvanced(progress, next)) return;
      progress = next;
      touch();
      onProgress?.(next);
    },
    onStderrLine: (line) => {
      log.stderr(label, line);
      causes.add(line);
      if (errorLines.length < errorLinesMax && errorLevel.test(line)) errorLines.push(line);
      onStderrLine?.(line);
    },
  });
  const wordsCause = causes.cause();
  return { ...result, errorLines, ...(wordsCause === undefined ? {} : { wordsCause }) };
}

/** Runs ffprobe in the work folder, logged; it ends at its time limit. */
export async function runFfprobe(
  { request, log, signal, force }: FfmpegContext,
  label: string,
  args: readonly string[],
  how: Pick<ProcessOptions, 'stdoutCharsMax' | 'onStdoutLine'> & { readonly timeoutMs: number },
): Promise<ProcessResult> {
  const { ffprobe, book, workFolder: cwd } = { ...request, ...request.ffmpeg };
  log.command({ label, file: ffprobe, args, cwd });
  return await runProcess({
    file: ffprobe,
    args,
    cwd,
    signal,
    ...(force === undefined ? {} : { force }),
    ...(book === undefined ? {} : { book }),
    ...how,
    onStderrLine: (line) => log.stderr(label, line),
  });
}
