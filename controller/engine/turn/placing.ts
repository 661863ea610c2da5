import type { Assign } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import { extraFeatures } from '../../../proto/render-options.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { assignedJob, type JobRecord } from '../../domain/job.ts';
import { dateInZone } from '../../domain/log-date.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import { outputFileName } from '../../domain/names.ts';
import { runLimits } from '../../domain/settings.ts';
import { wantedAnnouncements } from '../../scheduling/announcements.ts';
import type { Placement } from '../../scheduling/placement.ts';
import type { Plan } from '../../scheduling/plan.ts';
import { waitsForLookUp } from './catalog-waits.ts';
import { chargeAssignment } from './charges.ts';
import type { Ledger } from './ledger.ts';
import { tuningOf } from './snapshot.ts';
import type { Presence } from './state.ts';

/** What an agent is sent for an attempt, the first time and again. */
export function assignMessage(ledger: Ledger, attempt: AttemptRecord): Assign {
  const job = ledger.job(attempt.jobId);
  const body = ledger.state.bodies.get(attempt.jobId);
  if (body === undefined) throw new Error(`job ${attempt.jobId} has no body`);
  const { times } = ledger.settings;
  return {
    kind: 'assign',
    ref: { jobId: attempt.jobId, fence: attempt.fence },
    attemptNumber: attempt.number,
    job: assignedJob(job, body, ledger.settings.timeZone),
    resolution: { ...body.resolution, resolvedAtMs: job.lookedUpAtMs ?? body.resolution.resolvedAtMs },
    output: attempt.output,
    limits: {
      ...runLimits(ledger.settings, job.queue),
      stallMs: times.ffmpegStallMs,
      startStallMs: times.ffmpegStartStallMs,
    },
  };
}

/** Gives a waiting job to an agent that is attached. */
export function assign(ledger: Ledger, { jobId, agentId, endsInMs }: Placement): void {
  const job = ledger.job(jobId);
  const presence = ledger.state.presences.get(agentId);
  if (presence?.session === undefined) return;
  const fence = { term: ledger.state.epoch.term, counter: ledger.state.nextFenceCounter++ };
  const { folder } = ledger.settings.output;
  const entry = {
    atMs: ledger.nowMs,
    what: 'assigned',
    detail: `attempt ${job.attemptCount + 1} on ${agentId}${lacking(job, presence)}`,
    agentId,
  };
  const attempt: AttemptRecord = {
    jobId,
    fence,
    number: job.attemptCount + 1,
    agentId,
    instanceId: presence.instanceId,
    state: 'assigned',
    output: {
      folder,
      stagingFolder: `${folder}\\.renderfarm\\${jobId}-${fenceText(fence)}`,
      finalName: outputFileName(job.channelName, jobId),
      ...shareIdOf(ledger),
    },
    assignedAtMs: ledger.nowMs,
    predictedMs: Math.round(endsInMs),
    timeline: [entry],
  };
  ledger.putJob(
    moveJob(without(job, 'reason', 'notBeforeMs'), 'assigned', entry, {
      fence,
      agentId,
      attemptCount: attempt.number,
      logDate: job.logDate ?? dateInZone(ledger.nowMs, ledger.settings.timeZone),
    }),
  );
  ledger.putAttempt(attempt);
  chargeAssignment(ledger, job);
  dropAnnouncement(ledger, jobId, agentId);
  ledger.send(presence.session.sessionId, assignMessage(ledger, attempt));
  ledger.log('info', 'job-assigned', { jobId, agentId, attempt: attempt.number, queue: job.queue });
}

/** An Assign makes an earlier Announce to the same agent void (protocol.md rule 6); another agent is told. */
export function dropAnnouncement(ledger: Ledger, jobId: string, assignedTo?: string): void {
  const announcement = ledger.state.announcements.get(jobId);
  if (announcement === undefined) return;
  ledger.state.announcements.delete(jobId);
  if (announcement.agentId === assignedTo) return;
  const { announcementId, agentId } = announcement;
  ledger.sendTo(agentId, { kind: 'withdraw', announcementId, jobId });
  ledger.log('info', 'announcement-withdrawn', { jobId, agentId });
}

/** Tells agents what they get next; what another one gets now is withdrawn. A hint only: nothing depends on it. */
export function announceNext(ledger: Ledger, plan: Plan): void {
  const { state, settings, nowMs } = ledger;
  const slotsOf = (agentId: string) => state.presences.get(agentId)?.inventory?.slots ?? 0;
  const standing = state.announcements.values();
  const wantedNow = wantedAnnouncements(standing, plan, slotsOf, nowMs, tuningOf(settings));
  const waiting = wantedNow.filter(({ jobId }) => ledger.state.waiting.has(jobId));
  const wanted = new Map(waiting.map((placement) => [placement.jobId, placement]));
  for (const [jobId, announcement] of ledger.state.announcements) {
    if (wanted.get(jobId)?.agentId !== announcement.agentId) dropAnnouncement(ledger, jobId);
  }
  for (const { jobId, agentId, startsInMs } of wanted.values()) {
    const body = ledger.state.bodies.get(jobId);
    if (ledger.state.announcements.has(jobId) || body === undefined) continue;
    if (waitsForLookUp(state, settings, ledger.job(jobId), nowMs)) continue;
    const announcementId = `${ledger.state.epoch.term}-${ledger.state.nextAnnouncement++}`;
    const { channelName } = ledger.job(jobId);
    if (
      !ledger.sendTo(agentId, { kind: 'announce', announcementId, jobId, channelName, items: body.resolved })
    )
      continue;
    ledger.state.announcements.set(jobId, { announcementId, jobId, agentId, sinceMs: ledger.nowMs });
    ledger.note(jobId, {
      atMs: ledger.nowMs,
      what: 'announced',
      detail: `next on ${agentId}, in about ${Math.ceil(startsInMs / 1000)} s`,
      agentId,
    });
    ledger.log('info', 'job-announced', { jobId, agentId });
  }
}

/** What was asked for beside the result, and an older agent does not make. */
function lacking({ options }: JobRecord, { features }: Presence): string {
  const missing = extraFeatures(options).filter((feature) => !features.includes(feature));
  return missing.length === 0 ? '' : `; its release makes no ${missing.join(', ')}`;
}

/** Another share that is mounted under the same name must not get the result. */
function shareIdOf({ state, settings }: Ledger): { readonly shareId?: string } {
  const id = state.shares.get(settings.output.share)?.id;
  return id === undefined ? {} : { shareId: id };
}
