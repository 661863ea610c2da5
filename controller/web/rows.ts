import type { z } from 'zod';
import { statusOf } from '../domain/job-states.ts';
import type { AgentView, JobView, QueueView } from '../engine/farm.ts';
import type { agentRow, jobRow, queueRow } from './schemas.ts';

/** A job under the column names of the `jobs` table. */
export function toJobRow({ job, percent, etaMs }: JobView): z.input<typeof jobRow> {
  return {
    job_id: job.jobId,
    user_id: job.userId,
    channel_name: job.channelName,
    enable_4k: job.enable4k,
    status: statusOf(job.state),
    progress: Math.floor(percent),
    queue_name: job.queue,
    worker_id: job.agentId ?? null,
    created_at: timeOf(job.submittedAtMs),
    started_at: timeOrNull(job.startedAtMs),
    completed_at: timeOrNull(job.endedAtMs),
    output_path: job.outputPath ?? null,
    final_duration: secondsOrNull(job.finalDurationMs),
    error_message: job.errorMessage ?? null,
    state: job.state,
    reason: job.reason ?? null,
    priority: job.priority,
    eta_seconds: secondsOrNull(etaMs),
    attempts: job.attemptCount,
    features_used: [...job.features],
  };
}

export function toQueueRow(queue: QueueView): z.input<typeof queueRow> {
  const { paused } = queue;
  return {
    name: queue.name,
    waiting: queue.waiting,
    processing: queue.processing,
    agents_subscribed: queue.agentsSubscribed,
    agents_attached: queue.agentsAttached,
    oldest_wait_seconds: queue.oldestWaitMs / 1_000,
    paused: paused ? { reason: paused.reason, by: paused.by, since: timeOf(paused.sinceMs) } : null,
  };
}

export function toAgentRow(agent: AgentView): z.input<typeof agentRow> {
  return {
    agent_id: agent.agentId,
    hostname: agent.inventory?.hostname ?? null,
    liveness: agent.liveness,
    mode: agent.mode,
    mode_reason: agent.ordered?.reason ?? null,
    sick: agent.sick?.reason ?? null,
    software_version: agent.softwareVersion,
    queues: [...(agent.inventory?.queues ?? [])],
    slots: agent.inventory?.slots ?? 0,
    slots_busy: agent.slotsBusy,
    jobs: agent.held.map(({ jobId, state, percent }) => ({
      job_id: jobId,
      state,
      progress: Math.floor(percent),
    })),
    silence_seconds: agent.silenceMs / 1_000,
    scratch_free_bytes: agent.scratchFreeBytes,
  };
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

function timeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : timeOf(atMs);
}

function secondsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}
