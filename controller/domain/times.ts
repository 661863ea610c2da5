const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Every time limit of the controller in one place, so that one factor can scale them all in tests. Milliseconds.
 * What an agent must know of them it is told in Welcome and Assign.
 */
export const defaultTimes = {
  /** Agents send a heartbeat this often. */
  heartbeatMs: 5 * second,
  /** Nothing heard of an agent for this long: suspect. No new assignment, no announcement; its leases stand. */
  suspectMs: 15 * second,
  /** Nothing heard for this long: the leases end, lost and requeued. */
  leaseMs: 40 * second,
  /** The agent's side ended the stream (FIN or RST): without a return within this time, lost. */
  disconnectedMs: 10 * second,
  /** Hello comes this soon after the stream, or the stream is ended. */
  helloMs: 10 * second,
  /** An assignment not answered: cancelled, stream reset, placed again. */
  assignmentReplyMs: 5 * second,
  /** An agent that declined a job is not asked for it again. */
  declinedMs: 5 * minute,
  /** How long a suspected clone has to answer a Probe before the newcomer supersedes it. */
  probeAnswerMs: 3 * second,
  /** Progress of one job at most this often. */
  progressMinMs: 1 * second,
  /** Progress of one job at least this often, also while it waits. */
  progressMaxMs: 30 * second,
  /** A stream whose queue of writes does not drain is ended. */
  drainMs: 10 * second,

  /** No lease ends in this window after a start, an outage of the store, a failover or a stall of our own loop. */
  recoveryWindowMs: 60 * second,
  /** An outage of the store longer than this opens a recovery window. */
  storageOutageMs: 5 * second,
  /** A stall of our own loop longer than this (or a suspended machine) opens a recovery window. */
  loopStallMs: 5 * second,
  /** The store refuses or fails for this long: health turns NOT_SERVING. */
  notServingMs: 10 * second,
  /** Pause between two tries of a commit that failed. */
  commitRetryMs: 200,

  /** FFmpeg: no frame and no bytes ends its process tree. */
  ffmpegStallMs: 60 * second,
  /** The same, before its first frame. */
  ffmpegStartStallMs: 120 * second,
  /** Clean stop of an attempt, from its acceptance to the last encoded frame. Queues may have their own. */
  softRunMs: 10_200 * second,
  /** Kill of an attempt, counted in the same way. */
  hardRunMs: 10_800 * second,
  /** Between asking an attempt to stop and killing its process tree. */
  cancelGraceMs: 10 * second,

  /** Back-off of charged attempts, full jitter, begins here. */
  retryMinMs: 30 * second,
  /** And ends here. */
  retryMaxMs: 15 * minute,
  /** Uncharged environment failures are counted over this window. */
  environmentWindowMs: 24 * hour,
  /** Back-off of a granted publication that nobody could finish begins here. */
  publishRetryMinMs: 5 * second,
  /** And ends here. */
  publishRetryMaxMs: 5 * minute,

  /** Waiting this long raises a job's effective class by one. */
  agingMs: 4 * hour,
  /** An announcement moves only for a gain above this. */
  announceGainMs: 60 * second,
  /** An announcement of one job moves at most this often. */
  announceHoldMs: 2 * minute,

  /** How long a request id is remembered. */
  requestIdMs: 24 * hour,
  /** Ended jobs stay in the hot store. */
  endedJobsMs: 24 * hour,
  /** Tombstones of ended jobs stay in the store. */
  tombstonesMs: 90 * day,
  /** From the signal to the forced end of the servers. */
  shutdownMs: 5 * second,
  /** Agents that are told to come back spread over this time. */
  comeBackSpreadMs: 2 * second,
} as const satisfies Record<string, number>;

export type TimeName = keyof typeof defaultTimes;

/** Milliseconds by name. */
export type Times = Readonly<Record<TimeName, number>>;

/** What scaling never goes below: FFmpeg needs that long to open its inputs on a busy machine. */
const floors: Partial<Times> = {
  ffmpegStallMs: 15 * second,
  ffmpegStartStallMs: 15 * second,
};

/** All times multiplied by `factor` (tests: 0.1), rounded to whole milliseconds, at least 1 ms, never below the floors. */
export function scaleTimes(times: Times, factor: number): Times {
  const entries = timeNames.map((name) => [name, scaled(name, times[name], factor)] as const);
  return Object.freeze(Object.fromEntries(entries) as Record<TimeName, number>);
}

export const timeNames: readonly TimeName[] = Object.keys(defaultTimes) as TimeName[];

/** A time that was configured below its floor stays as it was configured: the floor limits scaling, not people. */
function scaled(name: TimeName, ms: number, factor: number): number {
  const floor = Math.min(floors[name] ?? 1, ms);
  return Math.max(Math.round(ms * factor), floor);
}
