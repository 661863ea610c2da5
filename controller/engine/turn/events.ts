import type { FinishedOutcome, JournalEvent, Outcome } from '../../../proto/agent-link.ts';
import type { AttemptRecord, AttemptState } from '../../domain/attempt.ts';
import { framesPerSecond } from '../../domain/estimate.ts';
import type { JobRecord, JobState } from '../../domain/job.ts';
import { moveAttempt, moveJob } from '../../domain/move-job.ts';
import { heardOf } from './backstops.ts';
import { rechargeLength } from './charges.ts';
import { annul, ownerLost } from './executors.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt, holdsLease } from './outcomes.ts';
import { takePublished, takeReady } from './publishing.ts';
import { refuseFor } from './refusals.ts';
import { noteHostOutcome } from './sick.ts';
import { attemptKey, type Presence, type Session } from './state.ts';

/**
 * Takes a numbered event of an agent's journal (protocol.md rule 7): at most applied, acknowledged again; next,
 * applied; a gap, accepted and logged, since only a store that lost its tail can make one.
 */
export function takeEvent(ledger: Ledger, presence: Presence, session: Session, event: JournalEvent): void {
  const agent = ledger.state.agents.get(presence.agentId);
  // Acknowledged, what only this agent knows would be lost: it is sent again on the stream that follows the telling.
  if (agent === undefined || presence.recalls !== undefined) return;
  if (event.number <= agent.ackedEvent) {
    ledger.ack(session.sessionId, agent.ackedEvent);
    return;
  }
  if (event.number > agent.ackedEvent + 1) {
    ledger.state.counters.eventGaps += 1;
    ledger.log('warn', 'event-gap', {
      agentId: agent.agentId,
      expected: agent.ackedEvent + 1,
      got: event.number,
    });
  }
  ledger.putAgent({ ...agent, ackedEvent: event.number });
  ledger.ack(session.sessionId, event.number);
  const attempt = ledger.attempt(event.ref);
  if (attempt === undefined || attempt.state === 'ended' || attempt.agentId !== presence.agentId) {
    ledger.state.counters.staleEvents += 1;
    ledger.log('info', 'stale-event', {
      jobId: event.ref.jobId,
      agentId: agent.agentId,
      type: event.event.type,
    });
    return;
  }
  heardOf(ledger, attemptKey(attempt));
  if (isLeaving(ledger, attempt, event)) presence.leaving = true;
  apply(ledger, attempt, event);
}

/**
 * Only an agent that leaves gives work back by itself: the job must not come straight back to it. What it had given
 * back before it came is the word of a process that is gone.
 */
function isLeaving(ledger: Ledger, attempt: AttemptRecord, { event }: JournalEvent): boolean {
  if (event.type !== 'finished' || event.finished.outcome !== 'returned') return false;
  return ledger.state.runtimes.get(attemptKey(attempt))?.state !== 'finished';
}

function apply(ledger: Ledger, attempt: AttemptRecord, { event }: JournalEvent): void {
  switch (event.type) {
    case 'started':
      takeStarted(ledger, attempt, event);
      return;
    case 'segment-done':
      noteSegment(ledger, attempt, event);
      return;
    case 'encoded':
      advance(ledger, attempt, 'finishing', 'the last frame is encoded; the slot is free');
      return;
    case 'ready':
      takeReady(ledger, attempt, event.manifest);
      return;
    case 'finished':
      takeFinished(ledger, attempt, event.finished);
      noteHostOutcome(ledger, attempt);
      return;
  }
}

/**
 * An agent may begin before all files of the job are there, and then does not know its length: it says so with no frames,
 * and starts a second time when it does.
 */
function takeStarted(
  ledger: Ledger,
  attempt: AttemptRecord,
  event: { readonly copiedBytes: number; readonly reusedBytes: number; readonly totalFrames: number },
): void {
  const isMeasured = event.totalFrames > 0;
  const length = isMeasured ? `${event.totalFrames} frames` : 'before all files are there';
  const detail = `${length}; copied ${event.copiedBytes} bytes, ${event.reusedBytes} were here`;
  if (attempt.state === 'running' && isMeasured) {
    const entry = { atMs: ledger.nowMs, what: 'measured', detail, agentId: attempt.agentId };
    ledger.putAttempt({ ...attempt, timeline: [...attempt.timeline, entry].slice(-timelineEntriesMax) });
  }
  advance(ledger, attempt, 'running', detail);
  learnLength(ledger, attempt, event.totalFrames);
}

const stamps: Partial<Record<AttemptState, keyof AttemptRecord>> = {
  preparing: 'acceptedAtMs',
  running: 'startedAtMs',
  finishing: 'encodedAtMs',
};

