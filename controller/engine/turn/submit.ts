import { sizeOf } from '../../domain/estimate.ts';
import { type JobRecord, type JobSpec, untried } from '../../domain/job.ts';
import { type Route, routeJob } from '../../domain/routing.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { Input } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { earlierRequest, type Refused, rememberRequest } from './requests.ts';

type Submit = Extract<Input, { kind: 'submit' }>;

/** What a caller is told to wait before it submits again when the farm is full. */
const fullRetryAfterMs = 30_000;

/** Takes a job in, once: the same job id, or the same request id with the same body, is the same job. */
export function takeSubmit(ledger: Ledger, input: Submit): void {
  if (answerRepeated(ledger, input) || refuseExcess(ledger, input)) return;
  const { queue, rule } = routeOf(input.spec, ledger.settings);
  const settings = ledger.settings.queues.find((candidate) => candidate.name === queue);
  if (settings === undefined) {
    ledger.reply(input.replyId, {
      kind: 'refused',
      code: 'UNKNOWN_QUEUE',
      message: `queue ${queue} is not configured (${ledger.settings.queues.map((known) => known.name).join(', ')})`,
      resource: { type: 'queue', name: queue },
    });
    return;
  }
  const job = newJob(ledger, input, { queue, rule }, settings.rateProfile);
  ledger.putJob(job);
  ledger.putBody({
    jobId: job.jobId,
    spec: input.spec,
    resolved: input.resolved,
    resolution: input.resolution,
  });
  rememberRequest(ledger, input, { verb: 'submit', subject: job.jobId });
  ledger.log('info', 'job-submitted', {
    jobId: job.jobId,
    userId: job.userId,
    queue,
    rule,
    items: job.itemCount,
  });
  ledger.reply(input.replyId, {
    kind: 'submitted',
    reply: { jobId: job.jobId, queue, routeRule: rule, existed: false },
  });
}

/** The queue of a job: its own wish, else the rules'. */
export function routeOf(spec: JobSpec, settings: FarmSettings): Route {
  if (spec.queue !== undefined) return { queue: spec.queue, rule: 'asked for' };
  return routeJob(spec, settings.routing);
}

function answerRepeated(ledger: Ledger, input: Submit): boolean {
  const earlier = earlierRequest(ledger, input, 'submit');
  if (earlier?.same === false) {
    ledger.reply(input.replyId, earlier.refused);
    return true;
  }
  const jobId = earlier?.subject ?? input.spec.jobId;
  const known = ledger.state.jobs.get(jobId) ?? ledger.state.tombstones.get(jobId);
  if (known === undefined) return false;
  ledger.reply(input.replyId, {
    kind: 'submitted',
    reply: { jobId, queue: known.queue, routeRule: known.routeRule, existed: true },
  });
  return true;
}

function refuseExcess(ledger: Ledger, input: Submit): boolean {
  const refused = refusedExcess(ledger, input.spec.userId);
  if (refused !== undefined) ledger.reply(input.replyId, refused);
  return refused !== undefined;
}

/** The farm, or this user, has as many open jobs as it may have; undefined: there is room for one more. */
export function refusedExcess(ledger: Ledger, userId: string): Refused | undefined {
  const { jobsMax, jobsPerUserMax } = ledger.settings.limits;
  const ofUser = ledger.state.openPerUser.get(userId) ?? 0;
  const full = ledger.state.openJobs.size >= jobsMax;
  if (!full && ofUser < jobsPerUserMax) return undefined;
  return {
    kind: 'refused',
    code: 'TOO_MANY_JOBS',
    message: full
      ? `the farm holds ${ledger.state.openJobs.size} open jobs; its limit is ${jobsMax}`
      : `user ${userId} has ${ofUser} open jobs; the limit per user is ${jobsPerUserMax}`,
    retryAfterMs: fullRetryAfterMs,
  };
}

function newJob(
  ledger: Ledger,
  input: Submit,
  route: Route,
  rateProfile: JobRecord['rateProfile'],
): JobRecord {
  const { spec } = input;
  return {
    jobId: spec.jobId,
    userId: spec.userId,
    username: input.username,
    channelName: spec.channelName,
    enable4k: spec.enable4k,
    priority: spec.priority,
    rateProfile,
    queue: route.queue,
    routeRule: route.rule,
    ...sizeOf(spec.items),
    shares: [...new Set([...input.shares, ledger.settings.output.share])],
    submittedAtMs: ledger.nowMs,
    sequence: ledger.state.nextSequence++,
    ...untried,
    timeline: [
      {
        atMs: ledger.nowMs,
        what: 'submitted',
        detail: `${spec.items.length} items to ${route.queue} (rule: ${route.rule})`,
      },
    ],
  };
}
