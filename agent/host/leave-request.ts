/**
 * How somebody on this PC asks the agent to leave, and says why: a file in its data folder, the same on Linux and
 * Windows, which has no signals. The agent takes the file away when it has seen it.
 */
import { constants } from 'node:fs';
import { lstat, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentGoodbye } from '../../proto/agent-link.ts';
import { JournalOwnedError, takeOwnerLock } from '../outbox/owner-lock.ts';

export type LeaveReason = AgentGoodbye['reason'];
export const leaveReasons = ['shutdown', 'upgrade', 'sleep'] as const satisfies readonly LeaveReason[];

const fileName = 'leave';
const lookEveryMs = 1_000;
/** More than any reason, less than anything that hurts. */
const wordsBytesMax = 64;

/** Looks for a request until one is there; an older one counts for nothing. Returns how to stop looking. */
export function watchLeaveRequests(dataDir: string, onRequest: (reason: LeaveReason) => void): () => void {
  const path = join(dataDir, fileName);
  let isOver = false;
  const take = async (): Promise<void> => {
    const words = await readWords(path).catch(() => '');
    const reason = leaveReasons.find((one) => one === words);
    if (reason === undefined || isOver) return;
    isOver = true;
    await rm(path, { force: true }).catch(() => undefined);
    onRequest(reason);
  };
  const forgotten = rm(path, { force: true }).catch(() => undefined);
  const timer = setInterval(() => void forgotten.then(take), lookEveryMs);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

/** What a file of ours says. Whatever else has its name (a link, a pipe, something huge) is not waited for, and says nothing. */
async function readWords(path: string): Promise<string> {
  // Windows lacks two of them: undefined counts as 0 here.
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    if (!(await file.stat()).isFile()) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wordsBytesMax), 0, wordsBytesMax, 0);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}

/**
 * Asks the agent of this data folder to leave, and waits until it has. One that only starts takes what it finds for an
 * older request: it is asked again.
 */
export async function askToLeave(
  dataDir: string,
  reason: LeaveReason,
  limitMs = 60_000,
): Promise<'left' | 'none-runs' | 'still-runs'> {
  if (!isOwned(dataDir)) return 'none-runs';
  const path = join(dataDir, fileName);
  const everyMs = 100;
  await ask(path, reason);
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += everyMs) {
    if ((await lstat(path).catch(() => undefined)) === undefined) await ask(path, reason);
    await delay(everyMs);
    if (!isOwned(dataDir)) {
      await rm(path, { force: true });
      return 'left';
    }
  }
  return 'still-runs';
}

async function ask(path: string, reason: LeaveReason): Promise<void> {
  await writeFile(`${path}.part`, `${reason}\n`);
  await rename(`${path}.part`, path);
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
