import { hasEnded, type JobChange } from './views.ts';

/** Ends that are remembered, so that they are not reported again after a reconnection. */
const endsMax = 10_000;

/** What a watch must remember between two connections, so that no end state is lost. */
export class WatchMemory {
  /** Where the controller can go on from; empty: from the present state. */
  resumeToken = '';
  readonly #unended: Set<string> | undefined;
  readonly #open = new Set<string>();
  /** The ends that were reported, oldest first. */
  readonly #ended = new Map<string, string>();

  /** @param jobIds - The jobs that are followed to their end; none: the watch goes on for ever. */
  constructor(jobIds: readonly string[]) {
    this.#unended = jobIds.length > 0 ? new Set(jobIds) : undefined;
  }

  /** Every job that was named has ended. */
  get isComplete(): boolean {
    return this.#unended?.size === 0;
  }

  /** Jobs that were seen and had not ended then. At most as many as the farm may hold. */
  get openJobIds(): readonly string[] {
    return [...this.#open];
  }

  /** Takes in a change. False: the end of this job was reported before, and there is nothing new. */
  take({ job }: JobChange): boolean {
    if (!hasEnded(job.state)) {
      this.#open.add(job.jobId);
      return true;
    }
    this.#open.delete(job.jobId);
    this.#unended?.delete(job.jobId);
    // A job can be tried again after its end, and end again.
    const end = `${job.state} ${job.attemptCount}`;
    if (this.#ended.get(job.jobId) === end) return false;
    this.#rememberEnd(job.jobId, end);
    return true;
  }

  /** The controller does not know the job any more. */
  forget(jobId: string): void {
    this.#open.delete(jobId);
  }

  #rememberEnd(jobId: string, end: string): void {
    this.#ended.set(jobId, end);
    if (this.#ended.size <= endsMax) return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined) this.#ended.delete(oldest);
  }
}
