import { parentPort } from 'node:worker_threads';
import { harmless, mutants } from './mutants.ts';
import { simulate } from './simulate.ts';
/** What a thread is asked for; its answer is the report, without a trace. */
export interface SeedTask {
  readonly seed: number;
  readonly mutant?: string;
}

parentPort?.on('message', ({ seed, mutant }: SeedTask) => {
  const parts = [...mutants, ...harmless].find(({ name }) => name === mutant)?.parts;
  void simulate({ seed, ...(parts && { parts }) }).then((report) => parentPort?.postMessage(report));
});
