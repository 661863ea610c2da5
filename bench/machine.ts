import { execFile } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import process from 'node:process';
import { promisify } from 'node:util';

/** Where a figure was measured: figures of two machines are not compared. */
export async function machine(): Promise<Record<string, unknown>> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.versions.node,
    ffmpeg: await ffmpegVersion(),
  };
}

async function ffmpegVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('ffmpeg', ['-version']);
    return /^ffmpeg version (\S+)/u.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'none';
  }
}
