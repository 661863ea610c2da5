import type { Assign, AssignedJob, Wishes } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type * as job from '../gen/renderfarm/v1/job.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { priorityClasses, rateProfiles } from './enums.ts';
import { fromOptions, toOptions } from './options.ts';
import { count, given, id, list, required, texts } from './read.ts';
import { fromTimestamp, toOptionalTimestamp, toTimestamp } from './time.ts';
import {
  fromItem,
  fromLimits,
  fromOutput,
  fromRef,
  fromResolution,
  itemsMax,
  toItem,
  toLimits,
  toOutput,
  toRef,
  toResolution,
} from './work.ts';

/** What an agent is given, and what it tells back when it is asked for it. */
export function toAssign(assign: Assign): CompleteWire<agent.Assign> {
  return {
    ref: toRef(assign.ref),
    attemptNumber: assign.attemptNumber,
    job: toAssignedJob(assign.job),
    resolution: toResolution(assign.resolution),
    output: toOutput(assign.output),
    limits: toLimits(assign.limits),
  };
}

/** @throws DecodeError */
export function fromAssign(wire: agent.Assign, field = 'assign'): Assign {
  return compact<Assign>({
    kind: 'assign',
    ref: fromRef(wire.ref, `${field}.ref`),
    attemptNumber: count(wire.attemptNumber, `${field}.attempt_number`, 1),
    job: fromAssignedJob(required(wire.job, `${field}.job`), `${field}.job`),
    resolution: fromResolution(wire.resolution, `${field}.resolution`),
    output: fromOutput(wire.output, `${field}.output`),
    limits: fromLimits(wire.limits, `${field}.limits`),
  });
}

export function toAssignedJob(job: AssignedJob): CompleteWire<agent.AssignedJob> {
  return {
    jobId: job.jobId,
    userId: job.userId,
    username: job.username,
    channelName: job.channelName,
    enable4k: job.enable4k,
    queue: job.queue,
    priority: priorityClasses.toWire(job.priority),
    submittedAt: toTimestamp(job.submittedAtMs),
    logDate: job.logDate,
    timeZone: job.timeZone,
    rateProfile: rateProfiles.toWire(job.rateProfile),
    items: job.items.map(toItem),
    wishes: job.wishes,
    deadline: toOptionalTimestamp(job.deadlineMs),
    options: job.options && toOptions(job.options),
  };
}

export function fromAssignedJob(wire: agent.AssignedJob, field: string): AssignedJob {
  return compact<AssignedJob>({
    jobId: id(wire.jobId, `${field}.job_id`),
    userId: id(wire.userId, `${field}.user_id`),
    username: wire.username,
    channelName: given(wire.channelName, `${field}.channel_name`),
    enable4k: wire.enable4k,
    queue: id(wire.queue, `${field}.queue`),
    priority: priorityClasses.fromWire(wire.priority, `${field}.priority`),
    submittedAtMs: fromTimestamp(wire.submittedAt, `${field}.submitted_at`),
    logDate: wire.logDate,
    timeZone: wire.timeZone,
    rateProfile: rateProfiles.fromWire(wire.rateProfile, `${field}.rate_profile`),
    items: list(wire.items, `${field}.items`, itemsMax, fromItem),
    wishes: wire.wishes && fromWishes(wire.wishes, `${field}.wishes`),
    deadlineMs: wire.deadline && fromTimestamp(wire.deadline, `${field}.deadline`),
    options: wire.options && fromOptions(wire.options, `${field}.options`),
  });
}

/** A job has at most this many wishes of one kind. */
const wishesMax = 64;

function fromWishes(wire: job.Wishes, field: string): Wishes {
  return {
    onlyOn: texts(wire.onlyOn, `${field}.only_on`, wishesMax),
    notOn: texts(wire.notOn, `${field}.not_on`, wishesMax),
    labels: texts(wire.labels, `${field}.labels`, wishesMax),
  };
}
