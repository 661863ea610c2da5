import type { Assign, HeldAttempt, Hello, Recalled, Verdict } from '../../../proto/agent-link.ts';
import { compareFences } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { sizeOf } from '../../domain/estimate.ts';
import { type JobRecord, untried } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { sourceShareOf } from '../../domain/shares.ts';
import type { Ledger } from './ledger.ts';
import { publishEarlier } from './publishing.ts';
import { attemptKey, type Presence } from './state.ts';
import { resetStream } from './streams.ts';
import { askedOf } from './submit.ts';

/**
 * What an agent holds of which the store knows nothing (protocol.md rule 4): where the store may have lost it with
 * its tail, the agent is asked to tell; where it has ended or its memory was dropped, it is forgotten.
 */
export function verdictForUnknown(ledger: Ledger, hello: Hello, held: HeldAttempt): Verdict | 'recall' {
  const { state } = ledger;
  const { jobId, fence } = held.ref;
  const job = state.jobs.get(jobId);
  const tombstone = state.tombstones.get(jobId);
  const ended = tombstone?.state ?? (job !== undefined && hasEnded(job.state) ? job.state : undefined);
  if (ended !== undefined) return lateVerdict(held, `the job has ended: ${ended}`);
  const newer = (state.attemptsOfJob.get(jobId) ?? []).some((key) => {
    const attempt = state.attempts.get(key);
    return attempt !== undefined && compareFences(attempt.fence, fence) >= 0;
  });
  if (newer) return lateVerdict(held, 'a newer attempt was made of this job');
  const { horizon } = state.farm.get('farm') ?? {};
  const behind = horizon !== undefined && compareFences(fence, horizon) <= 0;
  if (behind || hello.farmId !== state.farmId || state.untold.has(attemptKey(held.ref)))
    return { verdict: 'forget' };
  return 'recall';
}

/** The verdict on something that came too late, by how far it has come. */
export function lateVerdict({ state }: HeldAttempt, reason: string): Verdict {
  if (state === 'finished') return { verdict: 'forget' };
  if (state === 'ready' || state === 'publishing') return { verdict: 'refused', reason };
  return { verdict: 'stop', reason, outcome: 'superseded' };
}

/**
 * An agent remembers publications that the store may have lost: an open job of which it says so is published, and a
 * job that is not known is known as published from now on.
 */
export function takeTombstones(ledger: Ledger, hello: Hello): void {
  const { state } = ledger;
  if (hello.farmId !== state.farmId) return;
  const { horizon } = state.farm.get('farm') ?? {};
  for (const { ref, outcome, publishedPath } of hello.tombstones) {
    if (outcome !== 'published' || state.tombstones.has(ref.jobId)) continue;
    const job = state.jobs.get(ref.jobId);
    if (job === undefined) {
      if (horizon !== undefined && compareFences(ref.fence, horizon) <= 0) continue;
      ledger.putTombstone({
        jobId: ref.jobId,
        state: 'published',
        queue: '',
        routeRule: '',
        fence: ref.fence,
        endedAtMs: ledger.nowMs,
        ...(publishedPath !== undefined && { outputPath: publishedPath }),
      });
      ledger.log('warn', 'publication-remembered', { jobId: ref.jobId, agentId: hello.agentId });
    } else if (!hasEnded(job.state) && !isOnItsWay(ledger, hello, ref)) {
      publishEarlier(ledger, job, hello.agentId, publishedPath);
    }
  }
}

/** Asks for what only the agent knows. Its events wait until it has told: acknowledged, they would be lost. */
export function recall(ledger: Ledger, presence: Presence, held: readonly HeldAttempt[]): void {
  if (held.length === 0 || presence.session === undefined) return;
  presence.recalls = {
    keys: new Set(held.map(({ ref }) => attemptKey(ref))),
    deadlineMs: ledger.nowMs + ledger.settings.times.assignmentReplyMs,
  };
  for (const { ref } of held) ledger.send(presence.session.sessionId, { kind: 'recall', ref });
}

/** Makes the records anew. When all is told the stream begins again, and its Hello finds them there. */
export function takeRecalled(ledger: Ledger, presence: Presence, { ref, assign, held }: Recalled): void {
  const key = attemptKey(ref);
  if (presence.recalls?.keys.delete(key) !== true) return;
  if (assign === undefined || held === undefined || !isOf(assign, ref)) ledger.state.untold.add(key);
  else recreate(ledger, presence, assign);
  if (presence.recalls.keys.size === 0) beginAgain(ledger, presence);
}

