import process from 'node:process';

/**
 * Ends what a process left behind: its process group has its id, and keeps it reserved as long as one descendant lives.
 * Call it as soon as the leader has exited; later the id could be another's. Nothing to do on Windows, where
 * `taskkill /T` ends the tree while the leader is still there.
 */
export function sweepProcessGroup(pid: number): void {
  if (process.platform === 'win32') return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // No descendant is left: the plain case.
  }
}
