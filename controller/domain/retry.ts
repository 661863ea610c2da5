import type { FailureClass, Outcome, Problem } from '../../proto/agent-link.ts';
import type { JobRecord } from './job.ts';
import type { FarmSettings } from './settings.ts';

/** Limits of scheduling.md, Outcomes and retries. */
export interface RetryPolicy {
  /** Attempts of class `job`, or ended for lack of progress, before the job fails. */
  readonly chargedMax: number;
  /** Lost attempts before the job is quarantined. */
  readonly lossesMax: number;
  /** Uncharged `environment` failures within `environmentWindowMs` before the job is quarantined. */
  readonly environmentMax: number;
  readonly environmentWindowMs: number;
  /** First back-off; doubled at each failure. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

/** The policy that a farm's settings describe. */
export function retryPolicy({ retries, times }: Pick<FarmSettings, 'retries' | 'times'>): RetryPolicy {
  return {
    chargedMax: retries.attemptsMax,
    lossesMax: retries.lossesMax,
    environmentMax: retries.environmentFailuresMax,
    environmentWindowMs: times.environmentWindowMs,
    backoffMinMs: times.retryMinMs,
    backoffMaxMs: times.retryMaxMs,
  };
}

/** How an attempt ended that did not publish. */
export interface AttemptEnd {
  readonly outcome: Exclude<Outcome, 'published'>;
  readonly failureClass?: FailureClass;
  readonly message: string;
  readonly problems: readonly Problem[];
  /** A loss that is nobody's doing (many agents fell silent at once) does not count. */
  readonly lossCounts: boolean;
  /** Another feasible host is predicted to end the job within its run time. */
  readonly fitsElsewhere: boolean;
}

/** What becomes of the job, with the counters that change. */
export type Disposition = Pick<JobRecord, 'charged' | 'losses' | 'environmentFailures'> &
  (
    | { readonly to: 'waiting'; readonly reason: string }
    | { readonly to: 'delayed'; readonly reason: string; readonly notBeforeMs: number }
    | { readonly to: 'failed' | 'quarantined' | 'cancelled'; readonly reason: string }
  );

/**
 * Decides what becomes of a job whose live attempt has ended.
 *
 * @param random a number in [0, 1): the back-off has full jitter, so that jobs that failed together do not come
 *   back together.
 */
export function afterAttempt(
  job: JobRecord,
  end: AttemptEnd,
  nowMs: number,
  random: number,
  policy: RetryPolicy,
): Disposition {
  const counters = {
    charged: job.charged,
    losses: job.losses,
    environmentFailures: job.environmentFailures,
  };
  switch (end.outcome) {
    case 'cancelled':
      return { ...counters, to: 'cancelled', reason: end.message };
    case 'lost':
      return afterLoss(counters, end, policy);
    case 'returned':
    case 'evicted':
    case 'superseded':
    case 'declined':
      return { ...counters, to: 'waiting', reason: `requeued: ${end.message}` };
    case 'timed-out':
      return afterTimeOut(counters, end, nowMs, random, policy);
    case 'failed':
      return afterFailure(counters, end, nowMs, random, policy);
  }
}

type Counters = Pick<JobRecord, 'charged' | 'losses' | 'environmentFailures'>;

function afterLoss(counters: Counters, end: AttemptEnd, policy: RetryPolicy): Disposition {
  if (!end.lossCounts) return { ...counters, to: 'waiting', reason: `requeued: ${end.message}` };
  const losses = counters.losses + 1;
  if (losses >= policy.lossesMax) {
    return {
      ...counters,
      losses,
      to: 'quarantined',
      reason: `quarantined: lost its agent ${losses} times, the last time because ${end.message}`,
    };
  }
  return { ...counters, losses, to: 'waiting', reason: `requeued: ${end.message}` };
}

function afterFailure(
  counters: Counters,
  end: AttemptEnd,
  nowMs: number,
  random: number,
  policy: RetryPolicy,
): Disposition {
  if (end.failureClass === 'input') return { ...counters, to: 'failed', reason: end.message };
  if (end.failureClass === 'environment') return afterEnvironment(counters, end, nowMs, random, policy);
  return afterCharge(counters, end, nowMs, random, policy);
}

/** An attempt that ran too long would do so again, except on a host that is faster (scheduling.md, Outcomes and retries). */
function afterTimeOut(
  counters: Counters,
  end: AttemptEnd,
  nowMs: number,
  random: number,
  policy: RetryPolicy,
): Disposition {
  if (end.fitsElsewhere) return afterCharge(counters, end, nowMs, random, policy);
  const charged = counters.charged + 1;
  return { ...counters, charged, to: 'failed', reason: `${end.message}; no other host would be faster` };
}

function afterCharge(
  counters: Counters,
  end: AttemptEnd,
  nowMs: number,
  random: number,
  policy: RetryPolicy,
): Disposition {
  const charged = counters.charged + 1;
  if (charged >= policy.chargedMax) return { ...counters, charged, to: 'failed', reason: end.message };
  return {
    ...counters,
    charged,
    to: 'delayed',
    reason: `attempt ${charged} of ${policy.chargedMax} failed: ${end.message}`,
    notBeforeMs: nowMs + backoffMs(charged, random, policy),
  };
}

/** Not charged; the back-off, and what is too much, count by cause: a full disk says nothing of a lost encoder. */
function afterEnvironment(
  counters: Counters,
  end: AttemptEnd,
  nowMs: number,
  random: number,
  policy: RetryPolicy,
): Disposition {
  const cause = (end.problems[0]?.code ?? '').slice(0, causeCharactersMax);
  const environmentFailures = [...counters.environmentFailures, { atMs: nowMs, cause }].filter(
    ({ atMs }) => atMs > nowMs - policy.environmentWindowMs,
  );
  const same = environmentFailures.filter((failure) => failure.cause === cause).length;
  const isTooMuch =
    same >= policy.environmentMax || environmentFailures.length >= causesMax * policy.environmentMax;
  if (isTooMuch) {
    const count = same >= policy.environmentMax ? same : environmentFailures.length;
    return {
      ...counters,
      environmentFailures,
      to: 'quarantined',
      reason: `quarantined: its surroundings failed ${count} times in 24 h, the last time: ${end.message}`,
    };
  }
  return {
    ...counters,
    environmentFailures,
    to: 'delayed',
    reason: `waits after a failure of its surroundings: ${end.message}`,
    notBeforeMs: nowMs + backoffMs(same, random, policy),
  };
}

/** Causes are an agent's words: neither their length nor their number is ours. */
const causeCharactersMax = 64;
const causesMax = 5;

function backoffMs(failures: number, random: number, policy: RetryPolicy): number {
  const ceiling = Math.min(policy.backoffMaxMs, policy.backoffMinMs * 2 ** (failures - 1));
  return Math.ceil(ceiling * random);
}
