import type {
  AnnulPublish,
  AnnulPublishReply,
  FinishPublish,
  FinishPublishReply,
  JobRef,
} from '../../proto/agent-link.ts';
import { currentRef } from './adoption.ts';
import { isAtWork } from './attempt-states.ts';
import { endAttempt, noUsage, plainOutcome } from './endings.ts';
import type { PublishResult } from './inputs.ts';
import { keyOf } from './journal-fold.ts';
import { endFor } from './stops.ts';
import type { Turn } from './turn.ts';
import { alarm, held, putAttempt, send, write } from './turn.ts';
import { without } from './without.ts';

/** The right to rename. It is written down before anything is renamed; a second grant of it changes nothing. */
export function grantPublish(turn: Turn, ref: JobRef, finalName: string): void {
  const attempt = held(turn, ref);
  if (attempt === undefined) {
    alarm(turn, 'GRANT_OF_UNKNOWN', `grant for attempt ${keyOf(ref)}, which is not held`);
    return;
  }
  if (attempt.live.state !== 'ready') return;
  write(turn, { kind: 'granted', ref, finalName });
  putAttempt(turn, { ...attempt.live, state: 'publishing', progressChanged: true });
  tryPublish(turn, ref);
}

/**
 * Another attempt has the right, or the grant was annulled: this one is over. A rename that is under way is let come to
 * its end, because only that tells whether it happened; it is not tried again.
 */
export function refusePublish(turn: Turn, ref: JobRef, reason: string): void {
  const attempt = held(turn, ref);
  if (attempt?.live.state === 'publishing') {
    const { live, kept } = attempt;
    if (live.publishRetry !== undefined)
      endAttempt(turn, ref, plainOutcome('superseded', reason, kept.usage));
    else putAttempt(turn, { ...live, stopping: { outcome: 'superseded', reason, killed: true } });
    return;
  }
  endFor(turn, ref, { outcome: 'superseded', reason, mode: 'kill', graceMs: 0 });
}

/** What looking and renaming came to. */
export function publishResulted(turn: Turn, said: JobRef, result: PublishResult): void {
  const ref = currentRef(turn.state, said);
  const attempt = held(turn, ref);
  if (attempt?.live.state !== 'publishing') return;
  const usage = attempt.kept.usage ?? noUsage;
  const { stopping } = attempt.live;
  const isDone = result.type === 'published' || result.type === 'earlier-result';
  if (stopping !== undefined && !isDone) {
    endAttempt(turn, ref, plainOutcome(stopping.outcome, stopping.reason, usage));
    return;
  }
  switch (result.type) {
    case 'published':
      endAttempt(turn, ref, published(result.publishedPath, usage));
      return;
    case 'earlier-result':
      alarm(turn, 'EARLIER_RESULT', `${keyOf(ref)}: ${result.detail}`);
      endAttempt(turn, ref, { ...published(result.publishedPath, usage), message: result.detail });
      return;
    case 'staging-gone':
      endAttempt(turn, ref, {
        ...plainOutcome('failed', result.detail, usage),
        failureClass: 'environment',
        problems: [{ code: 'STAGED_FILE_GONE', message: result.detail }],
      });
      return;
    case 'retry':
      scheduleRetry(turn, ref, result.detail);
      return;
  }
}

/** Tries that are due again. The share may be away for hours; the finished file is kept. */
export function tickPublishing(turn: Turn): void {
  for (const { ref, publishRetry } of turn.state.attempts.values()) {
    if (publishRetry !== undefined && turn.nowMs >= publishRetry.atMs) tryPublish(turn, ref);
  }
}

/** Looks and renames, for an attempt whose grant is in the journal. */
export function tryPublish(turn: Turn, ref: JobRef): void {
  const attempt = held(turn, ref);
  const { manifest, grantedName, assign, shareId } = attempt?.kept ?? {};
  if (attempt === undefined || manifest === undefined || grantedName === undefined || assign === undefined) {
    return;
  }
  putAttempt(turn, { ...without(attempt.live, 'publishRetry'), publishTries: attempt.live.publishTries + 1 });
  turn.effects.push({
    type: 'publish',
    ref,
    output: { ...assign.output, finalName: grantedName },
    manifest,
    ...(shareId === undefined ? {} : { shareId }),
  });
}

