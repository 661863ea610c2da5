import type { HeldAttempt } from '../../../proto/agent-link.ts';
import { isEvicted } from '../../domain/agent-mode.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import { risen } from '../../domain/progress.ts';
import { advance } from './events.ts';
import type { Ledger } from './ledger.ts';
import { uncountLoss } from './losses.ts';
import { endAttempt, stopAttempt } from './outcomes.ts';
import { workLeftMs } from './prediction.ts';
import { attemptKey } from './state.ts';

/** What the controller gave away while the agent was not heard; anything else has ended for good. */
const adoptable: ReadonlySet<AttemptRecord['outcome']> = new Set(['lost', 'declined']);

/**
 * An attempt that was lost has come back with its work (protocol.md rule 3): where it is predicted to end before the
 * one that has the job now, it goes on under a new fence and the other is stopped. Undefined: it may not.
 */
export function adopt(ledger: Ledger, lost: AttemptRecord, held: HeldAttempt): AttemptRecord | undefined {
  const job = ledger.state.jobs.get(lost.jobId);
  if (job === undefined || !mayGoOn(ledger, job, lost, held)) return undefined;
  const rival = job.fence && ledger.attempt({ jobId: job.jobId, fence: job.fence });
  if (rival !== undefined) standDown(ledger, rival, lost.agentId);
  const heir = heirOf(ledger, job, lost);
  uncountLoss(ledger, lost, `${lost.agentId} is back with its work`);
  ledger.putAttempt({ ...ledger.attemptUnder(lost), adoptedAs: heir.fence });
  ledger.putAttempt(heir);
  takeOver(ledger, heir);
  ledger.state.runtimes.set(attemptKey(heir), {
    state: held.state,
    percent: risen(undefined, held.percent),
    waitedMs: 0,
  });
  const reached = held.state === 'preparing' || held.state === 'running' ? held.state : 'finishing';
  advance(ledger, heir, reached, `came back with it at ${Math.floor(held.percent)} %`);
  ledger.log('info', 'attempt-adopted', {
    jobId: job.jobId,
    agentId: lost.agentId,
    attempt: lost.number,
    as: heir.number,
  });
  return ledger.attempt(heir);
}

/** An agent holds one attempt of a job: what it holds is not the rival, which never arrived or is the same work. */
function standDown(ledger: Ledger, rival: AttemptRecord, agentId: string): void {
  const message = `${agentId} is back and further with this job`;
  if (rival.agentId === agentId) endAttempt(ledger, rival, { outcome: 'superseded', message }, 'job-decided');
  else stopAttempt(ledger, rival, { reason: message, outcome: 'superseded' });
}

function mayGoOn(ledger: Ledger, job: JobRecord, lost: AttemptRecord, held: HeldAttempt): boolean {
  if (!adoptable.has(lost.outcome) || lost.stop !== undefined || held.state === 'finished') return false;
  // It would be stopped there at once, and the one that has the job now for nothing.
  if (isEvicted(ledger.state.agents.get(lost.agentId), ledger.nowMs)) return false;
  if (job.state === 'waiting' || job.state === 'delayed') return true;
  if (hasEnded(job.state) || job.fence === undefined) return false;
  const rival = ledger.attempt({ jobId: job.jobId, fence: job.fence });
  if (rival === undefined) return true;
  if (rival.state === 'ready' || rival.state === 'publishing') return false;
  if (rival.agentId === lost.agentId) return true;
  return leftMs(ledger, job, lost.agentId, held.state, held.percent) < rivalLeftMs(ledger, job, rival);
}

function rivalLeftMs(ledger: Ledger, job: JobRecord, rival: AttemptRecord): number {
  const runtime = ledger.state.runtimes.get(attemptKey(rival));
  if (runtime?.etaMs !== undefined) return runtime.etaMs;
  return leftMs(ledger, job, rival.agentId, rival.state, runtime?.percent ?? 0);
}

/** What is left after the last frame is short, whoever does it. */
function leftMs(ledger: Ledger, job: JobRecord, agentId: string, state: string, percent: number): number {
  const encoded = state === 'finishing' || state === 'ready' || state === 'publishing';
  return encoded ? 0 : workLeftMs(ledger, job, agentId, percent);
}

function heirOf(ledger: Ledger, job: JobRecord, lost: AttemptRecord): AttemptRecord {
  const number = job.attemptCount + 1;
  return {
    jobId: lost.jobId,
    fence: { term: ledger.state.epoch.term, counter: ledger.state.nextFenceCounter++ },
    number,
    agentId: lost.agentId,
    instanceId: ledger.state.presences.get(lost.agentId)?.instanceId ?? lost.instanceId,
    state: 'assigned',
    output: lost.output,
    assignedAtMs: ledger.nowMs,
    adoptedFrom: lost.fence,
    timeline: [
      {
        atMs: ledger.nowMs,
        what: 'adopted',
        detail: `attempt ${number} goes on with the work of attempt ${lost.number} on ${lost.agentId}`,
        agentId: lost.agentId,
      },
    ],
  };
}

/** The job is the heir's, whatever it was before. */
function takeOver(ledger: Ledger, heir: AttemptRecord): void {
  const [entry] = heir.timeline;
  if (entry === undefined) throw new Error('an attempt begins with an entry in its timeline');
  const before = ledger.job(heir.jobId);
  const job =
    before.state === 'waiting'
      ? before
      : moveJob(without(before, 'fence'), 'waiting', { ...entry, what: 'superseded' });
  ledger.putJob(
    moveJob(without(job, 'reason', 'notBeforeMs'), 'assigned', entry, {
      fence: heir.fence,
      agentId: heir.agentId,
      attemptCount: heir.number,
    }),
  );
}
