import process from 'node:process';
import { untilGone } from './process-table.ts';

/** How long the system may take to end what was killed; a process in a hung call cannot even be killed. */
const goneMs = 5_000;

/**
 * Ends what a process left behind: its process group has its id, and keeps it reserved as long as one descendant lives.
 * Call it as soon as the leader has exited; later the id could be another's. Nothing to do on Windows, where
 * `taskkill /T` ends the tree while the leader is still there. Returns whether there was anything.
 */
export function sweepProcessGroup(pid: number): boolean {
  if (process.platform === 'win32') return false;
  try {
    return process.kill(-pid, 'SIGKILL');
  } catch {
    // No descendant is left: the plain case.
    return false;
  }
}

/** Resolves when nothing of the group runs any more, after 5 s at the latest. */
export async function groupGone(pid: number): Promise<void> {
  await untilGone(({ group }) => group === pid, goneMs);
}