/** What is told of another attempt, or does not fit together, is not what was asked for. */
function isOf({ ref, job }: Assign, asked: HeldAttempt['ref']): boolean {
  return attemptKey(ref) === attemptKey(asked) && job.jobId === ref.jobId;
}

/** An agent that does not tell is not asked for the same again. */
export function checkRecalls(ledger: Ledger, presence: Presence): void {
  if (presence.recalls === undefined || presence.recalls.deadlineMs > ledger.nowMs) return;
  for (const key of presence.recalls.keys) ledger.state.untold.add(key);
  beginAgain(ledger, presence);
}

function beginAgain(ledger: Ledger, presence: Presence): void {
  presence.recalls = undefined;
  if (presence.session !== undefined) resetStream(ledger, presence, presence.session);
}

/** The publication is granted to this very attempt, and its report has not come yet. */
function isOnItsWay(ledger: Ledger, hello: Hello, ref: HeldAttempt['ref']): boolean {
  const attempt = ledger.attempt(ref);
  return attempt?.state === 'publishing' && attempt.agentId === hello.agentId;
}

function recreate(ledger: Ledger, presence: Presence, assign: Assign): void {
  const { jobId } = assign.ref;
  // Two agents may hold the same: the first has told it.
  if (ledger.state.tombstones.has(jobId) || ledger.state.attempts.has(attemptKey(assign.ref))) return;
  if (!ledger.state.jobs.has(jobId)) {
    ledger.putJob(jobFrom(ledger, assign));
    ledger.putBody({
      jobId,
      spec: {
        jobId,
        userId: assign.job.userId,
        channelName: assign.job.channelName,
        enable4k: assign.job.enable4k,
        priority: assign.job.priority,
        queue: assign.job.queue,
        items: assign.job.items,
        ...wishesOf(assign.job),
        ...(assign.job.options && { options: assign.job.options }),
      },
      resolved: assign.job.items,
      resolution: assign.resolution,
    });
    ledger.alarm('job-recreated', { jobId, agentId: presence.agentId });
  }
  ledger.putAttempt(attemptFrom(ledger, presence, assign));
  const job = ledger.job(jobId);
  if (job.attemptCount < assign.attemptNumber) ledger.putJob({ ...job, attemptCount: assign.attemptNumber });
}

function jobFrom(ledger: Ledger, { job }: Assign): JobRecord {
  const sources = job.items
    .flatMap(({ path, logoPath }) => [path, logoPath ?? ''])
    .flatMap((path) => sourceShareOf(path, ledger.settings.shares)?.name ?? []);
  return {
    jobId: job.jobId,
    userId: job.userId,
    username: job.username,
    channelName: job.channelName,
    enable4k: job.enable4k,
    priority: job.priority,
    rateProfile: job.rateProfile,
    queue: job.queue,
    routeRule: 'recreated',
    ...sizeOf(job.items),
    shares: [...new Set([...sources, ledger.settings.output.share])],
    submittedAtMs: job.submittedAtMs,
    sequence: ledger.state.nextSequence++,
    ...wishesOf(job),
    ...askedOf(job),
    ...untried,
    ...(job.logDate !== '' && { logDate: job.logDate }),
    timeline: [
      {
        atMs: ledger.nowMs,
        what: 'recreated',
        detail: 'the store had lost this job; an agent that works on it has told it again',
      },
    ],
  };
}

function wishesOf({ wishes, deadlineMs }: Assign['job']): Pick<JobRecord, 'wishes' | 'deadlineMs'> {
  return { ...(wishes && { wishes }), ...(deadlineMs !== undefined && { deadlineMs }) };
}

/** It was ours and is not known any more: lost without a fault, until its agent's next Hello has it adopted. */
function attemptFrom(ledger: Ledger, presence: Presence, assign: Assign): AttemptRecord {
  const message = 'the store had lost this attempt';
  const { agentId } = presence;
  const atMs = ledger.nowMs;
  return {
    jobId: assign.ref.jobId,
    fence: assign.ref.fence,
    number: assign.attemptNumber,
    agentId,
    instanceId: presence.instanceId,
    state: 'ended',
    outcome: 'lost',
    lossCounted: false,
    message,
    output: assign.output,
    assignedAtMs: atMs,
    endedAtMs: atMs,
    timeline: [{ atMs, what: 'recreated', detail: message, agentId }],
  };
}
