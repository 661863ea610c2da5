import {
  attemptStateNames,
  failureClasses,
  itemTypes,
  jobStateNames,
  jobStatusNames,
  type jobWire,
  outcomes,
  priorityClasses,
  toDuration,
  toLoudness,
  toOptionalDuration,
  toOptionalTimestamp,
  toOptions,
  toProblem,
  toTimestamp,
  toUsage,
} from '../../proto/index.ts';
import type { AttemptRecord } from '../domain/attempt.ts';
import { extrasOf, type ItemSpec, type JobSpec, type TimelineEntry } from '../domain/job.ts';
import { hasEnded, statusOf } from '../domain/job-states.ts';
import type { AgentOpinion } from '../engine/explanations.ts';
import type { Explanation, JobView } from '../engine/farm.ts';

/** A job as people see it. */
export function toJob({ job, percent, etaMs }: JobView): jobWire.Job {
  const { contactSheetPath = '', previewPath = '', loudness } = extrasOf(job);
  return {
    jobId: job.jobId,
    userId: job.userId,
    channelName: job.channelName,
    enable4k: job.enable4k,
    queue: job.queue,
    priority: priorityClasses.toWire(job.priority),
    state: jobStateNames.toWire(job.state),
    status: jobStatusNames.toWire(statusOf(job.state)),
    progressPercent: Math.floor(percent),
    eta: toOptionalDuration(etaMs),
    reason: job.reason ?? '',
    errorMessage: job.errorMessage ?? '',
    problems: job.problems.map(toProblem),
    agentId: job.agentId ?? '',
    outputPath: job.outputPath ?? '',
    finalDuration: toOptionalDuration(job.finalDurationMs),
    featuresUsed: job.features,
    submittedAt: toTimestamp(job.submittedAtMs),
    startedAt: toOptionalTimestamp(job.startedAtMs),
    endedAt: toOptionalTimestamp(job.endedAtMs),
    itemCount: job.itemCount,
    videoCount: job.videoCount,
    attemptCount: job.attemptCount,
    routeRule: job.routeRule,
    wishes: job.wishes,
    deadline: toOptionalTimestamp(job.deadlineMs),
    // An end leaves it behind in the record of a job that was held.
    notBefore: toOptionalTimestamp(hasEnded(job.state) ? undefined : job.notBeforeMs),
    options: job.options && toOptions(job.options),
    contactSheetPath,
    previewPath,
    loudness: loudness && toLoudness(loudness),
  };
}

/** A job in a list: without its problems, of which 1,000 jobs could have more than a message may carry. */
export function toListedJob(view: JobView): jobWire.Job {
  return { ...toJob(view), problems: [] };
}

export function toJobSpec(spec: JobSpec): jobWire.JobSpec {
  return {
    jobId: spec.jobId,
    userId: spec.userId,
    channelName: spec.channelName,
    enable4k: spec.enable4k,
    items: spec.items.map(toItem),
    priority: priorityClasses.toWire(spec.priority),
    queue: spec.queue ?? '',
    wishes: spec.wishes,
    notBefore: toOptionalTimestamp(spec.notBeforeMs),
    deadline: toOptionalTimestamp(spec.deadlineMs),
    options: spec.options && toOptions(spec.options),
  };
}

export function toTimelineEntry(entry: TimelineEntry): jobWire.TimelineEntry {
  return {
    at: toTimestamp(entry.atMs),
    what: entry.what,
    detail: entry.detail,
    agentId: entry.agentId ?? '',
  };
}

export function toAttempt(attempt: AttemptRecord): jobWire.Attempt {
  const { finished } = attempt;
  return {
    jobId: attempt.jobId,
    number: attempt.number,
    fence: attempt.fence,
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
    state: attemptStateNames.toWire(attempt.state),
    outcome: attempt.outcome === undefined ? 0 : outcomes.toWire(attempt.outcome),
    failureClass: attempt.failureClass === undefined ? 0 : failureClasses.toWire(attempt.failureClass),
    message: attempt.message ?? '',
    exitCode: finished?.exitCode,
    stderrTail: finished?.stderrTail ?? [],
    assignedAt: toTimestamp(attempt.assignedAtMs),
    startedAt: toOptionalTimestamp(attempt.startedAtMs),
    encodedAt: toOptionalTimestamp(attempt.encodedAtMs),
    endedAt: toOptionalTimestamp(attempt.endedAtMs),
    usage: finished && toUsage(finished.usage),
    timeline: attempt.timeline.map(toTimelineEntry),
  };
}

export function toExplanation(explanation: Explanation): jobWire.ExplainJobResponse {
  return {
    job: toJob(explanation),
    summary: explanation.summary,
    placeInOrder: explanation.placeInOrder,
    agents: explanation.agents.map(toOpinion),
    plannedAgentId: explanation.plannedAgentId ?? '',
    plannedStart: toOptionalDuration(explanation.plannedStartMs),
    plannedEnd: toOptionalDuration(explanation.plannedEndMs),
    order: explanation.order,
    promisedStart: toOptionalTimestamp(explanation.promisedStartMs),
    overdue: explanation.overdue,
    basis: explanation.basis,
  };
}

export function toOpinion({ agentId, feasible, reasons, outlook }: AgentOpinion): jobWire.AgentOpinion {
  return {
    agentId,
    feasible,
    reasons,
    expectedCompletion: toOptionalDuration(outlook?.endInMs),
    freeIn: toOptionalDuration(outlook?.freeInMs),
    copying: toOptionalDuration(outlook?.copyingMs),
    rendering: toOptionalDuration(outlook?.renderingMs),
    missingBytes: Math.round(outlook?.missingBytes ?? 0),
    speed: outlook?.speed ?? 0,
    speedBasis: outlook?.speedBasis ?? '',
  };
}

function toItem(item: ItemSpec): jobWire.Item {
  return {
    position: item.position,
    itemType: itemTypes.toWire(item.itemType),
    videoId: item.videoId ?? '',
    path: item.path ?? '',
    title: item.title ?? '',
    logoPath: item.logoPath ?? '',
    duration: item.durationMs === undefined ? undefined : toDuration(item.durationMs),
    textAnimationText: item.text ?? '',
    textAnimationWords: [],
    resolution: item.resolution ?? '',
    is4k: item.is4k,
    pathAvailable: item.pathAvailable,
    normalizeLoudness: item.normalizeLoudness ?? false,
  };
}
