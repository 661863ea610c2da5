import type { AttemptRecord } from '../../domain/attempt.ts';
import type { Ledger } from './ledger.ts';
import { holdsLease } from './outcomes.ts';
import type { Refusal } from './state.ts';

/** Does not ask the attempt's agent for its job again for a while; a job that the attempt no longer holds is no matter. */
export function refuseFor(ledger: Ledger, attempt: AttemptRecord, forMs: number, reason: string): void {
  keep(ledger, attempt, { untilMs: ledger.nowMs + forMs, reason, forMs, momentary: false });
}

/**
 * The same for what may be over in a moment: until a slot of the agent is free, or the time is over, twice as long each
 * time in a row. The controller does not know which card of a PC is busy: asked every few seconds, a job that only the
 * busy one renders would begin hundreds of times.
 */
export function refuseForNow(ledger: Ledger, attempt: AttemptRecord, reason: string): void {
  const { declinedMs, cancelGraceMs } = ledger.settings.times;
  const before = ledger.state.refusals.get(attempt.jobId)?.get(attempt.agentId);
  const isAgain = before?.momentary === true && ledger.nowMs < before.untilMs + before.forMs;
  const forMs = Math.min(declinedMs, isAgain ? 2 * before.forMs : cancelGraceMs);
  keep(ledger, attempt, { untilMs: ledger.nowMs + forMs, reason, forMs, momentary: true });
}

function keep(ledger: Ledger, attempt: AttemptRecord, refusal: Refusal): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job === undefined || !holdsLease(job, attempt)) return;
  const refusals = ledger.state.refusals.get(attempt.jobId) ?? new Map<string, Refusal>();
  refusals.set(attempt.agentId, refusal);
  ledger.state.refusals.set(attempt.jobId, refusals);
}

/** The agent may take by now what it declined. At once, one that changes at every decline would be asked without end. */
export function askSoon({ state, settings, nowMs }: Ledger, agentId: string): void {
  const soonMs = nowMs + settings.times.assignmentReplyMs;
  for (const refusals of state.refusals.values()) {
    const refusal = refusals.get(agentId);
    if (refusal !== undefined && refusal.untilMs > soonMs)
      refusals.set(agentId, { ...refusal, untilMs: soonMs });
  }
}