const words: Partial<Record<AttemptState, string>> = {
  preparing: 'accepted',
  running: 'started',
  finishing: 'encoded',
};

/** Moves an attempt and, where it holds the lease, its job. Going back is not possible; the same state is no change. */
export function advance(
  ledger: Ledger,
  attempt: AttemptRecord,
  to: 'preparing' | 'running' | 'finishing',
  detail: string,
): void {
  const order: readonly AttemptState[] = [
    'assigned',
    'preparing',
    'running',
    'finishing',
    'ready',
    'publishing',
    'ended',
  ];
  if (order.indexOf(attempt.state) >= order.indexOf(to)) return;
  const entry = { atMs: ledger.nowMs, what: words[to] ?? to, detail, agentId: attempt.agentId };
  const stamp = stamps[to];
  ledger.putAttempt(moveAttempt(attempt, to, entry, stamp === undefined ? {} : { [stamp]: ledger.nowMs }));
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job === undefined || !holdsLease(job, attempt)) return;
  ledger.putJob(moveJob(job, to satisfies JobState, entry, startOf(job, to, ledger.nowMs)));
}

/** What an agent says of a longer output is no length that a job of hours could have, and is not believed. */
const outputMaxMs = 7 * 24 * 3_600_000;

/** Its agent has probed the sources: the length of the output is known from now on, and is what its user had. */
function learnLength(ledger: Ledger, attempt: AttemptRecord, totalFrames: number): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  const estimateMs = Math.round((totalFrames / framesPerSecond) * 1000);
  const isLength = estimateMs > 0 && estimateMs <= outputMaxMs;
  if (job === undefined || !holdsLease(job, attempt) || !isLength || estimateMs === job.estimateMs) return;
  rechargeLength(ledger, job, estimateMs);
  ledger.putJob({ ...job, estimateMs });
}

/** `started_at` is the job's first start, whichever attempt made it (mission.md section 3). */
function startOf(job: JobRecord, to: AttemptState, nowMs: number): Partial<JobRecord> {
  return to === 'running' && job.startedAtMs === undefined ? { startedAtMs: nowMs } : {};
}

function noteSegment(
  ledger: Ledger,
  attempt: AttemptRecord,
  event: { readonly position: number; readonly reused: boolean; readonly frames: number },
): void {
  const entry = {
    atMs: ledger.nowMs,
    what: 'segment',
    detail: `item ${event.position}: ${event.frames} frames${event.reused ? ', reused' : ''}`,
    agentId: attempt.agentId,
  };
  ledger.putAttempt({ ...attempt, timeline: [...attempt.timeline, entry].slice(-timelineEntriesMax) });
}

/** A job has at most 2,000 items; an attempt's timeline keeps the newest of their segments. */
const timelineEntriesMax = 200;

const failures: ReadonlySet<Outcome> = new Set(['failed', 'timed-out']);

/** What an agent may end an attempt with by itself; the rest is for the controller to decide. */
const own: ReadonlySet<Outcome> = new Set([...failures, 'returned', 'superseded']);

function takeFinished(ledger: Ledger, attempt: AttemptRecord, finished: FinishedOutcome): void {
  if (finished.outcome === 'published') {
    ledger.putAttempt({ ...attempt, finished });
    takePublished(ledger, { ...attempt, finished }, finished.publishedPath);
    return;
  }
  if (attempt.state === 'publishing') {
    // What was granted may have its final name already: somebody looks, before anything is rendered again.
    ledger.putAttempt({ ...attempt, finished });
    if (failures.has(finished.outcome)) annul(ledger, attempt, finished.message ?? finished.outcome);
    else ownerLost(ledger, attempt);
    return;
  }
  // First cause wins: an attempt that we stopped ends for our reason, whatever its FFmpeg said when it died.
  const outcome =
    attempt.stop?.outcome ?? (mayEndAs(ledger, attempt, finished.outcome) ? finished.outcome : 'returned');
  if (attempt.stop === undefined && !failures.has(outcome)) {
    const { cancelGraceMs, declinedMs } = ledger.settings.times;
    refuseFor(ledger, attempt, Math.min(cancelGraceMs, declinedMs), 'gave it up a moment ago');
  }
  endAttempt(ledger, attempt, {
    outcome,
    message: attempt.stop?.reason ?? finished.message ?? finished.outcome,
    problems: finished.problems,
    finished,
    ...(finished.failureClass && { failureClass: finished.failureClass }),
  });
}

/** Evicted is what a person ordered of the agent: it may carry that out before we do. */
function mayEndAs(ledger: Ledger, attempt: AttemptRecord, outcome: Outcome): boolean {
  if (outcome !== 'evicted') return own.has(outcome);
  return ledger.state.agents.get(attempt.agentId)?.ordered?.mode === 'evict';
}
