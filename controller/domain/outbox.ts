/** Where the outside wants to know of jobs. The store holds at most one row for each of them and job. */
export const destinations = ['directory', 'results', 'history'] as const;

/**
 * `directory`: the mirror of the job in the studio's tables (Supabase). `results`: the row of a job that has ended
 * (BigQuery, or the embedded table). `history`: what is left of a job when it has left the hot store.
 */
export type DestinationName = (typeof destinations)[number];

/**
 * A destination has not been told of a job as it is now. There is no content in it: what is told is the job as it is
 * when it is told, so that the newest state wins and what waits is bounded by the jobs.
 */
export interface OutboxRow {
  readonly destination: DestinationName;
  readonly jobId: string;
  /** Grows with each change that the destination must hear of: what was told of an older one settles nothing. */
  readonly mark: number;
  /** Since when it waits to be told. */
  readonly sinceMs: number;
  /** The destination will not take it as it is; set aside, so that it is in nobody's way. */
  readonly refused?: {
    readonly reason: string;
    readonly atMs: number;
    /** It is told again then, or when the job changes. */
    readonly nextTryAtMs: number;
    readonly times: number;
  };
}

/** The key of a row, in memory and in the store. */
export function rowKey(destination: DestinationName, jobId: string): string {
  return `${destination}/${jobId}`;
}
