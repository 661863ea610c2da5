import { flowOf } from './fair-share.ts';
import { effectiveClass, slackOf } from './rank.ts';
import type { Snapshot, WaitingJob } from './snapshot.ts';
import { countText, ratioText, spanText, toldMs } from './words.ts';

const classWords = ['low', 'normal', 'high', 'urgent'] as const;

/**
 * What a job's place in the order is made of, one sentence each, in the order in which they count.
 * @param speed - the best of the agents that can take it
 */
export function orderWords(
  snapshot: Pick<Snapshot, 'nowMs' | 'rules' | 'charges' | 'tuning'>,
  job: WaitingJob,
  speed: number,
): readonly string[] {
  return [
    classText(snapshot, job),
    ...deadlineText(snapshot, job, speed),
    shareText(snapshot, job),
    ...promiseText(snapshot, job),
    `age: submitted ${spanText(toldMs(snapshot.nowMs - job.submittedAtMs))} ago; older jobs of ${job.userId} come first`,
  ];
}

function classText(
  { nowMs, rules, charges, tuning }: Pick<Snapshot, 'nowMs' | 'rules' | 'charges' | 'tuning'>,
  job: WaitingJob,
): string {
  const servedAtMs = charges.startedAtMs(flowOf(job, rules).key, job.priority);
  const effective = effectiveClass(job, servedAtMs, nowMs, tuning);
  const gained = effective - classWords.indexOf(job.priority);
  if (gained <= 0) return `class: ${job.priority}`;
  const waitedMs = nowMs - Math.max(job.submittedAtMs, servedAtMs);
  const counts = classWords[effective] ?? `${effective - classWords.length + 1} above urgent`;
  const since = `${spanText(toldMs(waitedMs))} without a start of ${job.userId} in it`;
  return `class: ${job.priority}, counts as ${counts} after ${since}`;
}

function deadlineText(
  { nowMs, tuning }: Pick<Snapshot, 'nowMs' | 'tuning'>,
  job: WaitingJob,
  speed: number,
): readonly string[] {
  if (job.deadlineMs === undefined) return [];
  const leftMs = job.deadlineMs - nowMs;
  const firstOfOwn = `first of ${job.userId}'s jobs of its class`;
  if (leftMs <= 0) return [`deadline: over for ${spanText(toldMs(-leftMs))}; ${firstOfOwn}`];
  const left = `in ${spanText(toldMs(leftMs))}`;
  if (!(speed > 0)) return [`deadline: ${left}`];
  const slackMs = slackOf(job, speed, nowMs, tuning);
  const takes = `rendering takes about ${spanText(job.outputMs / speed)} on the fastest agent`;
  if (slackMs === undefined) return [`deadline: ${left}, far enough to change nothing yet (${takes})`];
  if (slackMs < 0) return [`deadline: ${left}, too soon to be kept (${takes}); ${firstOfOwn}`];
  return [
    `deadline: ${left}, which is short (${takes}); first of its class, while ${job.userId} is not ahead of others`,
  ];
}

/** How much its flow has had beside others. */
function shareText({ rules, charges }: Pick<Snapshot, 'rules' | 'charges'>, job: WaitingJob): string {
  const { key, weight } = flowOf(job, rules);
  const isOfQueue = rules.queues.get(job.queue)?.weight !== undefined;
  const whose = `${job.userId}${isOfQueue ? ` in ${job.queue}` : ''}`;
  const others = [...charges.servedMs].filter(([other]) => other !== key).map(([, ms]) => ms);
  const weighed = weight === 1 ? '' : ` (weight ${ratioText(weight)})`;
  if (others.length === 0) return `fair share: nobody but ${whose} has jobs that could start`;
  const aheadMs = charges.standsAtMs(key) - Math.min(...others);
  const many = `${countText(others.length, isOfQueue ? 'other share' : 'other user')} with jobs that could start`;
  const span = spanText(Math.abs(aheadMs));
  // A flow that has just come begins where the one is that has had least.
  if (Math.abs(aheadMs) < 30_000)
    return `fair share: ${whose}${weighed} is level with whoever has had least (${many})`;
  if (aheadMs > 0)
    return `fair share: ${whose}${weighed} is ${span} of output ahead of whoever has had least (${many})`;
  return `fair share: ${whose}${weighed} is ${span} of output behind everybody else (${many})`;
}

function promiseText({ nowMs }: Pick<Snapshot, 'nowMs'>, { promise, userId }: WaitingJob): readonly string[] {
  if (promise === undefined) return [];
  const waitMs = toldMs(promise.startAtMs - promise.madeAtMs);
  const made = `when it was first passed over, ${spanText(toldMs(nowMs - promise.madeAtMs))} ago`;
  const expected = `its start was expected in ${spanText(waitMs)} ${made}`;
  if (!promise.overdue) return [`promise: ${expected}`];
  return [`overdue: ${expected}, and has slipped too far; first of ${userId}'s jobs of its class`];
}
