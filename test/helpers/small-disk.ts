import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A real file system of this size, gone at the test's end; undefined where none may be mounted. */
export async function mountSmallDisk(t: TestContext, size = '1m'): Promise<SmallDisk | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'renderfarm-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    await rm(path, { recursive: true });
    return undefined;
  }
  t.after(async () => {
    execFileSync('umount', ['-l', path], { stdio: 'ignore' });
    await rm(path, { recursive: true });
  });
  const ballast = join(path, 'ballast');
  return {
    path,
    async fill() {
      // In halves: what does not fit at once fits in parts, down to the last block.
      for (let bytes = 1 << 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
        await writeFile(`${ballast}-${bytes}`, Buffer.alloc(bytes)).catch(() => undefined);
      }
      const { bavail } = await statfs(path);
      if (bavail > 0) throw new Error(`${bavail} blocks are still free`);
    },
    async empty() {
      for (let bytes = 1 << 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
        await rm(`${ballast}-${bytes}`, { force: true });
      }
    },
  };
}

export interface SmallDisk {
  readonly path: string;
  fill(): Promise<void>;
  /** Only what filled it goes. */
  empty(): Promise<void>;
}
