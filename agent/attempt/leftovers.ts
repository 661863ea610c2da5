import { readdir, readlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How long the system may take to end a process that was killed. */
const goneMs = 5_000;
const lookEveryMs = 20;

/**
 * Ends what a killed agent has left running: FFmpeg outlives its parent, and would go on writing into `work/`. They
 * are known by the folder that they work in. Linux only: elsewhere nothing is found. Returns how many were ended.
 */
export async function endLeftovers(workFolder: string): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const found = await processesIn(workFolder);
  for (const pid of found) end(pid);
  for (let waitedMs = 0; waitedMs < goneMs; waitedMs += lookEveryMs) {
    if ((await processesIn(workFolder)).length === 0) break;
    await delay(lookEveryMs);
  }
  return found.length;
}

async function processesIn(folder: string): Promise<readonly number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      // Another user's process, or one that is gone: not ours.
      const cwd = await readlink(join('/proc', name, 'cwd')).catch(() => '');
      return cwd.startsWith(folder + sep) && Number(name) !== process.pid ? Number(name) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Its whole group, where it leads one: that is how the agent starts programs. */
function end(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
      return;
    } catch {
      // It leads no group, or it has ended by itself.
    }
  }
}
