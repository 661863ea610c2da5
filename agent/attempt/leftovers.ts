import { readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import process from 'node:process';
import { endRecorded } from '../process/end-recorded.ts';
import type { TableEntry } from '../process/process-table.ts';
import { runningProcesses, untilGone } from '../process/process-table.ts';

/** How long the system may take to end a process that was killed. */
const goneMs = 5_000;

/**
 * Ends what a killed agent has left running: FFmpeg outlives its parent, and would go on writing into `work/`. First what
 * is in its book, by pid and start, with all of its group; then, on Linux, whatever works in a folder of ours: also what
 * was started a moment before the kill, and a grandchild whose parents are gone. Returns how many were ended.
 */
export async function endLeftovers(workFolder: string, bookFolder: string): Promise<number> {
  const recorded = await endRecorded(bookFolder);
  // The system names a folder by its real path.
  const folder = await realpath(workFolder).catch(() => workFolder);
  const found = await processesIn(folder);
  for (const { pid } of found) end(pid);
  if (found.length > 0) await untilGone((entry) => isLeftover(entry, folder), goneMs);
  return recorded + found.length;
}

async function processesIn(folder: string) {
  const all = await runningProcesses();
  const isOurs = await Promise.all(all.map((entry) => isLeftover(entry, folder)));
  return all.filter((_, index) => isOurs[index]);
}

/** A person who looks around in there has a terminal. */
async function isLeftover({ pid, hasTerminal }: TableEntry, folder: string): Promise<boolean> {
  if (pid === process.pid || hasTerminal) return false;
  // Another user's process, or one that is gone: not ours.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  return cwd.startsWith(folder + sep);
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
