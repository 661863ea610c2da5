import { randomUUID } from 'node:crypto';
import {
  type JobServiceServer,
  jobStateNames,
  jobStatusNames,
  type jobWire,
  priorityClasses,
} from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';
import { validateJob, violationsText } from '../domain/validate.ts';
import type { JobFilter, WatchRequest } from '../engine/farm.ts';
import type { RpcContext } from './context.ts';
import { followLog } from './follow-log.ts';
import { historyCalls } from './history-calls.ts';
import { toAttempt, toExplanation, toJob, toJobSpec, toListedJob, toTimelineEntry } from './job-message.ts';
import { checkedReason, checkedRequestId, requiredJobId } from './order-fields.ts';
import { badField, toPageRequest } from './page-request.ts';
import { submitStored } from './stored-jobs.ts';
import { toJobDraft } from './to-job-draft.ts';
import { unary } from './unary.ts';
import { toVerification } from './verify-message.ts';
import { watchStream } from './watch-stream.ts';

const watchedJobsMax = 1_000;
const resumeTokenCharactersMax = 1_024;

/** JobService: parse at the edge, ask the farm, tell in the wire's words. */
export function jobService(context: RpcContext): JobServiceServer {
  const { farm } = context;
  return {
    submitJob: unary(context, (request: jobWire.SubmitJobRequest) => submit(context, request)),
    submitStoredJob: unary(context, (request: jobWire.SubmitStoredJobRequest) =>
      submitStored(context, request),
    ),
    getJob: unary(context, async (request: jobWire.GetJobRequest) => {
      const detail = await farm.job(requiredJobId(request.jobId));
      const timeline = detail.job.timeline.map(toTimelineEntry);
      return { job: toJob(detail), spec: toJobSpec(detail.spec), timeline };
    }),
    listJobs: unary(context, async (request: jobWire.ListJobsRequest) => {
      const page = await farm.jobs(toFilter(request), toPageRequest(request));
      return { jobs: page.entries.map(toListedJob), nextPageToken: page.nextToken };
    }),
    ...historyCalls(context),
    cancelJob: jobOrder(context, 'cancel'),
    retryJob: jobOrder(context, 'retry'),
    holdJob: jobOrder(context, 'hold'),
    releaseJob: jobOrder(context, 'release'),
    changeJobPriority: unary(context, async (request: jobWire.ChangeJobPriorityRequest) => {
      const priority = priorityClasses.fromWire(request.priority, 'priority');
      return { job: toJob(await farm.orderJob({ ...orderOf(request), kind: 'priority', priority })) };
    }),
    listAttempts: unary(context, async (request: jobWire.ListAttemptsRequest) => {
      const page = await farm.attempts(requiredJobId(request.jobId), toPageRequest(request));
      return { attempts: page.entries.map(toAttempt), nextPageToken: page.nextToken };
    }),
    explainJob: unary(context, async (request: jobWire.ExplainJobRequest) =>
      toExplanation(await farm.explain(requiredJobId(request.jobId))),
    ),
    followLog: watchStream(context, (request: jobWire.FollowLogRequest, signal) =>
      followLog(context, request, signal),
    ),
    verifyJob: unary(context, async ({ job }: jobWire.VerifyJobRequest) => {
      if (job === undefined) throw badField('job', 'must be given');
      return toVerification(await farm.verify(toJobDraft(job)));
    }),
    watchJobs: watchStream(context, (request: jobWire.WatchJobsRequest, signal) =>
      watch(context, toWatchRequest(request), signal),
    ),
  };
}

/** A verb that needs nothing but a job: every one has the same messages. */
function jobOrder(context: RpcContext, kind: 'cancel' | 'retry' | 'hold' | 'release') {
  return unary(context, async (request: jobWire.CancelJobRequest) => ({
    job: toJob(await context.farm.orderJob({ ...orderOf(request), kind })),
  }));
}

function orderOf({ requestId, jobId, reason }: jobWire.CancelJobRequest) {
  return {
    requestId: checkedRequestId(requestId),
    jobId: requiredJobId(jobId),
    reason: checkedReason(reason),
  };
}

async function submit(
  context: RpcContext,
  request: jobWire.SubmitJobRequest,
): Promise<jobWire.SubmitJobResponse> {
  const requestId = checkedRequestId(request.requestId);
  const spec = validSpec(context, request);
  const { validateOnly } = request;
  const jobIdMade = request.job?.jobId === '';
  const reply = await context.farm.submit({ requestId, spec, jobIdMade, validateOnly });
  return {
    jobId: reply.jobId,
    status: jobStatusNames.toWire('queued'),
    message: validateOnly
      ? `Job is valid and would go to ${reply.queue}`
      : `Job submitted successfully to ${reply.queue}`,
    queue: reply.queue,
    routeRule: reply.routeRule,
    existed: reply.existed,
  };
}

function validSpec(context: RpcContext, request: jobWire.SubmitJobRequest): JobSpec {
  if (request.job === undefined) throw badField('job', 'must be given');
  const validated = validateJob(toJobDraft(request.job), {
    isInSourceShare: context.isInSourceShare,
    newJobId: randomUUID(),
    nowMs: context.nowMs(),
  });
  if (validated.valid) return validated.spec;
  const { code, violations } = validated;
  throw new FarmError(code, violationsText(violations), { violations });
}

async function* watch(
  { farm }: RpcContext,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<jobWire.WatchJobsResponse> {
  for await (const { view, news, resumeToken } of farm.watch(request, signal)) {
    yield { job: toJob(view), news: news.map(toTimelineEntry), resumeToken };
  }
}

function toFilter(request: jobWire.ListJobsRequest): JobFilter {
  const { userId, queue, states } = request;
  return {
    ...(userId !== '' && { userId }),
    ...(queue !== '' && { queue }),
    ...(states.length > 0 && {
      states: states.map((state, index) => jobStateNames.fromWire(state, `states[${index}]`)),
    }),
  };
}

function toWatchRequest(request: jobWire.WatchJobsRequest): WatchRequest {
  const { jobIds, userId, resumeToken, untilEnded } = request;
  if (jobIds.length > watchedJobsMax) {
    throw badField('job_ids', `must have at most ${watchedJobsMax} entries, not ${jobIds.length}`);
  }
  if (resumeToken.length > resumeTokenCharactersMax) throw badField('resume_token', 'is not a resume token');
  return {
    jobIds: jobIds.map((jobId, index) => requiredJobId(jobId, `job_ids[${index}]`)),
    untilEnded,
    ...(userId !== '' && { userId }),
    ...(resumeToken !== '' && { resumeToken }),
  };
}
