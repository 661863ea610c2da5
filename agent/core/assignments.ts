import type { Assign, JobRef } from '../../proto/agent-link.ts';
import { compareFences, fenceText, workClassOf } from '../../proto/agent-link.ts';
import { assignmentVoids } from './announcements.ts';
import { isAtWork } from './attempt-states.ts';
import { answerEnded } from './endings.ts';
import { makeWayForJob } from './items.ts';
import { keyOf } from './journal-fold.ts';
import { scratchNeeded, scratchShortage } from './scratch.ts';
import { placeFor, slotsOf, slotsOfJobs } from './slots.ts';
import { forgetSources } from './sources.ts';
import type { LiveAttempt } from './state.ts';
import { endFor } from './stops.ts';
import type { Turn } from './turn.ts';
import { held, putAttempt, send, write } from './turn.ts';

/** Takes an assignment, says why not, or says again what became of it. */
export function assigned(turn: Turn, assign: Assign): void {
  const { ref } = assign;
  if (held(turn, ref) !== undefined) {
    reply(turn, ref);
  } else if (turn.state.journal.tombstones.has(keyOf(ref))) {
    // Accepted and at once ended as it once did: a decline would be another outcome of the same fence.
    reply(turn, ref);
    answerEnded(turn, ref, 'lost', 'this fence has ended here before');
  } else {
    const fault = declineReason(turn, assign);
    if (fault === undefined) accept(turn, assign);
    else send(turn, { kind: 'assignment-reply', ref, accepted: false, ...fault });
  }
}

function accept(turn: Turn, assign: Assign): void {
  write(turn, { kind: 'accepted', assign });
  const place = placeFor(turn.state, workClassOf(assign.job)) ?? {};
  putAttempt(turn, {
    ref: assign.ref,
    ...place,
    state: 'preparing',
    acceptedMs: turn.nowMs,
    percent: 0,
    framesDone: 0,
    framesTotal: 0,
    waitedForSharesMs: 0,
    progressSentMs: turn.nowMs,
    progressChanged: false,
    publishTries: 0,
    scratchBytes: scratchNeeded(turn.state, assign),
  });
  makeWayForJob(turn, place);
  // The attempt starts before its announcement ends, so that a copy under way has an owner throughout.
  turn.effects.push({ type: 'start-attempt', assign, ...place });
  const { jobId } = assign.ref;
  const fetchedBytes = assignmentVoids(turn, jobId);
  const known = turn.state.sources.get(jobId);
  reply(turn, assign.ref, {
    presentBytes: Math.max(fetchedBytes, known?.presentBytes ?? 0),
    presentSegments: known?.presentSegments ?? 0,
  });
  forgetSources(turn, jobId);
}

/** What is here by the last look: a share may be slow, and the controller waits for this word. */
function reply(turn: Turn, ref: JobRef, present = { presentBytes: 0, presentSegments: 0 }): void {
  send(turn, { kind: 'assignment-reply', ref, accepted: true, ...present });
}

interface Decline {
  readonly code: string;
  readonly reason: string;
}

function declineReason(turn: Turn, assign: Assign): Decline | undefined {
  const { state } = turn;
  const { ref } = assign;
  if (state.shutdown !== undefined) return { code: 'SHUTTING_DOWN', reason: 'this agent is shutting down' };
  const { mode, reason } = state.mode;
  if (mode !== 'active') return { code: 'CORDONED', reason: `this agent is ${mode}: ${reason}` };
  if (!state.journalHasRoom) {
    return { code: 'JOURNAL_FULL', reason: 'the journal cannot be written: its limit or its disk is full' };
  }
  const attempts = [...state.attempts.values()];
  const others = attempts.filter((live) => live.ref.jobId === ref.jobId);
  return staleFence(turn, ref) ?? previousAttempt(turn, ref, others) ?? noRoom(turn, assign, attempts);
}

/** A fence below one that this job had here is an old message. */
function staleFence(turn: Turn, ref: JobRef): Decline | undefined {
  const known = [
    ...[...turn.state.attempts.values()].map((live) => live.ref),
    ...[...turn.state.journal.tombstones.values()].map(({ tombstone }) => tombstone.ref),
  ];
  const newer = known.find((of) => of.jobId === ref.jobId && compareFences(of.fence, ref.fence) > 0);
  if (newer === undefined) return undefined;
  return {
    code: 'STALE_FENCE',
    reason: `fence ${fenceText(ref.fence)} is older than ${fenceText(newer.fence)}, which this job had here`,
  };
}

/** A newer fence proves that the older attempt has lost its right: it is stopped, and its process tree awaited. */
function previousAttempt(turn: Turn, ref: JobRef, others: readonly LiveAttempt[]): Decline | undefined {
  const busy = others.find((live) => isAtWork(live.state));
  if (busy === undefined) return undefined;
  endFor(turn, busy.ref, {
    outcome: 'superseded',
    reason: `fence ${fenceText(ref.fence)} has taken its place`,
    mode: 'kill',
    graceMs: 0,
  });
  return {
    code: 'PREVIOUS_ATTEMPT_RUNNING',
    reason: `the process tree of attempt ${keyOf(busy.ref)} is not gone yet`,
  };
}

function noRoom({ state }: Turn, assign: Assign, attempts: readonly LiveAttempt[]): Decline | undefined {
  const { heldMax } = state.settings;
  const slots = slotsOf(state);
  const used = slotsOfJobs(state);
  if (used >= slots) return { code: 'NO_SLOT', reason: `${used} of ${slots} slots are in use` };
  const workClass = workClassOf(assign.job);
  if (placeFor(state, workClass) === undefined)
    return { code: 'NO_SLOT', reason: `no GPU that does ${workClass} has a free slot` };
  const open = attempts.filter((live) => live.state !== 'finished').length;
  if (open >= heldMax) {
    return { code: 'TOO_MANY_HELD', reason: `${open} of at most ${heldMax} attempts are held` };
  }
  const shortage = scratchShortage(state, assign);
  return shortage === undefined ? undefined : { code: 'NO_SPACE', reason: shortage };
}
