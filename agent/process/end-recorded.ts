import { rm } from 'node:fs/promises';
import process from 'node:process';
import type { BookEntry } from './process-book.ts';
import { readEntries, startOf } from './process-book.ts';
import { runningProcesses, untilGone } from './process-table.ts';
import { runProcess } from './run.ts';

/** How long the system may take to end a process that was killed. */
const goneMs = 5_000;
/** Windows: a process is written down right behind its start. */
const noteDelayMaxMs = 5_000;

/** Ends what the book names and still runs, with all of its group. Returns how many there were. */
export async function endRecorded(folder: string): Promise<number> {
  const entries = await readEntries(folder);
  const alive = process.platform === 'win32' ? await aliveOnWindows(entries) : entries.filter(isAlive);
  for (const { pid } of alive) await endTree(pid);
  const pids = new Set(alive.map(({ pid }) => pid));
  if (pids.size > 0) await untilGone(({ group }) => pids.has(group), goneMs);
  await rm(folder, { recursive: true, force: true });
  return alive.length;
}

function isAlive({ pid, start }: BookEntry): boolean {
  return start !== undefined && start === startOf(pid);
}

async function endTree(pid: number): Promise<void> {
  if (process.platform === 'win32') {
    await runProcess({ file: 'taskkill', args: ['/PID', `${pid}`, '/T', '/F'], timeoutMs: goneMs });
    return;
  }
  // The agent starts every program as the leader of a group of its own.
  const inGroup = (await runningProcesses()).some(({ group }) => group === pid);
  try {
    process.kill(inGroup ? -pid : pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** Unverified: written from Microsoft's documentation, and never run on Windows. */
async function aliveOnWindows(entries: readonly BookEntry[]): Promise<readonly BookEntry[]> {
  if (entries.length === 0) return [];
  const query = 'Get-Process | ForEach-Object { "$($_.Id) $($_.StartTime.ToFileTimeUtc())" }';
  const { stdout } = await runProcess({
    file: 'powershell.exe',
    args: ['-NoProfile', '-NonInteractive', '-Command', query],
    stdoutCharsMax: 1_000_000,
    timeoutMs: 30_000,
  });
  const startedAtMs = startsFromPowerShell(stdout);
  return entries.filter(({ pid, notedAtMs }) => {
    const startMs = startedAtMs.get(pid);
    return startMs !== undefined && startMs <= notedAtMs && notedAtMs - startMs < noteDelayMaxMs;
  });
}

/** `<pid> <FILETIME>` a line: 100 ns since 1601. Processes whose start may not be read have none. */
export function startsFromPowerShell(stdout: string): ReadonlyMap<number, number> {
  const epochMs = 11_644_473_600_000;
  const found = new Map<number, number>();
  for (const line of stdout.split(/\r?\n/u)) {
    const [pid, fileTime] = line.trim().split(' ').map(Number);
    if (pid !== undefined && fileTime !== undefined && fileTime > 0)
      found.set(pid, fileTime / 10_000 - epochMs);
  }
  return found;
}
