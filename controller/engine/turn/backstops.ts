import type { AttemptRecord } from '../../domain/attempt.ts';
import { runLimits } from '../../domain/settings.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt, killAttempt } from './outcomes.ts';
import { attemptKey, type Presence, type Session } from './state.ts';

/** Something was said of an attempt by its agent. */
export function heardOf(ledger: Ledger, key: string): void {
  ledger.state.lastWords.set(key, { atMs: ledger.nowMs });
}

/**
 * Ends what an agent should have ended or reported itself (scheduling.md, Time): run time, silence about one job, a
 * stop that is never confirmed. An agent that is not heard at all is a matter of its lease.
 */
export function checkBackstops(ledger: Ledger, presence: Presence): void {
  const { session } = presence;
  if (session === undefined || presence.suspect || ledger.state.recoveryUntilMs !== undefined) return;
  for (const attempt of ledger.liveAttemptsOf(presence.agentId)) {
    if (attempt.stop !== undefined) checkStop(ledger, attempt, attempt.stop, session);
    else if (attempt.state === 'preparing' || attempt.state === 'running') {
      if (!checkRunTime(ledger, attempt)) checkWord(ledger, attempt, session);
    } else if (attempt.state === 'finishing') checkWord(ledger, attempt, session);
  }
}

function checkStop(
  ledger: Ledger,
  attempt: AttemptRecord,
  stop: NonNullable<AttemptRecord['stop']>,
  session: Session,
): void {
  if (attempt.state === 'publishing') return;
  if (ledger.nowMs < Math.max(stop.atMs, session.attachedAtMs) + ledger.settings.times.backstopMs) return;
  ledger.alarm('stop-unanswered', { jobId: attempt.jobId, agentId: attempt.agentId });
  killAttempt(ledger, attempt, stop);
  endAttempt(ledger, attempt, {
    outcome: stop.outcome,
    message: `${stop.reason}; ${attempt.agentId} never said that it stopped`,
  });
}

/** The last word of the controller on run time; the agent ends its process tree long before. */
function checkRunTime(ledger: Ledger, attempt: AttemptRecord): boolean {
  const { queue } = ledger.job(attempt.jobId);
  const { hardRunMs } = runLimits(ledger.settings, queue);
  const waitedMs = ledger.state.runtimes.get(attemptKey(attempt))?.waitedMs ?? 0;
  const limitMs = hardRunMs + ledger.settings.times.hardRunMarginMs + waitedMs;
  if (ledger.nowMs < (attempt.acceptedAtMs ?? attempt.assignedAtMs) + limitMs) return false;
  const reason = `ran longer than its hard limit of ${hardRunMs / 1000} s, and its agent did not end it`;
  ledger.alarm('run-time-backstop', { jobId: attempt.jobId, agentId: attempt.agentId });
  killAttempt(ledger, attempt, { reason, outcome: 'timed-out' });
  endAttempt(ledger, attempt, { outcome: 'timed-out', message: reason });
  return true;
}

function checkWord(ledger: Ledger, attempt: AttemptRecord, session: Session): void {
  const { backstopMs, suspectMs } = ledger.settings.times;
  const key = attemptKey(attempt);
  const last = ledger.state.lastWords.get(key);
  const sinceMs = Math.max(attempt.assignedAtMs, session.attachedAtMs, last?.atMs ?? 0);
  if (ledger.nowMs < sinceMs + backstopMs) return;
  if (last?.probedAtMs === undefined) {
    ledger.state.lastWords.set(key, { atMs: sinceMs, probedAtMs: ledger.nowMs });
    ledger.send(session.sessionId, { kind: 'probe', probeId: `silent-${attempt.number}` });
    ledger.log('warn', 'attempt-silent', { jobId: attempt.jobId, agentId: attempt.agentId });
    return;
  }
  if (ledger.nowMs < last.probedAtMs + suspectMs) return;
  const silentS = Math.round((ledger.nowMs - sinceMs) / 1000);
  const reason = `${attempt.agentId} is there but said nothing of this job for ${silentS} s`;
  ledger.alarm('attempt-silent-backstop', { jobId: attempt.jobId, agentId: attempt.agentId });
  killAttempt(ledger, attempt, { reason, outcome: 'lost' });
  endAttempt(ledger, attempt, { outcome: 'lost', message: reason });
}
