/** Where a waiting job is expected to run. */
export interface Placement {
  readonly jobId: string;
  readonly agentId: string;
  /** From now; 0: at once. */
  readonly startsInMs: number;
  readonly endsInMs: number;
}
