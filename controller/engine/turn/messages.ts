import type {
  AgentGoodbye,
  AssignmentReply,
  Heartbeat,
  Inventory,
  PrefetchReport,
  Progress,
} from '../../../proto/agent-link.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { risen } from '../../domain/progress.ts';
import { withShortTexts } from './agent-texts.ts';
import { takeItemFinished, takeItemsReclaimed, takeItemsReleased } from './assist-messages.ts';
import { refuseNewcomer } from './attach.ts';
import { heardOf } from './backstops.ts';
import { advance, takeEvent } from './events.ts';
import { ownerLost, takeAnnulReply, takeFinishPublishReply } from './executors.ts';
import type { Input } from './inputs.ts';
import { takePrefetched, takeSources } from './known-sources.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt } from './outcomes.ts';
import { takeRecalled } from './recalling.ts';
import { askSoon, refuseFor, refuseForNow } from './refusals.ts';
import { learnShares } from './share-identity.ts';
import { takeHostChecked } from './sick.ts';
import { attemptKey, type Presence, type Session } from './state.ts';

/** Takes what an attached agent says. A message of a stream that was superseded is dropped. */
export function takeMessage(
  ledger: Ledger,
  { sessionId, message: said }: Extract<Input, { kind: 'message' }>,
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
  const message = withShortTexts(said);
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
      takeProgress(ledger, presence, message);
      return;
    case 'sources-report':
      takeSources(ledger, presence, message);
      return;
    case 'files-seen':
      // Whoever asked has heard it: nothing of it is decided here.
      return;
    case 'prefetch-report':
      takePrefetch(ledger, presence, message);
      return;
    case 'inventory':
      takeInventory(ledger, presence, message.inventory);
      return;
    case 'finish-publish-reply':
      takeFinishPublishReply(ledger, presence.agentId, message);
      return;
    case 'annul-publish-reply':
      takeAnnulReply(ledger, presence.agentId, message);
      return;
    case 'recalled':
      takeRecalled(ledger, presence, message);
      return;
    case 'host-checked':
      takeHostChecked(ledger, presence, message);
      return;
    case 'items-released':
      takeItemsReleased(ledger, presence, message);
      return;
    case 'items-reclaimed':
      takeItemsReclaimed(ledger, presence, message);
      return;
    case 'item-finished':
      takeItemFinished(ledger, presence, message);
      return;
    case 'goodbye':
      takeGoodbye(ledger, presence, message);
      return;
  }
}

function takeInventory(ledger: Ledger, presence: Presence, inventory: Inventory): void {
  // Said again, it is no reason to be asked again for what it declined: that would go round and round.
  if (JSON.stringify(presence.inventory) === JSON.stringify(inventory)) return;
  learnShares(ledger, presence.agentId, presence.inventory, inventory);
  presence.inventory = inventory;
  presence.scratchAvailableBytes = inventory.scratchAvailableBytes;
  askSoon(ledger, presence.agentId);
  ledger.state.planStale = true;
}

function takeGoodbye(ledger: Ledger, presence: Presence, goodbye: AgentGoodbye): void {
  presence.leaving = true;
  ledger.state.planStale = true;
  ledger.log('info', 'agent-leaves', { agentId: presence.agentId, reason: goodbye.reason });
  for (const ref of goodbye.givesBack) {
    const attempt = ledger.attempt(ref);
    if (attempt?.agentId !== presence.agentId) continue;
    // What was granted may have its final name already: it is finished by somebody, never rendered again.
    if (attempt.state === 'publishing') ownerLost(ledger, attempt);
    else
      endAttempt(ledger, attempt, {
        outcome: 'returned',
        message: `given back by ${presence.agentId} (${goodbye.reason})`,
      });
  }
}

function takeHeartbeat(ledger: Ledger, presence: Presence, session: Session, heartbeat: Heartbeat): void {
  presence.load1 = heartbeat.load1;
  presence.scratchFreeBytes = heartbeat.scratchFreeBytes;
  presence.scratchAvailableBytes = heartbeat.scratchAvailableBytes;
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
  const reason = `declined: ${reply.reason}`;
  if (momentaryCodes.has(reply.code)) refuseForNow(ledger, attempt, reason);
  else refuseFor(ledger, attempt, ledger.settings.times.declinedMs, reason);
  endAttempt(ledger, attempt, {
    outcome: 'declined',
    message: `${presence.agentId} declined (${reply.code}): ${reply.reason}`,
  });
}

/** What an agent declines because it is about to stop something it will soon accept. */
const momentaryCodes: ReadonlySet<string> = new Set(['NO_SLOT', 'PREVIOUS_ATTEMPT_RUNNING']);

function takeProgress(ledger: Ledger, presence: Presence, progress: Progress): void {
  const attempt = ledger.attempt(progress.ref);
  if (attempt?.agentId !== presence.agentId || attempt.state === 'ended') {
    ledger.state.counters.staleEvents += 1;
    return;
  }
  const key = attemptKey(attempt);
  const before = ledger.state.runtimes.get(key);
  heardOf(ledger, key);
  ledger.state.runtimes.set(key, {
    state: progress.state,
    percent: risen(before?.percent, progress.percent),
    waitedMs: Math.max(before?.waitedMs ?? 0, progress.waiting?.waitedMs ?? 0),
    ...(progress.etaMs !== undefined && { etaMs: progress.etaMs }),
    ...(progress.waiting && { waiting: progress.waiting.reason }),
  });
  ledger.touchJob(progress.ref.jobId);
}

function takePrefetch(ledger: Ledger, presence: Presence, report: PrefetchReport): void {
  takePrefetched(ledger, presence, report);
  if (report.state === 'fetching' || report.state === 'withdrawn') return;
  const job = ledger.state.jobs.get(report.jobId);
  // Announced there, or assigned there meanwhile: of other jobs it has nothing to tell.
  const announced = ledger.state.announcements.get(report.jobId)?.agentId === presence.agentId;
  if (job === undefined || hasEnded(job.state) || (!announced && job.agentId !== presence.agentId)) return;
  const what = report.state === 'done' ? 'prefetched' : 'prefetch-failed';
  const detail =
    report.state === 'done'
      ? `${report.files} files, ${report.bytes} bytes fetched by ${presence.agentId}`
      : `${presence.agentId}: ${report.message ?? 'unknown reason'}`;
  ledger.note(report.jobId, { atMs: ledger.nowMs, what, detail, agentId: presence.agentId });
}
