import type { Announce, PrefetchReport, Withdraw } from '../../proto/agent-link.ts';
import { remember } from './sources.ts';
import type { HeldAnnouncement } from './state.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** One job ahead per slot, and as many again while the plan changes. */
const announcementsPerSlot = 2;

/** A hint: its files are fetched ahead, unless the job is already here or there are too many hints. */
export function announced(turn: Turn, announce: Announce): void {
  const { announcements, attempts, settings, shutdown, mode, link } = turn.state;
  const { announcementId, jobId } = announce;
  if (announcements.has(announcementId)) return;
  // Another hint for the same job replaces the first.
  for (const old of announcements.values())
    if (old.jobId === jobId) stop(turn, old.announcementId, 'withdrawn');
  const linkId = link?.id ?? 0;
  const isHere = [...attempts.values()].some((live) => live.ref.jobId === jobId && live.state !== 'finished');
  const refusal =
    (mode.mode === 'active' ? undefined : `this agent is ${mode.mode}: ${mode.reason}`) ??
    (isHere ? 'the job is here already' : undefined) ??
    (shutdown === undefined ? undefined : 'shutting down') ??
    (makeRoom(turn, settings.slots * announcementsPerSlot, linkId) ? undefined : 'too many announcements');
  if (refusal !== undefined) {
    const message = refusal;
    answer(turn, { announcementId, jobId, state: 'withdrawn', files: 0, bytes: 0, message });
    return;
  }
  put(turn, { announcementId, jobId, presentBytes: 0, linkId });
  turn.effects.push({ type: 'start-prefetch', announce });
}

/** A hint lives as long as its stream; what it brings may still be wanted, so that it only goes to make room. */
function makeRoom(turn: Turn, announcementsMax: number, linkId: number): boolean {
  if (turn.state.announcements.size < announcementsMax) return true;
  const orphan = [...turn.state.announcements.values()].find((one) => one.linkId !== linkId);
  if (orphan === undefined) return false;
  stop(turn, orphan.announcementId, 'withdrawn');
  return true;
}

/** Withdraw of something that is not held is answered, never an error. */
export function withdrawn(turn: Turn, { announcementId, jobId }: Withdraw): void {
  if (turn.state.announcements.has(announcementId)) stop(turn, announcementId, 'withdrawn');
  answer(turn, { announcementId, jobId, state: 'withdrawn', files: 0, bytes: 0 });
}

/** How far a prefetch is. What comes after its withdrawal or its assignment says nothing new. */
export function prefetchReported(turn: Turn, report: Omit<PrefetchReport, 'kind'>): void {
  const known = turn.state.announcements.get(report.announcementId);
  if (known === undefined) return;
  put(turn, { ...known, presentBytes: report.bytes });
  const { totalBytes, bytes: presentBytes } = report;
  const { presentSegments = 0 } = turn.state.sources.get(report.jobId) ?? {};
  if (totalBytes !== undefined) remember(turn, report.jobId, { totalBytes, presentBytes, presentSegments });
  answer(turn, report);
}

/** An assignment makes an earlier announcement of the job void. Returns the bytes that it has brought here. */
export function assignmentVoids(turn: Turn, jobId: string): number {
  const known = [...turn.state.announcements.values()].find((one) => one.jobId === jobId);
  if (known === undefined) return 0;
  stop(turn, known.announcementId, 'assigned');
  return known.presentBytes;
}

/** Nothing is fetched ahead for now: each hint is answered. */
export function withdrawAll(turn: Turn, message: string): void {
  for (const { announcementId, jobId } of turn.state.announcements.values()) {
    stop(turn, announcementId, 'withdrawn');
    answer(turn, { announcementId, jobId, state: 'withdrawn', files: 0, bytes: 0, message });
  }
}

/** Nothing is fetched ahead any more. */
export function dropAnnouncements(turn: Turn): void {
  for (const id of turn.state.announcements.keys()) stop(turn, id, 'shutdown');
}

function stop(turn: Turn, announcementId: string, why: 'withdrawn' | 'assigned' | 'shutdown'): void {
  const announcements = new Map(turn.state.announcements);
  const known = announcements.get(announcementId);
  if (known === undefined) return;
  announcements.delete(announcementId);
  turn.state = { ...turn.state, announcements };
  turn.effects.push({ type: 'stop-prefetch', announcementId, jobId: known.jobId, why });
}

function put(turn: Turn, one: HeldAnnouncement): void {
  turn.state = {
    ...turn.state,
    announcements: new Map(turn.state.announcements).set(one.announcementId, one),
  };
}

function answer(turn: Turn, report: Omit<PrefetchReport, 'kind'>): void {
  send(turn, { kind: 'prefetch-report', ...report });
}
