/** Where a waiting job is expected to run. */
export interface Placement {
  readonly jobId: string;
  readonly agentId: string;
  /** From now; 0: at once. */
  readonly startsInMs: number;
  readonly endsInMs: number;
  /** Copying that is left when it starts. */
  readonly fetchMs: number;
  /** Its place in the order: jobs of a higher class come first, and of one class those that are overdue. */
  readonly effectiveClass: number;
  readonly overdue: boolean;
  /** The limit that it waits for, where it is not its agent. */
  readonly limit?: string;
}
