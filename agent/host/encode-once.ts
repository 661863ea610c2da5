import { type ProcessResult, runProcess } from '../process/run.ts';
import { type EncoderRung, encoderArguments, encoderEnvironment } from '../render/encoder.ts';
import { finalFilters } from '../render/filters.ts';

export interface EncodeOnceOptions {
  readonly ffmpeg: string;
  readonly enable4k: boolean;
  readonly frames: number;
  readonly gpuIndex?: number;
  readonly threads?: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface EncodeOnce {
  readonly succeeded: boolean;
  /** The line of FFmpeg's that says most about a failure. */
  readonly reason: string;
  readonly durationMs: number;
}

/** A real encode of a moving test picture with the arguments that segments get. Rejects only with the signal's reason. */
export async function encodeOnce(rung: EncoderRung, options: EncodeOnceOptions): Promise<EncodeOnce> {
  const { signal } = options;
  const result = await runProcess({
    file: options.ffmpeg,
    args: encodeOnceArguments(rung, options),
    env: encoderEnvironment,
    timeoutMs: options.timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  return { succeeded: result.succeeded, reason: reasonOf(result), durationMs: result.durationMs };
}

export function encodeOnceArguments(
  rung: EncoderRung,
  {
    enable4k,
    frames,
    gpuIndex,
    threads,
  }: Pick<EncodeOnceOptions, 'enable4k' | 'frames' | 'gpuIndex' | 'threads'>,
): readonly string[] {
  const size = enable4k ? '3840x2160' : '1920x1080';
  return [
    ...['-hide_banner', '-nostdin', '-v', 'error', ...rung.deviceArguments],
    ...['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=30`, '-vf', finalFilters(rung.uploadFilters).join(',')],
    ...encoderArguments(rung, {
      enable4k,
      profile: 'studio',
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
      ...(threads === undefined ? {} : { threads }),
    }),
    ...['-frames:v', `${frames}`, '-f', 'null', '-'],
  ];
}

// The first complaint is the cause; what follows ("Error initializing output stream") only repeats that it failed.
function reasonOf(result: ProcessResult): string {
  if (result.succeeded) return '';
  if (result.cause !== 'exited')
    return result.spawnError ?? `${result.cause} after ${Math.round(result.durationMs)} ms`;
  const line =
    result.stderrTail.find((text) => text.trim() !== '') ?? `exit code ${result.exitCode ?? 'none'}`;
  return line.replace(/ @ 0x[0-9a-f]+/gu, '').slice(0, 300);
}
