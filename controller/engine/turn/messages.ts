import type { AssignmentReply, Heartbeat, PrefetchReport, Progress } from '../../../proto/agent-link.ts';
import { refuseNewcomer } from './attach.ts';
import { advance, takeEvent } from './events.ts';
import type { Input } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt } from './outcomes.ts';
import { takeFinishPublishReply } from './publishing.ts';
import { attemptKey, type Presence, type Refusal, type Session } from './state.ts';

/** Takes what an attached agent says. A message of a stream that was superseded is dropped. */
export function takeMessage(
  ledger: Ledger,
  { sessionId, message }: Extract<Input, { kind: 'message' }>,
): void {
  const presence = ledger.state.presences.get(ledger.state.sessionOwners.get(sessionId) ?? '');
  const session = presence?.session;
  if (presence === undefined || session?.sessionId !== sessionId) return;
  presence.lastHeardAtMs = ledger.nowMs;
  presence.expected = false;
  if (presence.suspect) {
    presence.suspect = false;
    ledger.state.planStale = true;
  }
  switch (message.kind) {
    case 'heartbeat':
      takeHeartbeat(ledger, presence, session, message);
      return;
    case 'assignment-reply':
      takeReply(ledger, presence, message);
      return;
    case 'event':
      takeEvent(ledger, presence, session, message);
      return;
    case 'progress':
      takeProgress(ledger, message);
      return;
    case 'prefetch-report':
      takePrefetch(ledger, presence, message);
      return;
    case 'inventory':
      presence.inventory = message.inventory;
      for (const refusals of ledger.state.refusals.values()) refusals.delete(presence.agentId);
      ledger.state.planStale = true;
      return;
    case 'finish-publish-reply':
      takeFinishPublishReply(ledger, presence.agentId, message);
      return;
    case 'goodbye':
      presence.leaving = true;
      ledger.state.planStale = true;
      for (const ref of message.givesBack) {
        const attempt = ledger.attempt(ref);
        if (attempt?.agentId === presence.agentId) {
          endAttempt(ledger, attempt, {
            outcome: 'returned',
            message: `given back by ${presence.agentId} (${message.reason})`,
          });
        }
      }
      return;
  }
}

function takeHeartbeat(ledger: Ledger, presence: Presence, session: Session, heartbeat: Heartbeat): void {
  presence.load1 = heartbeat.load1;
  presence.scratchFreeBytes = heartbeat.scratchFreeBytes;
  if (presence.newcomer !== undefined && heartbeat.probeId === presence.newcomer.probeId) {
    refuseNewcomer(ledger, presence, presence.newcomer);
  }
  ledger.send(session.sessionId, {
    kind: 'heartbeat-ack',
    sequence: heartbeat.sequence,
    term: ledger.state.epoch.term,
  });
}

function takeReply(ledger: Ledger, presence: Presence, reply: AssignmentReply): void {
  const attempt = ledger.attempt(reply.ref);
  if (attempt?.agentId !== presence.agentId || attempt.state !== 'assigned') return;
  if (reply.accepted) {
    advance(
      ledger,
      attempt,
      'preparing',
      `${reply.presentBytes} bytes and ${reply.presentSegments} segments are here`,
    );
    return;
  }
  const refusals = ledger.state.refusals.get(attempt.jobId) ?? new Map<string, Refusal>();
  refusals.set(presence.agentId, {
    untilMs: ledger.nowMs + refusalMs(ledger, reply.code),
    reason: reply.reason,
  });
  ledger.state.refusals.set(attempt.jobId, refusals);
  endAttempt(ledger, attempt, {
    outcome: 'declined',
    message: `${presence.agentId} declined (${reply.code}): ${reply.reason}`,
  });
}

/** What an agent declines because it is about to stop something it will soon accept. */
const momentaryCodes: ReadonlySet<string> = new Set(['NO_SLOT', 'PREVIOUS_ATTEMPT_RUNNING']);

function refusalMs(ledger: Ledger, code: string): number {
  const { declinedMs, cancelGraceMs } = ledger.settings.times;
  return momentaryCodes.has(code) ? Math.min(cancelGraceMs, declinedMs) : declinedMs;
}

function takeProgress(ledger: Ledger, progress: Progress): void {
  const attempt = ledger.attempt(progress.ref);
  if (attempt === undefined || attempt.state === 'ended') {
    ledger.state.counters.staleEvents += 1;
    return;
  }
  const key = attemptKey(progress.ref);
  const before = ledger.state.runtimes.get(key);
  ledger.state.runtimes.set(key, {
    state: progress.state,
    // Within an attempt it never goes back; 100 is for a published job.
    percent: Math.max(before?.percent ?? 0, Math.min(99, progress.percent)),
    ...(progress.etaMs !== undefined && { etaMs: progress.etaMs }),
    ...(progress.waiting && { waiting: progress.waiting.reason }),
  });
  ledger.touchJob(progress.ref.jobId);
}

function takePrefetch(ledger: Ledger, presence: Presence, report: PrefetchReport): void {
  if (report.state === 'fetching' || report.state === 'withdrawn') return;
  const what = report.state === 'done' ? 'prefetched' : 'prefetch-failed';
  const detail =
    report.state === 'done'
      ? `${report.files} files, ${report.bytes} bytes fetched by ${presence.agentId}`
      : `${presence.agentId}: ${report.message ?? 'unknown reason'}`;
  ledger.note(report.jobId, { atMs: ledger.nowMs, what, detail, agentId: presence.agentId });
}
