import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Frames a second of every clip. */
export const clipFramesPerSecond = 30;

/** The source files of the jobs. Every job has clips of its own: one that a cache had would hide what is lost. */
export interface ClipMaker {
  /** Makes the file; `tenths` is how long its encoding takes with the fake renderer, in steps of 100 ms. */
  make(name: string, tenths: number): Promise<void>;
}

const run = promisify(execFile);

/** Files that only the fake renderer can read: how long they are, then bytes that have to be copied. */
export function fakeClips(folder: string): ClipMaker {
  return {
    async make(name, tenths) {
      const frames = tenths * (clipFramesPerSecond / 10);
      const head = `chaos kind=clip frames=${frames} steps=${tenths} name=${name} \n`;
      await writeFile(join(folder, name), Buffer.concat([Buffer.from(head), randomBytes(300_000)]));
    },
  };
}

/** Real, tiny clips: encoded once for each length, then copied under a name of their own, which makes them different. */
export function realClips(folder: string, keep: string): ClipMaker {
  const bases = new Map<number, Promise<string>>();
  return {
    async make(name, tenths) {
      const base = bases.get(tenths) ?? encode(join(keep, `base-${tenths}.mp4`), tenths / 10);
      bases.set(tenths, base);
      const copy = ['-c', 'copy', '-metadata', `comment=${name}`, '-movflags', '+faststart'];
      await run('ffmpeg', ['-v', 'error', '-y', '-i', await base, ...copy, join(folder, name)]);
    },
  };
}

async function encode(file: string, seconds: number): Promise<string> {
  await mkdir(join(file, '..'), { recursive: true });
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${clipFramesPerSecond}:d=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=f=440:d=${seconds}`];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await run('ffmpeg', ['-v', 'error', '-y', ...picture, ...sound, ...codecs, file]);
  return file;
}
