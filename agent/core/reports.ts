import type { FinishedOutcome, JobRef } from '../../proto/agent-link.ts';
import { currentRef } from './adoption.ts';
import { canMove } from './attempt-states.ts';
import { endAttempt, plainOutcome } from './endings.ts';
import type { AttemptReport } from './inputs.ts';
import { keyOf } from './journal-fold.ts';
import { sessionLimitMet } from './slots.ts';
import type { LiveAttempt } from './state.ts';
import type { Turn } from './turn.ts';
import { alarm, held, putAttempt, write, writeEvent } from './turn.ts';
import { without } from './without.ts';

type ReportOf<T extends AttemptReport['type']> = Extract<AttemptReport, { type: T }>;

/** What the shell says about an attempt. A report that its state does not allow is a fault of ours: alarmed, ignored. */
export function attemptReported(turn: Turn, said: JobRef, report: AttemptReport): void {
  const ref = currentRef(turn.state, said);
  const live = held(turn, ref)?.live;
  if (live === undefined) {
    alarm(turn, 'REPORT_OF_UNKNOWN', `${report.type} of attempt ${keyOf(ref)}, which is not held`);
    return;
  }
  switch (report.type) {
    case 'prepared':
      prepared(turn, live, report);
      return;
    case 'segment':
      segmentDone(turn, live, report);
      return;
    case 'progress':
      progressed(turn, live, report);
      return;
    case 'encoded':
      if (moves(turn, live, 'finishing')) writeEvent(turn, ref, { type: 'encoded' });
      return;
    case 'staged':
      staged(turn, live, report);
      return;
    case 'ended':
      ended(turn, live, report.finished);
      return;
  }
}

/** Said again by an attempt that began before it had all of its files: now its length is known. */
function prepared(turn: Turn, live: LiveAttempt, report: ReportOf<'prepared'>): void {
  const known = { ...live, framesTotal: Math.max(live.framesTotal, report.totalFrames) };
  if (live.state === 'running') putAttempt(turn, { ...known, progressChanged: true });
  else if (!moves(turn, known, 'running')) return;
  writeEvent(turn, live.ref, { ...report, type: 'started' });
}

function segmentDone(turn: Turn, live: LiveAttempt, report: ReportOf<'segment'>): void {
  if (live.state !== 'running') return;
  const { events } = turn.state.journal;
  if (events.length >= turn.state.settings.segmentEventsMax) return;
  writeEvent(turn, live.ref, { ...report, type: 'segment-done' });
}

function progressed(turn: Turn, live: LiveAttempt, report: ReportOf<'progress'>): void {
  if (live.state === 'finished') return;
  putAttempt(turn, {
    ...without(live, 'etaMs', 'waiting'),
    // Whole percent, at most 99 before the publication, and never back within an attempt.
    percent: Math.max(live.percent, Math.min(99, Math.floor(report.percent))),
    framesDone: Math.max(live.framesDone, report.framesDone),
    framesTotal: report.framesTotal,
    waitedForSharesMs: Math.max(live.waitedForSharesMs, report.waitedForSharesMs),
    ...(report.etaMs === undefined ? {} : { etaMs: report.etaMs }),
    ...(report.waiting === undefined ? {} : { waiting: report.waiting }),
    progressChanged: true,
  });
}

function staged(turn: Turn, live: LiveAttempt, report: ReportOf<'staged'>): void {
  const { ref } = live;
  if (live.stopping !== undefined) {
    endAttempt(turn, ref, plainOutcome(live.stopping.outcome, live.stopping.reason, report.usage));
    return;
  }
  if (!moves(turn, live, 'ready')) return;
  // The event first: a crash may keep the first record alone, and a staged file that nobody was told of waits for ever.
  const { usage, shareId } = report;
  const share = shareId === undefined ? {} : { shareId };
  const manifest = { ...report.manifest, ...share };
  writeEvent(turn, ref, { type: 'ready', manifest });
  write(turn, { kind: 'staged', ref, manifest, usage, ...share });
}

/** The first cause wins: a process that dies because it is stopped has not failed. */
function ended(turn: Turn, live: LiveAttempt, finished: FinishedOutcome): void {
  if (live.state === 'finished') return;
  const { stopping } = live;
  if (stopping === undefined) sessionLimitMet(turn, live, finished);
  endAttempt(
    turn,
    live.ref,
    stopping === undefined ? finished : plainOutcome(stopping.outcome, stopping.reason, finished.usage),
  );
}

function moves(turn: Turn, live: LiveAttempt, to: LiveAttempt['state']): boolean {
  if (!canMove(live.state, to)) {
    alarm(turn, 'REPORT_OUT_OF_ORDER', `attempt ${keyOf(live.ref)} cannot go from ${live.state} to ${to}`);
    return false;
  }
  putAttempt(turn, { ...live, state: to, progressChanged: true });
  return true;
}
