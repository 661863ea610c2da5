import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Does the work while no other demo is at work in the folder: two would remove each other's files.
 * @throws Error that names the process that is at it
 */
export async function oneAtATime<T>(out: string, work: () => Promise<T>): Promise<T> {
  await mkdir(out, { recursive: true });
  const file = join(out, 'demo.pid');
  const other = Number(await readFile(file, 'utf8').catch(() => ''));
  if (other > 0 && other !== process.pid && isAlive(other)) {
    throw new Error(`Another demo (process ${other}) is at work in ${out}; if it is none, remove ${file}`);
  }
  await writeFile(file, `${process.pid}\n`);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
