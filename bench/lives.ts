/** How a farm of no-op jobs is loaded. */
export interface LivesOptions {
  readonly jobs: number;
  readonly agents: number;
  readonly slots: number;
  /** Jobs that were submitted and are not published. */
  readonly inFlight: number;
}

/** A farm as the measurement sees it. */
export interface LivingFarm {
  submit(): Promise<unknown>;
  /** The listener is called for every job that has ended. */
  listen(listener: () => void): void;
}

/** Not counted: a tenth of the jobs, while all sides compile their code. */
const warmUpShare = 0.1;

/**
 * Whole lives a second: keeps so many jobs in flight, and counts from the end of the warm-up to the end of the last job.
 * A submit that is refused ends the bench.
 */
export async function livesPerSecond({ jobs, inFlight }: LivesOptions, farm: LivingFarm): Promise<number> {
  const warmUp = Math.floor(jobs * warmUpShare);
  const total = jobs + warmUp;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let begun = 0;
  let ended = 0;
  let startedAt = 0;
  const begin = (): void => {
    begun += 1;
    farm.submit().catch(reject);
  };
  farm.listen(() => {
    ended += 1;
    if (ended === warmUp) startedAt = performance.now();
    if (ended === total) resolve(jobs / ((performance.now() - startedAt) / 1000));
    if (begun < total) begin();
  });
  while (begun < Math.min(inFlight, total)) begin();
  return await promise;
}
