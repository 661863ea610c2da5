import { z } from 'zod';
import type { ControllerStatus, FarmSummary, OutboxView } from '../engine/farm.ts';

const time = z.string().describe('ISO 8601, UTC.');
const count = z.int();

const outboxRow = z.object({
  destination: z.enum(['directory', 'results', 'history']),
  rows: count.describe('Jobs whose newest state it has not taken; those that it refused with them.'),
  oldest_since: time.nullable(),
  away_since: time.nullable().describe('It has not answered since.'),
  last_error: z.string().nullable(),
  refused: count,
  refusals: z.array(z.object({ job_id: z.string(), reason: z.string(), since: time, next_try: time })),
});

/** `GET /api/admin/status`. */
export const statusReply = z.object({
  role: z.enum(['standby', 'leading', 'lost']),
  serving: z.boolean().describe('Leads and can commit.'),
  shadow: z.boolean().describe("Copies of another farm's jobs are rendered, and results kept nowhere."),
  since: time,
  leader_id: z.string().nullable(),
  term: z.number().nullable(),
  leader_addresses: z.array(z.string()),
  durability: z.string(),
  last_commit_age_seconds: z.number().nullable(),
  farm: z
    .object({
      farm_id: z.string(),
      jobs: z.array(z.object({ queue: z.string(), state: z.string(), jobs: count })),
      agents: z.object({ attached: count, suspect: count, detached: count, closed: count, sick: count }),
      slots: count,
      slots_busy: count,
      outbox: z.array(outboxRow),
      alarms: z.array(
        z.object({
          at: time,
          event: z.string(),
          fields: z.record(z.string(), z.union([z.string(), z.number()])),
        }),
      ),
    })
    .nullable()
    .describe('Only from the controller that leads.'),
});

export function toStatusReply(
  status: ControllerStatus,
  summary: FarmSummary | undefined,
): z.input<typeof statusReply> {
  return {
    role: status.role,
    serving: status.serving,
    shadow: status.shadow ?? false,
    since: timeOf(status.sinceMs),
    leader_id: status.leaderId ?? null,
    term: status.term ?? null,
    leader_addresses: [...status.leaderAddresses],
    durability: status.durability,
    last_commit_age_seconds: status.lastCommitAgeMs === undefined ? null : status.lastCommitAgeMs / 1_000,
    farm: summary === undefined ? null : toFarm(summary),
  };
}

function toFarm({ farmId, jobsByQueue, agents, outbox, alarms }: FarmSummary) {
  const { attached, suspect, detached, closed, sick, slots, slotsBusy } = agents;
  return {
    farm_id: farmId,
    jobs: [...jobsByQueue],
    agents: { attached, suspect, detached, closed, sick },
    slots,
    slots_busy: slotsBusy,
    outbox: outbox.map(toOutboxRow),
    alarms: alarms.map(({ atMs, event, fields }) => ({ at: timeOf(atMs), event, fields })),
  };
}

function toOutboxRow(view: OutboxView): z.input<typeof outboxRow> {
  return {
    destination: view.destination,
    rows: view.rows,
    oldest_since: timeOrNull(view.oldestSinceMs),
    away_since: timeOrNull(view.awaySinceMs),
    last_error: view.lastError ?? null,
    refused: view.refused,
    refusals: view.refusals.map(({ jobId, reason, sinceMs, nextTryAtMs }) => ({
      job_id: jobId,
      reason,
      since: timeOf(sinceMs),
      next_try: timeOf(nextTryAtMs),
    })),
  };
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

function timeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : timeOf(atMs);
}
