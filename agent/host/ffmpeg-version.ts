import { runProcess } from '../process/run.ts';

export interface FfmpegVersion {
  /** e.g. `5.1.9-0+deb12u1`. */
  readonly version: string;
  /** The whole text of `ffmpeg -version`, with what it was built from. */
  readonly text: string;
}

/** Rejects with an Error that says why FFmpeg cannot be run, or with the signal's reason. */
export async function readFfmpegVersion(ffmpeg = 'ffmpeg', signal?: AbortSignal): Promise<FfmpegVersion> {
  const result = await runProcess({
    file: ffmpeg,
    args: ['-version'],
    stdoutCharsMax: 16_384,
    timeoutMs: 15_000,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const version = /^ffmpeg version (\S+)/u.exec(result.stdout)?.[1];
  if (result.succeeded && version !== undefined) return { version, text: result.stdout.trim() };
  const reason = result.spawnError ?? result.stderrTail.at(-1) ?? `it is no FFmpeg (${result.cause})`;
  const advice = `install FFmpeg, or name the program by the setting \`ffmpeg\``;
  throw new Error(`FFmpeg cannot be run: ${ffmpeg} -version failed: ${reason}: ${advice}`);
}
