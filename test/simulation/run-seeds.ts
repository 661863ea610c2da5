import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedTask } from './seeds-main.ts';
import type { SimulationReport } from './simulate.ts';

export interface RunOptions {
  readonly seeds: readonly number[];
  /** Name of a mutant; stops at the first violation. @default the real code */
  readonly mutant?: string;
  /** @default one for each core, at most 8 */
  readonly threads?: number;
}

const threadsMax = 8;

/** Simulates many seeds on all cores; the reports come in the order of the seeds. */
export async function runSeeds({ seeds, mutant, threads }: RunOptions): Promise<readonly SimulationReport[]> {
  const count = Math.min(threads ?? Math.min(availableParallelism(), threadsMax), seeds.length);
  const left = [...seeds];
  const reports: SimulationReport[] = [];
  const next = (): SeedTask | undefined => {
    const done = mutant !== undefined && reports.some(({ violation }) => violation !== undefined);
    const seed = done ? undefined : left.shift();
    return seed === undefined ? undefined : { seed, ...(mutant !== undefined && { mutant }) };
  };
  await Promise.all(Array.from({ length: count }, () => work(next, (report) => reports.push(report))));
  return reports.sort((a, b) => a.seed - b.seed);
}

/** One thread, fed until there is nothing more. */
async function work(
  next: () => SeedTask | undefined,
  done: (report: SimulationReport) => void,
): Promise<void> {
  const thread = new Worker(new URL('./seeds-main.ts', import.meta.url));
  try {
    await new Promise<void>((resolve, reject) => {
      const feed = () => {
        const task = next();
        if (task === undefined) resolve();
        else thread.postMessage(task);
      };
      thread.on('message', (report: SimulationReport) => {
        done(report);
        feed();
      });
      thread.on('error', reject);
      feed();
    });
  } finally {
    await thread.terminate();
  }
}
