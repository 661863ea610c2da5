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
  /** A host that lost a job and is back later than this is passed over for it while another feasible one is attached. */
  lostReturnMs: 60 * second,
  /** Agents that fall silent this close together may be one event: a switch, a power cut (scheduling.md, Outcomes). */
  massLossWindowMs: 60 * second,
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
  /** A restart sooner than this after the one before belongs to the same row: one recovery window for all of them. */
  restartRowMs: 5 * minute,
  /** The store refuses or fails for this long: health turns NOT_SERVING. */
  notServingMs: 10 * second,
  /** A read waits at most this long for the turn under way to be durable; then it is refused. */
  readWaitMs: 5 * second,
  /** Planning in one turn; it goes on in the next. Of the 5 ms of a turn: the last step ends late, garbage is collected. */
  planningMs: 4,
  /** Pause between two tries of a commit that failed. */
  commitRetryMs: 200,
  /** Redis: every call to the store ends within this time; its outcome is then unknown, and it is made again. */
  storeCallMs: 5 * second,
  /** Redis: the leadership runs out this long after it was renewed last, and a standby takes over. */
  leadershipTtlMs: 6 * second,
  /** Redis: the leadership is renewed this often. */
  leadershipRenewMs: 2 * second,
  /** Redis: without renewal for this long the leader gives up by itself, before its leadership runs out. */
  leadershipGraceMs: 3 * second,
  /** A new term while we lead (an agent saw a higher one, the store lost its tail): later than this, we step down. */
  leadAgainMs: 3 * second,
  /** A leader that is asked to stop gives what is under way this long, and then resigns without it. */
  handOverMs: 1_500,

  /** FFmpeg: no frame and no bytes ends its process tree. */
  ffmpegStallMs: 60 * second,
  /** The same, before its first frame. */
  ffmpegStartStallMs: 120 * second,
  /** Clean stop of an attempt, from its acceptance to the last encoded frame. Queues may have their own. */
  softRunMs: 10_200 * second,
  /** Kill of an attempt, counted in the same way. */
  hardRunMs: 10_800 * second,
  /** The controller ends a lease this long after the hard limit and the waiting that was reported, if its agent has not. */
  hardRunMarginMs: 60 * second,
  /** No event and no progress of an attempt, though its agent is heard: probed, then ended. */
  backstopMs: 5 * minute,
  /** Between asking an attempt to stop and killing its process tree. */
  cancelGraceMs: 10 * second,

  /** Back-off of charged attempts, full jitter, begins here. */
  retryMinMs: 30 * second,
  /** And ends here. */
  retryMaxMs: 15 * minute,
  /** Uncharged environment failures are counted over this window. */
  environmentWindowMs: 24 * hour,
  /** A sick host that failed its probe is probed again after this time, doubled at each failure. */
  sickCheckMinMs: 1 * minute,
  /** And at least this often. */
  sickCheckMaxMs: 15 * minute,
  /** A host that is sick again this soon after it was healed is probed with the back-off that it had. */
  sickRelapseMs: 1 * hour,
  /** A host on which a job failed for a reason of the PC is passed over for that job, where another is fit. */
  environmentAvoidMs: 15 * minute,
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

  /** An item is given to a helper only where it is predicted to take at most this long there. */
  assistItemMs: 5 * minute,
  /** A helper is given at least this long for an item, however short: processes start, files are looked at. */
  assistRunMinMs: 60 * second,
  /** What saves the job less than this is not worth a helper. */
  assistSavingMs: 500,
  /** An owner that had nothing to give, or has not answered, is asked again after this time. */
  assistAskMs: 10 * second,

  /** A job that is only verified is answered within this, whatever its agents say. */
  verifyMs: 30 * second,

  /** A job's promised start may slip by this, or by half its predicted time if that is less. */
  startSlipMs: 10 * minute,

  /** One call of a destination (Supabase, BigQuery) may take this long. */
  deliveryMs: 30 * second,
  /** Back-off of a destination that is away begins here. */
  deliveryRetryMinMs: 1 * second,
  /** And ends here. */
  deliveryRetryMaxMs: 5 * minute,
  /** What a destination refused is told again after this time, or when the job changes. */
  deliveryRefusedMs: 15 * minute,
  /** The percent of running jobs is told to the directory this often, where it has changed. */
  progressMirrorMs: 5 * second,

  /** A job whose video ids were looked up longer ago is looked up again before it is assigned or announced. */
  catalogMaxAgeMs: 1 * hour,
  /** Back-off of a catalogue that is away begins here. */
  catalogRetryMinMs: 1 * second,
  /** And ends here. */
  catalogRetryMaxMs: 30 * second,
  /** A catalogue that has not answered the engine for this long counts as away. */
  catalogAnswerMs: 60 * second,

  /** How long a request id is remembered. */
  requestIdMs: 24 * hour,
  /** Ended jobs stay in the hot store. */
  endedJobsMs: 24 * hour,
  /** Quarantined jobs stay there longer: a person decides, and may be away. */
  quarantinedJobsMs: 14 * day,
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

/** What scaling never goes below: FFmpeg opens its inputs, and a plan is made, no faster in a test. */
const floors: Partial<Times> = {
  ffmpegStallMs: 15 * second,
  ffmpegStartStallMs: 15 * second,
  planningMs: 4,
  // A pause of a busy machine must not look like a leader that is gone.
  storeCallMs: 2 * second,
  leadershipTtlMs: 2 * second,
  leadershipRenewMs: 400,
  leadershipGraceMs: 1_200,
  // Agents start a process for each file that they look at.
  verifyMs: 9 * second,
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