/** Finishes the granted publication of an attempt whose owner is gone; our own needs no help but the grant. */
export function finishPublish(turn: Turn, request: FinishPublish): void {
  const own = held(turn, request.ref);
  if (own !== undefined && !isAtWork(own.live.state)) {
    grantPublish(turn, request.ref, request.output.finalName);
    return;
  }
  const key = keyOf(request.ref);
  if (turn.state.finishing.has(key)) return;
  const detail = usedByOther(turn, request.output.stagingFolder, key);
  if (detail !== undefined) {
    send(turn, { kind: 'finish-publish-reply', ref: request.ref, result: 'unreachable', detail });
    return;
  }
  turn.state = { ...turn.state, finishing: new Set(turn.state.finishing).add(key) };
  turn.effects.push({ type: 'finish-publish', request });
}

/** The answer to the controller: it decides what follows. */
export function finishPublishResulted(
  turn: Turn,
  ref: JobRef,
  result: Omit<FinishPublishReply, 'kind' | 'ref'>,
): void {
  const finishing = new Set(turn.state.finishing);
  finishing.delete(keyOf(ref));
  turn.state = { ...turn.state, finishing };
  send(turn, { kind: 'finish-publish-reply', ref, ...result });
}

/** Takes a grant back: the staging folder is set aside here, whoever owned it (protocol.md rule 8d). */
export function annulPublish(turn: Turn, request: AnnulPublish): void {
  const key = keyOf(request.ref);
  if (turn.state.annulling.has(key)) return;
  const detail = usedByOther(turn, request.output.stagingFolder, key);
  if (detail !== undefined) {
    send(turn, { kind: 'annul-publish-reply', ref: request.ref, result: 'unreachable', detail });
    return;
  }
  turn.state = { ...turn.state, annulling: new Set(turn.state.annulling).add(key) };
  turn.effects.push({ type: 'annul-publish', request });
}

/** The answer to the controller. An attempt of ours looks for itself at its next try, and ends. */
export function annulPublishResulted(
  turn: Turn,
  ref: JobRef,
  result: Omit<AnnulPublishReply, 'kind' | 'ref'>,
): void {
  const annulling = new Set(turn.state.annulling);
  annulling.delete(keyOf(ref));
  turn.state = { ...turn.state, annulling };
  send(turn, { kind: 'annul-publish-reply', ref, ...result });
}

/** Removes the staging folder of an ended attempt; one in use by a live fence is never discarded. */
export function discard(turn: Turn, ref: JobRef, stagingFolder: string): void {
  const user = liveUser(turn, stagingFolder);
  if (user !== undefined) alarm(turn, 'DISCARD_OF_LIVE', `${stagingFolder} is in use by a live attempt`);
  else turn.effects.push({ type: 'discard', ref, stagingFolder });
}

function usedByOther(turn: Turn, stagingFolder: string, key: string): string | undefined {
  const user = liveUser(turn, stagingFolder);
  return user === undefined || user === key ? undefined : `${stagingFolder} is in use by attempt ${user}`;
}

/** The attempt that is not over and stages there: after an adoption the folder has an older fence's name. */
function liveUser({ state }: Turn, stagingFolder: string): string | undefined {
  for (const [key, live] of state.attempts) {
    if (live.state === 'finished') continue;
    if (state.journal.attempts.get(key)?.assign.output.stagingFolder === stagingFolder) return key;
  }
  return undefined;
}

function published(publishedPath: string, usage: typeof noUsage) {
  return { outcome: 'published' as const, problems: [], stderrTail: [], publishedPath, usage };
}

function scheduleRetry(turn: Turn, ref: JobRef, detail: string): void {
  const live = held(turn, ref)?.live;
  if (live === undefined) return;
  const { publishRetryMinMs, publishRetryMaxMs } = turn.state.settings;
  const delayMs = Math.min(publishRetryMaxMs, publishRetryMinMs * 2 ** Math.min(live.publishTries - 1, 20));
  putAttempt(turn, {
    ...live,
    publishRetry: { atMs: turn.nowMs + delayMs, detail },
    waiting: { reason: detail, waitedMs: (live.waiting?.waitedMs ?? 0) + delayMs },
    progressChanged: true,
  });
}
