import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/** A running process, as the kernel's table has it (Linux only). */
export interface TableEntry {
  readonly pid: number;
  readonly group: number;
  /** Somebody sits at it: our own programs are begun in sessions without a terminal. */
  readonly hasTerminal: boolean;
  /** In clock ticks since the boot: with the pid it names one process for good. */
  readonly startTicks: string;
}

/** All processes that run; one that has ended and waits to be asked for runs no more. Empty where there is no procfs. */
export async function runningProcesses(): Promise<readonly TableEntry[]> {
  if (process.platform !== 'linux') return [];
  const names = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const found = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/stat`, 'utf8').then(parseStat, () => undefined)),
  );
  return found.filter((entry) => entry !== undefined);
}

/** A line of `/proc/<pid>/stat` (proc(5)); undefined for one that is no process any more. */
export function parseStat(line: string): TableEntry | undefined {
  // The name is in brackets and may hold anything, brackets too.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, , group, , terminal] = fields;
  const startTicks = fields[19];
  if (state === 'Z' || state === 'X' || group === undefined || startTicks === undefined) return undefined;
  return { pid: Number.parseInt(line, 10), group: Number(group), hasTerminal: terminal !== '0', startTicks };
}

/** Waits until no process matches, at most so long. Returns whether none is left. */
export async function untilGone(
  matches: (entry: TableEntry) => Promise<boolean> | boolean,
  limitMs: number,
): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    const left = await Promise.all((await runningProcesses()).map(async (entry) => matches(entry)));
    if (!left.includes(true)) return true;
    if (waitedMs >= limitMs) return false;
    await delay(lookEveryMs);
  }
}

const lookEveryMs = 20;
