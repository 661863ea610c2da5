import type { ControllerMessage } from '../../proto/agent-link.ts';
import type { ControllerItemMessage } from '../../proto/item-link.ts';
import { attemptAdopted } from './adoption.ts';
import { announced, prefetchReported, withdrawn } from './announcements.ts';
import { assigned } from './assignments.ts';
import { copySpeedMeasured } from './copy-speed.ts';
import type { Effect } from './effects.ts';
import { acknowledged, pumpEvents } from './events.ts';
import { filesAsked, filesLookedAt } from './file-looks.ts';
import { checkHost, hostChecked } from './host-check.ts';
import type { Input } from './inputs.ts';
import { itemAssigned, itemCancelled, itemReported, pumpItems, tickItems } from './items.ts';
import type { JournalRecord } from './journal-records.ts';
import { setMode, tickMode } from './mode.ts';
import { pumpProgress } from './progress.ts';
import {
  annulPublish,
  annulPublishResulted,
  discard,
  finishPublish,
  finishPublishResulted,
  grantPublish,
  publishResulted,
  refusePublish,
  tickPublishing,
} from './publishing.ts';
import { recalled } from './recall.ts';
import { itemsReclaimed, itemsReleased, releaseAsked, releasedItemTold } from './released-items.ts';
import { attemptReported } from './reports.ts';
import { scratchOf } from './scratch.ts';
import {
  controllerLeaves,
  heartbeatAcked,
  linkOpened,
  sendHeartbeat,
  tickSession,
  welcomed,
  woke,
} from './session.ts';
import { settleShutdown, shutDown } from './shutdown.ts';
import { sendInventory, sessionsProbed, tickSlots } from './slots.ts';
import { sourcesAsked, sourcesFound } from './sources.ts';
import type { CoreState } from './state.ts';
import { cancelled, tickLimits } from './stops.ts';
import type { Turn } from './turn.ts';
import { alarm, dropLink } from './turn.ts';

export interface StepResult {
  readonly state: CoreState;
  /** To be written, in order, and durable before any effect of this step leaves. */
  readonly records: readonly JournalRecord[];
  /** To be done in order, behind the effects of earlier steps. */
  readonly effects: readonly Effect[];
}

/**
 * One step of the agent: what it knows and what has happened make what it knows next, what it writes down, and
 * what it does. Pure. `nowMs` never goes back; it is compared with nothing but itself, and shown in events.
 */
export function step(state: CoreState, input: Input, nowMs: number): StepResult {
  const turn: Turn = { state, nowMs, records: [], effects: [] };
  take(turn, input);
  pumpEvents(turn);
  pumpProgress(turn);
  pumpItems(turn);
  settleShutdown(turn);
  return { state: turn.state, records: turn.records, effects: turn.effects };
}

function take(turn: Turn, input: Input): void {
  switch (input.type) {
    case 'link-opened':
      linkOpened(turn, input.linkId);
      return;
    case 'link-closed':
      // Losing the stream is not losing the job: everything else goes on.
      if (turn.state.link?.id === input.linkId) dropLink(turn);
      return;
    case 'received':
      if (turn.state.link?.id === input.linkId) receive(turn, input.message);
      return;
    case 'attempt':
      attemptReported(turn, input.ref, input.report);
      return;
    case 'item':
    case 'items-released':
    case 'items-reclaimed':
      assistReported(turn, input);
      return;
    case 'publish-result':
      publishResulted(turn, input.ref, input.result);
      return;
    case 'finish-publish-result':
      finishPublishResulted(turn, input.ref, input.result);
      return;
    case 'prefetch':
      prefetchReported(turn, input.report);
      return;
    case 'inventory':
      inventoryTaken(turn, input);
      return;
    case 'journal-room':
      turn.state = { ...turn.state, journalHasRoom: input.ok };
      sendInventory(turn);
      return;
    case 'annul-publish-result':
      annulPublishResulted(turn, input.ref, input.result);
      return;
    case 'attempt-adopted':
      attemptAdopted(turn, input.ref);
      return;
    case 'host-checked':
      hostChecked(turn, input);
      return;
    case 'sessions-probed':
      sessionsProbed(turn, input.ok, input.gpuIndex);
      return;
    case 'scratch-space':
    case 'sources':
    case 'files':
    case 'copy-speed':
      capacitySeen(turn, input);
      return;
    case 'woke':
      woke(turn, input.awayMs);
      return;
    case 'tick':
      tickSession(turn);
      tickLimits(turn);
      tickItems(turn);
      tickPublishing(turn);
      tickMode(turn);
      tickSlots(turn);
      return;
    case 'shutdown':
      shutDown(turn, input.reason);
      return;
  }
}

