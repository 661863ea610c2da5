import type { Assign } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { assignedJob } from '../../domain/job.ts';
import { dateInZone } from '../../domain/log-date.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import { outputFileName } from '../../domain/names.ts';
import { waitReason } from '../../scheduling/explain.ts';
import { makePlan, type Placement, type Plan } from '../../scheduling/plan.ts';
import type { Snapshot } from '../../scheduling/snapshot.ts';
import type { Ledger } from './ledger.ts';
import { snapshotOf } from './snapshot.ts';

/** Plans the waiting jobs where something has changed: assigns what can start, announces what comes next. */
export function placeJobs(ledger: Ledger): void {
  if (!ledger.state.planStale) return;
  ledger.state.planStale = false;
  const snapshot = snapshotOf(ledger.state, ledger.settings, ledger.nowMs);
  const plan = makePlan(snapshot);
  for (const placement of plan.assignments) assign(ledger, placement);
  announce(ledger, plan);
  noteReasons(ledger, snapshot, plan);
  // Putting jobs marks the plan stale again; this turn has just made it.
  ledger.state.planStale = false;
}

/** What an agent is sent for an attempt, the first time and again. */
export function assignMessage(ledger: Ledger, attempt: AttemptRecord): Assign {
  const job = ledger.job(attempt.jobId);
  const body = ledger.state.bodies.get(attempt.jobId);
  const queue = ledger.settings.queues.find(({ name }) => name === job.queue);
  if (body === undefined) throw new Error(`job ${attempt.jobId} has no body`);
  const { times } = ledger.settings;
  return {
    kind: 'assign',
    ref: { jobId: attempt.jobId, fence: attempt.fence },
    attemptNumber: attempt.number,
    job: assignedJob(job, body, ledger.settings.timeZone),
    resolution: body.resolution,
    output: attempt.output,
    limits: {
      softRunMs: queue?.softRunMs ?? times.softRunMs,
      hardRunMs: queue?.hardRunMs ?? times.hardRunMs,
      stallMs: times.ffmpegStallMs,
      startStallMs: times.ffmpegStartStallMs,
    },
  };
}

function assign(ledger: Ledger, { jobId, agentId }: Placement): void {
  const job = ledger.job(jobId);
  const presence = ledger.state.presences.get(agentId);
  if (presence?.session === undefined) return;
  const fence = { term: ledger.state.epoch.term, counter: ledger.state.nextFenceCounter++ };
  const { folder } = ledger.settings.output;
  const entry = {
    atMs: ledger.nowMs,
    what: 'assigned',
    detail: `attempt ${job.attemptCount + 1} on ${agentId}`,
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
    },
    assignedAtMs: ledger.nowMs,
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
  dropAnnouncement(ledger, jobId, agentId);
  ledger.send(presence.session.sessionId, assignMessage(ledger, attempt));
  ledger.log('info', 'job-assigned', { jobId, agentId, attempt: attempt.number, queue: job.queue });
}

/** An Assign makes an earlier Announce to the same agent void (protocol.md rule 6); another agent is told. */
function dropAnnouncement(ledger: Ledger, jobId: string, assignedTo?: string): void {
  const announcement = ledger.state.announcements.get(jobId);
  if (announcement === undefined) return;
  ledger.state.announcements.delete(jobId);
  if (announcement.agentId === assignedTo) return;
  const { announcementId, agentId } = announcement;
  ledger.sendTo(agentId, { kind: 'withdraw', announcementId, jobId });
  ledger.log('info', 'announcement-withdrawn', { jobId, agentId });
}

function announce(ledger: Ledger, plan: Plan): void {
  const wanted = new Map(plan.announcements.map((placement) => [placement.jobId, placement]));
  for (const [jobId, announcement] of ledger.state.announcements) {
    if (wanted.get(jobId)?.agentId !== announcement.agentId) dropAnnouncement(ledger, jobId);
  }
  for (const { jobId, agentId, startsInMs } of wanted.values()) {
    const body = ledger.state.bodies.get(jobId);
    if (ledger.state.announcements.has(jobId) || body === undefined) continue;
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

/** Jobs that no agent can take say so at once; the others' reasons are kept for whoever asks. */
function noteReasons(ledger: Ledger, snapshot: Snapshot, plan: Plan): void {
  const placements = new Map(plan.placements.map((placement) => [placement.jobId, placement]));
  const planned = new Set([...placements.keys(), ...plan.unplaceable]);
  for (const job of snapshot.waiting) {
    if (!planned.has(job.jobId)) continue;
    const placement = placements.get(job.jobId);
    if (placement?.startsInMs === 0) continue;
    const reason = waitReason(job, snapshot, placement);
    const before = ledger.state.waitReasons.get(job.jobId);
    ledger.state.waitReasons.set(job.jobId, reason);
    if (placement === undefined && before !== reason) ledger.touchJob(job.jobId);
  }
}
