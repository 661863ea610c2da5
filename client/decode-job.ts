import {
  attemptStateNames,
  failureClasses,
  fromLoudness,
  fromOptionalDuration,
  itemTypes,
  jobStateNames,
  jobStatusNames,
  type jobWire,
  outcomes,
  priorityClasses,
  rateChoices,
} from '../proto/index.ts';
import { RenderfarmError } from './errors.ts';
import type { ItemInput, OptionsInput } from './job-input.ts';
import { present } from './present.ts';
import type {
  AttemptView,
  JobChange,
  JobDetails,
  JobView,
  ProblemView,
  Submission,
  TimelineView,
  UsageView,
} from './views.ts';

export function decodeSubmission(reply: jobWire.SubmitJobResponse): Submission {
  return {
    jobId: reply.jobId,
    status: jobStatusNames.fromWire(reply.status, 'status'),
    message: reply.message,
    queue: reply.queue,
    routeRule: reply.routeRule,
    existed: reply.existed,
  };
}

export function decodeDetails(reply: jobWire.GetJobResponse): JobDetails {
  return {
    job: decodeJob(reply.job),
    items: (reply.spec?.items ?? []).map(decodeItem),
    timeline: reply.timeline.map(decodeEntry),
  };
}

export function decodeChange(message: jobWire.WatchJobsResponse): JobChange {
  return { job: decodeJob(message.job), news: message.news.map(decodeEntry) };
}

/** @throws RenderfarmError `UNEXPECTED_REPLY` where the controller sent none, or one that cannot be read. */
export function decodeJob(job: jobWire.Job | undefined): JobView {
  if (job?.submittedAt === undefined) {
    throw new RenderfarmError('UNEXPECTED_REPLY', 'the controller sent no job where one was due');
  }
  return {
    jobId: job.jobId,
    userId: job.userId,
    channelName: job.channelName,
    enable4k: job.enable4k,
    queue: job.queue,
    priority: priorityClasses.fromWire(job.priority, 'priority'),
    state: jobStateNames.fromWire(job.state, 'state'),
    status: jobStatusNames.fromWire(job.status, 'status'),
    progressPercent: job.progressPercent,
    ...present('etaMs', fromOptionalDuration(job.eta, 'eta')),
    ...present('reason', job.reason),
    ...present('errorMessage', job.errorMessage),
    problems: job.problems.map(decodeProblem),
    ...present('agentId', job.agentId),
    ...present('outputPath', job.outputPath),
    ...present('finalDurationMs', fromOptionalDuration(job.finalDuration, 'final_duration')),
    featuresUsed: job.featuresUsed,
    submittedAt: job.submittedAt,
    ...present('startedAt', job.startedAt),
    ...present('endedAt', job.endedAt),
    itemCount: job.itemCount,
    videoCount: job.videoCount,
    attemptCount: job.attemptCount,
    ...present('routeRule', job.routeRule),
    ...present('wishes', job.wishes),
    ...present('deadline', job.deadline),
    ...present('notBefore', job.notBefore),
    ...present('options', job.options && decodeOptions(job.options)),
    ...present('contactSheetPath', job.contactSheetPath),
    ...present('previewPath', job.previewPath),
    ...present('loudness', job.loudness && fromLoudness(job.loudness, 'loudness')),
  };
}

export function decodeAttempt(attempt: jobWire.Attempt): AttemptView {
  return {
    jobId: attempt.jobId,
    number: attempt.number,
    fence: `${attempt.fence?.term ?? 0}.${attempt.fence?.counter ?? 0}`,
    agentId: attempt.agentId,
    state: attemptStateNames.fromWire(attempt.state, 'attempt.state'),
    ...present('outcome', outcomes.optionalFromWire(attempt.outcome, 'outcome')),
    ...present('failureClass', failureClasses.optionalFromWire(attempt.failureClass, 'failure_class')),
    ...present('message', attempt.message),
    ...present('exitCode', attempt.exitCode),
    stderrTail: attempt.stderrTail,
    ...present('assignedAt', attempt.assignedAt),
    ...present('startedAt', attempt.startedAt),
    ...present('encodedAt', attempt.encodedAt),
    ...present('endedAt', attempt.endedAt),
    ...present('usage', attempt.usage && decodeUsage(attempt.usage)),
    timeline: attempt.timeline.map(decodeEntry),
  };
}

function decodeItem(item: jobWire.Item): ItemInput {
  const text = item.textAnimationText === '' ? item.textAnimationWords.join(' ') : item.textAnimationText;
  return {
    position: item.position,
    itemType: itemTypes.fromWire(item.itemType, 'item_type'),
    ...present('videoId', item.videoId),
    ...present('path', item.path),
    ...present('title', item.title),
    ...present('logoPath', item.logoPath),
    ...present('durationMs', fromOptionalDuration(item.duration, 'duration')),
    ...present('text', text),
    ...present('resolution', item.resolution),
    ...present('is4k', item.is4k),
    ...present('pathAvailable', item.pathAvailable),
    ...present('normalizeLoudness', item.normalizeLoudness || undefined),
  };
}

function decodeOptions({ rateProfile, ...switches }: jobWire.RenderOptions): OptionsInput {
  const asked = Object.entries(switches).filter(([, isOn]) => isOn);
  return {
    ...present('rateProfile', rateChoices.nameOf(rateProfile)),
    ...(Object.fromEntries(asked) as Partial<typeof switches>),
  };
}

function decodeEntry(entry: jobWire.TimelineEntry): TimelineView {
  return {
    at: entry.at ?? new Date(0),
    what: entry.what,
    ...present('detail', entry.detail),
    ...present('agentId', entry.agentId),
  };
}

function decodeProblem(problem: jobWire.Problem): ProblemView {
  return {
    ...present('position', problem.position),
    ...present('subject', problem.subject),
    code: problem.code,
    message: problem.message,
  };
}

function decodeUsage(usage: jobWire.Usage): UsageView {
  return {
    copiedFiles: usage.copiedFiles,
    copiedBytes: usage.copiedBytes,
    reusedFiles: usage.reusedFiles,
    reusedBytes: usage.reusedBytes,
    segmentsRendered: usage.segmentsRendered,
    segmentsReused: usage.segmentsReused,
    segmentsHelped: usage.segmentsHelped,
    framesEncoded: usage.framesEncoded,
    runMs: fromOptionalDuration(usage.runTime, 'run_time') ?? 0,
    waitedForSharesMs: fromOptionalDuration(usage.waitedForShares, 'waited_for_shares') ?? 0,
    ...present('firstFrameMs', fromOptionalDuration(usage.firstFrame, 'first_frame')),
  };
}
