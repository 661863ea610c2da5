import type { ChaosFarm } from './farm.ts';
import type { JobStream } from './job-stream.ts';
import { until } from './later.ts';
import type { Recorder } from './recorder.ts';

/** With everything in order again, every job has ended after this long: back-offs, leases and windows included. */
const restLimitMs = 150_000;

/**
 * Starts what does not run, and waits until every job that was acknowledged has ended. A program that has ended by
 * itself is noted: none of ours may. Returns whether the farm came to rest.
 */
export async function comeToRest(
  farm: ChaosFarm,
  jobs: JobStream,
  recorder: Recorder,
  signal: AbortSignal,
): Promise<boolean> {
  const programs = [
    ...(farm.redis === undefined ? [] : [farm.redis]),
    ...farm.controllers.map(({ program }) => program),
    ...farm.agents.map(({ program }) => program),
  ];
  for (const program of programs) {
    program.signal('SIGCONT');
    if (program.isRunning) continue;
    recorder.fault({ fault: program.name, what: 'did not run at the end' });
    program.start();
  }
  return await until(() => jobs.open() === 0, restLimitMs, signal);
}
