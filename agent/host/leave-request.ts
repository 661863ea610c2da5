/**
 * How somebody on this PC asks the agent to leave, and says why: a file in its data folder, the same on Linux and
 * Windows, which has no signals. The agent takes the file away when it has seen it.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentGoodbye } from '../../proto/agent-link.ts';
import { JournalOwnedError, takeOwnerLock } from '../outbox/owner-lock.ts';

export type LeaveReason = AgentGoodbye['reason'];
export const leaveReasons = ['shutdown', 'upgrade', 'sleep'] as const satisfies readonly LeaveReason[];

const fileName = 'leave';
const lookEveryMs = 1_000;

/** Looks for a request until one is there; an older one counts for nothing. Returns how to stop looking. */
export function watchLeaveRequests(dataDir: string, onRequest: (reason: LeaveReason) => void): () => void {
  const path = join(dataDir, fileName);
  let isOver = false;
  const take = async (): Promise<void> => {
    const words = (await readFile(path, 'utf8').catch(() => '')).trim();
    const reason = leaveReasons.find((one) => one === words);
    if (reason === undefined || isOver) return;
    isOver = true;
    await rm(path, { force: true });
    onRequest(reason);
  };
  const forgotten = rm(path, { force: true }).catch(() => undefined);
  const timer = setInterval(() => void forgotten.then(take), lookEveryMs);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

/** Asks the agent of this data folder to leave, and waits until it has. */
export async function askToLeave(
  dataDir: string,
  reason: LeaveReason,
  limitMs = 60_000,
): Promise<'left' | 'none-runs' | 'still-runs'> {
  if (!isOwned(dataDir)) return 'none-runs';
  const path = join(dataDir, fileName);
  await writeFile(`${path}.part`, `${reason}\n`);
  await rename(`${path}.part`, path);
  const everyMs = 100;
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += everyMs) {
    await delay(everyMs);
    if (!isOwned(dataDir)) return 'left';
  }
  return 'still-runs';
}

/** Whether a running agent holds the folder. */
function isOwned(dataDir: string): boolean {
  try {
    takeOwnerLock(join(dataDir, 'journal', 'journal.lock')).release();
    return false;
  } catch (error) {
    // No such folder: no agent has ever run there.
    return error instanceof JournalOwnedError;
  }
}
