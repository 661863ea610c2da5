/**
 * Which processes an agent has started: a small file for each, named after its pid, gone when it has ended. What a killed
 * agent left is found by it at the next start. Guarantee: a process is ended only when its pid *and* its start are those
 * that were written down, so that a pid which another program has by now harms nobody.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { parseStat, runningProcesses, untilGone } from './process-table.ts';
import { runProcess } from './run.ts';

export interface ProcessBook {
  /** Writes a started process down; returns how to strike it out. Never throws: a book is not worth a job. */
  note(pid: number): () => void;
}

const entryShape = z.object({
  pid: z.number().int().positive(),
  /** Linux: which boot, and the ticks since it. */
  start: z.string().optional(),
  /** By this PC's clock, for systems without procfs. */
  notedAtMs: z.number(),
});
type Entry = z.infer<typeof entryShape>;

/** How long the system may take to end a process that was killed. */
const goneMs = 5_000;
/** Windows: a process is written down right behind its start. */
const noteDelayMaxMs = 5_000;

export function openProcessBook(folder: string): ProcessBook {
  mkdirSync(folder, { recursive: true });
  return {
    note(pid) {
      const path = join(folder, `${pid}.json`);
      try {
        const start = startOf(pid);
        const entry: Entry = { pid, notedAtMs: Date.now(), ...(start === undefined ? {} : { start }) };
        // Synchronous: between the start and the note the agent may be killed, and nothing else happens meanwhile.
        writeFileSync(path, JSON.stringify(entry));
      } catch {
        // Its folder is full or gone: on Linux it is still found by the folder that it works in.
      }
      return () => rmSync(path, { force: true });
    },
  };
}

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

async function readEntries(folder: string): Promise<readonly Entry[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        return entryShape.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
      } catch {
        // Torn by the very kill that we clean up after.
        return undefined;
      }
    }),
  );
  return found.filter((entry) => entry !== undefined);
}

function isAlive({ pid, start }: Entry): boolean {
  return start !== undefined && start === startOf(pid);
}

/** Undefined where it cannot be told: then nothing is ended. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const entry = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return entry === undefined ? undefined : `${boot} ${entry.startTicks}`;
  } catch {
    return undefined;
  }
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
async function aliveOnWindows(entries: readonly Entry[]): Promise<readonly Entry[]> {
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
