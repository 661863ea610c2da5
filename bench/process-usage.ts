import { readFile } from 'node:fs/promises';

/** Linux counts CPU time in hundredths of a second. */
const ticksPerSecond = 100;
const pageKib = 4;

/** What a process has used up to now. */
export interface ProcessUsage {
  readonly cpuS: number;
  readonly rssKib: number;
}

/** CPU time of all its threads, user and system, and the memory that it has now. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [stat, statm] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/statm`, 'utf8'),
  ]);
  // The second field, the name, may hold spaces; it ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuS: ticks / ticksPerSecond, rssKib: Number(statm.split(' ')[1]) * pageKib };
}
