import { hasEnded, type JobChange, type JobState } from './views.ts';

/** What a watch must remember between two connections, so that no end state is lost. */
export class WatchMemory {
  /** Where the controller can go on from; empty: from the present state. */
  resumeToken = '';
  readonly #unended: Set<string> | undefined;
  readonly #open = new Map<string, JobState>();

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
    return [...this.#open.keys()];
  }

  /** Takes in a change. False: the end of this job was reported before, and there is nothing new. */
  take(change: JobChange): boolean {
    const { jobId, state } = change.job;
    if (!hasEnded(state)) {
      this.#open.set(jobId, state);
      return true;
    }
    const isNews = this.#open.delete(jobId) || this.#unended === undefined || this.#unended.has(jobId);
    this.#unended?.delete(jobId);
    return isNews;
  }

  /** The controller does not know the job any more. */
  forget(jobId: string): void {
    this.#open.delete(jobId);
  }
}