/** What the shell says of items: those that it renders for others, and those that it gave up. */
function assistReported(
  turn: Turn,
  input: Extract<Input, { type: 'item' | 'items-released' | 'items-reclaimed' }>,
): void {
  if (input.type === 'item') itemReported(turn, input.item, input.report);
  else if (input.type === 'items-released') itemsReleased(turn, input.ref, input.items);
  else itemsReclaimed(turn, input.ref, input.reclaimed);
}

function inventoryTaken(
  turn: Turn,
  { inventory, gpuLanes = turn.state.gpuLanes }: Extract<Input, { type: 'inventory' }>,
): void {
  turn.state = { ...turn.state, inventory, gpuLanes };
  sendInventory(turn);
}

/** What this PC has and has room for, and what it was asked to look at. */
function capacitySeen(
  turn: Turn,
  seen: Extract<Input, { type: 'scratch-space' | 'sources' | 'files' | 'copy-speed' }>,
): void {
  if (seen.type === 'scratch-space') turn.state = { ...turn.state, scratch: scratchOf(seen) };
  else if (seen.type === 'sources') sourcesFound(turn, seen.jobId, seen.found);
  else if (seen.type === 'files') filesLookedAt(turn, seen.lookId, seen.files);
  else copySpeedMeasured(turn, seen.bytesPerSecond);
}

function receive(turn: Turn, message: ControllerMessage): void {
  if (message.kind === 'welcome') {
    welcomed(turn, message);
  } else if (message.kind === 'goodbye') {
    controllerLeaves(turn, message);
  } else if (turn.state.link?.session === undefined) {
    alarm(turn, 'BEFORE_WELCOME', `${message.kind} came before Welcome and is ignored`);
  } else {
    obey(turn, message);
  }
}

function obey(turn: Turn, message: Exclude<ControllerMessage, { kind: 'welcome' | 'goodbye' }>): void {
  switch (message.kind) {
    case 'assign':
      assigned(turn, message);
      return;
    case 'announce':
      announced(turn, message);
      return;
    case 'ask-sources':
      sourcesAsked(turn, message);
      return;
    case 'look-at-files':
      filesAsked(turn, message);
      return;
    case 'withdraw':
      withdrawn(turn, message);
      return;
    case 'cancel':
      cancelled(turn, message);
      return;
    case 'publish-grant':
      grantPublish(turn, message.ref, message.finalName);
      return;
    case 'publish-refused':
      refusePublish(turn, message.ref, message.reason);
      return;
    case 'finish-publish':
      finishPublish(turn, message);
      return;
    case 'annul-publish':
      annulPublish(turn, message);
      return;
    case 'recall':
      recalled(turn, message);
      return;
    case 'set-mode':
      setMode(turn, message);
      return;
    case 'check-host':
      checkHost(turn, message);
      return;
    case 'discard':
      discard(turn, message.ref, message.stagingFolder);
      return;
    case 'event-ack':
      acknowledged(turn, message.number);
      return;
    case 'heartbeat-ack':
      heartbeatAcked(turn, message);
      return;
    case 'probe':
      sendHeartbeat(turn, message.probeId);
      return;
    default:
      assist(turn, message);
  }
}

/** Items that are rendered for others, and those that others render. */
function assist(turn: Turn, message: ControllerItemMessage): void {
  switch (message.kind) {
    case 'assign-item':
      itemAssigned(turn, message);
      return;
    case 'cancel-item':
      itemCancelled(turn, message);
      return;
    case 'release-items':
      releaseAsked(turn, message);
      return;
    case 'item-assigned':
    case 'item-ended':
      releasedItemTold(turn, message);
      return;
  }
}
