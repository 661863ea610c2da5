import { requiredFeatures } from '../../../proto/render-options.ts';
import { sizeOf } from '../../domain/estimate.ts';
import { type JobRecord, type JobSpec, untried } from '../../domain/job.ts';
import { notBeforeReason } from '../../domain/job-verbs.ts';
import { type Route, routeJob } from '../../domain/routing.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { violationsText } from '../../domain/validate.ts';
import { checkTimesAt } from '../../domain/validate-times.ts';
import { noteCatalog, refusedWithoutCatalog } from './catalog.ts';
import type { Input } from './inputs.ts';
import { knownJob } from './known-job.ts';
import type { Ledger } from './ledger.ts';
import { refusedFullOutbox } from './outbox.ts';
import { earlierRequest, type Refused, rememberRequest } from './requests.ts';

type Submit = Extract<Input, { kind: 'submit' }>;

/** What a caller is told to wait before it submits again when the farm is full. */
const fullRetryAfterMs = 30_000;

/** Takes a job in, once: the same job id, or the same request id with the same body, is the same job. */
export function takeSubmit(ledger: Ledger, input: Submit): void {
  if (answerRepeated(ledger, input) || refuseLate(ledger, input)) return;
  const { queue, rule } = routeOf(input.spec, ledger.settings);
  const settings = ledger.settings.queues.find((candidate) => candidate.name === queue);
  if (settings === undefined) {
    ledger.reply(input.replyId, unknownQueue(ledger.settings, queue));
    return;
  }
  const { awaits } = input;
  const refused =
    refusedFullOutbox(ledger) ??
    refusedExcess(ledger, { userId: input.spec.userId, queue }) ??
    (awaits === undefined ? undefined : refusedWithoutCatalog(ledger, awaits));
  if (refused !== undefined) {
    ledger.reply(input.replyId, refused);
    return;
  }
  const rateProfile = input.spec.options?.rateProfile ?? settings.rateProfile;
  const job = newJob(ledger, input, { queue, rule }, rateProfile);
  ledger.putJob(job);
  ledger.putBody({
    jobId: job.jobId,
    spec: input.spec,
    resolved: input.resolved,
    resolution: input.resolution,
  });
  if (awaits !== undefined || job.lookedUpAtMs !== undefined) noteCatalog(ledger, awaits);
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

/** Of a job that can go nowhere else; says which queues there are. */
export function unknownQueue({ queues }: Pick<FarmSettings, 'queues'>, queue: string): Refused {
  const known = queues.map(({ name }) => name).join(', ');
  const message = `queue ${queue} is not configured (${known})`;
  return { kind: 'refused', code: 'UNKNOWN_QUEUE', message, resource: { type: 'queue', name: queue } };
}

function answerRepeated(ledger: Ledger, input: Submit): boolean {
  const earlier = earlierRequest(ledger, input, 'submit');
  if (earlier?.same === false) {
    ledger.reply(input.replyId, earlier.refused);
    return true;
  }
  const jobId = earlier?.subject ?? input.spec.jobId;
  const known = knownJob(ledger.state, ledger.settings, jobId);
  if (known === undefined) return false;
  ledger.reply(input.replyId, 'kind' in known ? known : { kind: 'submitted', reply: known });
  return true;
}

/** A deadline that is over, or a time too far ahead: of a new job only. */
function refuseLate(ledger: Ledger, { replyId, spec }: Submit): boolean {
  const violations = checkTimesAt(spec, ledger.nowMs);
  if (violations.length === 0) return false;
  const message = violationsText(violations);
  ledger.reply(replyId, { kind: 'refused', code: 'INVALID_JOB', message, violations });
  return true;
}

/** The farm, this user or this queue has as many open jobs as it may have; undefined: there is room for one more. */
export function refusedExcess(
  ledger: Pick<Ledger, 'state' | 'settings'>,
  { userId, queue }: Pick<JobRecord, 'userId' | 'queue'>,
): Refused | undefined {
  const { limits, queues } = ledger.settings;
  const { openJobs, openPerUser, openPerQueue } = ledger.state;
  const ofUser = openPerUser.get(userId) ?? 0;
  const ofQueue = openPerQueue.get(queue) ?? 0;
  const queueMax = queues.find(({ name }) => name === queue)?.jobsMax ?? Number.POSITIVE_INFINITY;
  const full = (message: string, resource?: Refused['resource']): Refused => ({
    kind: 'refused',
    code: 'TOO_MANY_JOBS',
    message,
    retryAfterMs: fullRetryAfterMs,
    ...(resource && { resource }),
  });
  if (openJobs.size >= limits.jobsMax) {
    return full(`the farm holds ${openJobs.size} open jobs; its limit is ${limits.jobsMax}`);
  }
  if (ofUser >= limits.jobsPerUserMax) {
    const message = `user ${userId} has ${ofUser} open jobs; the limit per user is ${limits.jobsPerUserMax}`;
    return full(message, { type: 'user', name: userId });
  }
  if (ofQueue < queueMax) return undefined;
  const message = `queue ${queue} has ${ofQueue} open jobs; its limit is ${queueMax}`;
  return full(message, { type: 'queue', name: queue });
}

function newJob(
  ledger: Ledger,
  input: Submit,
  route: Route,
  rateProfile: JobRecord['rateProfile'],
): JobRecord {
  const { spec } = input;
  const delay = delayOf(spec, ledger.nowMs);
  const detail = `${spec.items.length} items to ${route.queue} (rule: ${route.rule})`;
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
    ...(spec.wishes && { wishes: spec.wishes }),
    ...(spec.deadlineMs !== undefined && { deadlineMs: spec.deadlineMs }),
    ...(ledger.settings.shadow === true && { shadow: {} }),
    ...askedOf(spec),
    ...untried,
    ...delay,
    ...lookUpOf(input, ledger.nowMs),
    timeline: [
      {
        atMs: ledger.nowMs,
        what: 'submitted',
        detail: delay.reason === undefined ? detail : `${detail}, ${delay.reason}`,
      },
    ],
  };
}

/** What its record says of the catalogue. */
export function lookUpOf(
  { spec, resolution, awaits }: Pick<Submit, 'spec' | 'resolution' | 'awaits'>,
  nowMs: number,
): Pick<JobRecord, 'awaitsCatalog' | 'lookedUpAtMs'> {
  if (awaits !== undefined) return { awaitsCatalog: { sinceMs: nowMs, why: awaits } };
  const hasIds = spec.items.some(({ videoId }) => videoId !== undefined);
  return hasIds ? { lookedUpAtMs: resolution.resolvedAtMs } : {};
}

/** What is asked of its agent, as its record keeps it. */
export function askedOf(spec: Pick<JobSpec, 'options' | 'items'>): Pick<JobRecord, 'options' | 'requires'> {
  const requires = requiredFeatures(spec);
  return { ...(spec.options && { options: spec.options }), ...(requires.length > 0 && { requires }) };
}

function delayOf(
  { notBeforeMs }: JobSpec,
  nowMs: number,
): Partial<Pick<JobRecord, 'state' | 'reason' | 'notBeforeMs' | 'agedFromMs'>> {
  if (notBeforeMs === undefined || notBeforeMs <= nowMs) return {};
  const reason = notBeforeReason(notBeforeMs);
  return { state: 'delayed', reason, notBeforeMs, agedFromMs: notBeforeMs };
}
