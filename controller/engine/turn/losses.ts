import type { AttemptRecord } from '../../domain/attempt.ts';
import { moveJob, noteJob, without } from '../../domain/move-job.ts';
import { ownerLost } from './executors.ts';
import type { Ledger } from './ledger.ts';
import { endUnheard } from './outcomes.ts';
import { attemptKey, type Presence } from './state.ts';

/** So many agents that fall silent together, and at least half of those attached, are one event (scheduling.md). */
const massLossAgentsMin = 3;

/** The lease of everything that an agent holds has ended, because of its silence or because it did not come back. */
export function loseAgent(ledger: Ledger, presence: Presence, wasSilent: boolean): void {
  const lost = ledger.liveAttemptsOf(presence.agentId);
  if (wasSilent) {
    ledger.state.silences.push({
      agentId: presence.agentId,
      lastHeardAtMs: presence.lastHeardAtMs,
      lost: lost.filter((attempt) => attempt.state !== 'publishing').map(attemptKey),
    });
  }
  const together = wasSilent ? silentTogether(ledger, presence) : undefined;
  const silentS = Math.round((ledger.nowMs - presence.lastHeardAtMs) / 1000);
  const message = `${presence.agentId} was not heard for ${silentS} s`;
  for (const attempt of lost) {
    if (attempt.state === 'publishing') ownerLost(ledger, attempt);
    else endUnheard(ledger, attempt, { message, counted: together === undefined });
  }
  if (together !== undefined) uncountTogether(ledger, together);
}

/** Forgets silences that can no longer be part of a common one. */
export function forgetSilences(ledger: Ledger): void {
  const { leaseMs, massLossWindowMs } = ledger.settings.times;
  const { silences } = ledger.state;
  while (
    silences[0] !== undefined &&
    silences[0].lastHeardAtMs < ledger.nowMs - 2 * (leaseMs + massLossWindowMs)
  )
    silences.shift();
}

/** A loss turns out to be nobody's doing: it is taken off the job, which leaves quarantine if that had put it there. */
export function uncountLoss(ledger: Ledger, lost: AttemptRecord, why: string): void {
  const attempt = ledger.attemptUnder(lost);
  if (attempt.lossCounted !== true) return;
  ledger.putAttempt({ ...attempt, lossCounted: false });
  const job = ledger.state.jobs.get(lost.jobId);
  if (job === undefined || job.losses === 0) return;
  const entry = { atMs: ledger.nowMs, what: 'loss-uncounted', detail: why, agentId: lost.agentId };
  const losses = job.losses - 1;
  if (job.state === 'quarantined' && job.losses >= ledger.settings.retries.lossesMax) {
    const freed = without(job, 'endedAtMs', 'errorMessage');
    ledger.putJob(moveJob(freed, 'waiting', entry, { losses, problems: [] }));
  } else ledger.putJob(noteJob(job, entry, { losses }));
}

/** The agents that fell silent within the same minute as this one, where they are so many that it is one event. */
function silentTogether(ledger: Ledger, { lastHeardAtMs }: Presence): ReadonlySet<string> | undefined {
  const { massLossWindowMs } = ledger.settings.times;
  const near = (atMs: number) => Math.abs(atMs - lastHeardAtMs) <= massLossWindowMs;
  const silent = new Set<string>();
  for (const silence of ledger.state.silences) if (near(silence.lastHeardAtMs)) silent.add(silence.agentId);
  let attached = 0;
  for (const other of ledger.state.presences.values()) {
    if (other.session !== undefined) attached += 1;
    if (other.session !== undefined && other.suspect && near(other.lastHeardAtMs)) silent.add(other.agentId);
  }
  const gone = [...silent].filter((id) => ledger.state.presences.get(id)?.session === undefined).length;
  return silent.size >= massLossAgentsMin && silent.size * 2 >= attached + gone ? silent : undefined;
}

/** The first of them were counted before anybody could know. */
function uncountTogether(ledger: Ledger, agents: ReadonlySet<string>): void {
  const why = `${agents.size} agents fell silent within a minute`;
  ledger.alarm('mass-loss', { agents: [...agents].join(', ') });
  for (const silence of ledger.state.silences) {
    if (!agents.has(silence.agentId)) continue;
    for (const key of silence.lost) {
      const attempt = ledger.state.attempts.get(key);
      if (attempt?.outcome === 'lost') uncountLoss(ledger, attempt, why);
    }
  }
}
