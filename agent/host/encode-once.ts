import type { RateProfile } from '../../proto/agent-link.ts';
import { type ProcessResult, runProcess } from '../process/run.ts';
import { type EncoderRung, encoderArguments, encoderEnvironment } from '../render/encoder.ts';
import { type FailureCategory, failureKinds } from '../render/failure-table.ts';
import { finalFilters } from '../render/filters.ts';
import { causeOfExit, createCauseFinder } from '../render/find-cause.ts';

export interface EncodeOnceOptions {
  readonly ffmpeg: string;
  readonly enable4k: boolean;
  readonly frames: number;
  readonly gpuIndex?: number;
  readonly threads?: number;
  /** @default studio */
  readonly profile?: RateProfile;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface EncodeOnce {
  readonly succeeded: boolean;
  /** The line of FFmpeg's that says most about a failure. */
  readonly reason: string;
  readonly durationMs: number;
  /** Of a failure: its row in the table of failures. */
  readonly category?: FailureCategory;
  /** Of a failure: what FFmpeg said last. */
  readonly stderrTail?: readonly string[];
}

/** The same encode may succeed in a while: another program gives its session back, the PC is restarted. */
export function isPassing(category: FailureCategory): boolean {
  return failureKinds[category].isPassing === true;
}

/** A real encode of a moving test picture with the arguments that segments get. Rejects only with the signal's reason. */
export async function encodeOnce(rung: EncoderRung, options: EncodeOnceOptions): Promise<EncodeOnce> {
  const { signal } = options;
  const causes = createCauseFinder();
  const complaints: string[] = [];
  const result = await runProcess({
    file: options.ffmpeg,
    args: encodeOnceArguments(rung, options),
    env: encoderEnvironment,
    timeoutMs: options.timeoutMs,
    stderrTailLines: tailLines,
    ...(signal === undefined ? {} : { signal }),
    onStderrLine(line) {
      causes.add(line);
      if (complaints.length === 0 && /\[(?:error|fatal)\]/u.test(line)) complaints.push(line);
    },
  });
  signal?.throwIfAborted();
  const { succeeded, durationMs, stderrTail } = result;
  if (succeeded) return { succeeded, reason: '', durationMs };
  const words = causes.cause();
  const category = words?.category ?? categoryOf(result);
  const line = words?.line ?? complaints[0] ?? stderrTail.find((text) => text.trim() !== '');
  return { succeeded, reason: reasonOf(result, line), durationMs, category, stderrTail };
}

const tailLines = 30;

export function encodeOnceArguments(
  rung: EncoderRung,
  {
    enable4k,
    frames,
    gpuIndex,
    threads,
    profile = 'studio',
  }: Pick<EncodeOnceOptions, 'enable4k' | 'frames' | 'gpuIndex' | 'threads' | 'profile'>,
): readonly string[] {
  const size = enable4k ? '3840x2160' : '1920x1080';
  return [
    // As chatty as a segment: why NVENC refuses a feature is told as a warning only.
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'repeat+level+verbose', ...rung.deviceArguments],
    ...['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=30`, '-vf', finalFilters(rung.uploadFilters).join(',')],
    ...encoderArguments(rung, {
      enable4k,
      profile,
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
      ...(threads === undefined ? {} : { threads }),
    }),
    ...['-frames:v', `${frames}`, '-f', 'null', '-'],
  ];
}

function categoryOf({ cause, signalName, exitCode }: ProcessResult): FailureCategory {
  if (cause === 'spawn-failed') return 'ffmpeg-missing';
  if (cause !== 'exited') return 'stall';
  return signalName === 'SIGKILL' ? 'out-of-memory' : (causeOfExit(exitCode)?.category ?? 'unknown');
}

/** The line that tells the cause; what follows it ("Error while opening encoder") only repeats that it failed. */
function reasonOf(result: ProcessResult, line: string | undefined): string {
  if (result.cause === 'spawn-failed') return result.spawnError ?? 'it cannot be started';
  const ended =
    result.cause === 'exited' ? [] : [`${result.cause} after ${Math.round(result.durationMs)} ms`];
  const words = line?.replace(/ @ (?:0x)?[0-9a-f]+(?=\])/gu, '').replace(/\[(?:error|fatal|warning)\] /u, '');
  const told = words?.trim() ?? (ended.length > 0 ? undefined : `exit code ${result.exitCode ?? 'none'}`);
  return [...(told === undefined ? [] : [told]), ...ended].join('; ').slice(0, 300);
}
