import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import type { JobBody, JobRecord } from '../../domain/job.ts';
import type { OutboxRow } from '../../domain/outbox.ts';
import type { Epoch, Loaded, StoredRecord } from '../../store/port.ts';
import { indexJob } from './index-job.ts';
import { laneAll } from './outbox-lanes.ts';
import {
  attemptKey,
  emptyState,
  type FarmRecord,
  type FarmState,
  type QueueRecord,
  type RequestRecord,
  type ShareRecord,
  type TombstoneRecord,
} from './state.ts';

/** Version of every record's shape; a store with a higher one was written by a later release. */
export const recordVersion = 1;

const recordKinds = [
  'job',
  'body',
  'attempt',
  'agent',
  'request',
  'tombstone',
  'share',
  'queue',
  'farm',
  'row',
] as const;

export type RecordKind = (typeof recordKinds)[number];

/** The record as it is stored; undefined: it is gone. */
export function recordOf(state: FarmState, kind: RecordKind, id: string): StoredRecord | undefined {
  const body = mapOf(state, kind).get(id);
  return body === undefined ? undefined : { kind, id, version: recordVersion, body };
}

/** Every record of the farm, as memory has it: what a store that lost its tail is given. */
export function allRecords(state: FarmState): readonly StoredRecord[] {
  return recordKinds.flatMap((kind) =>
    [...mapOf(state, kind)].map(([id, body]) => ({ kind, id, version: recordVersion, body })),
  );
}

/** Rebuilds the farm from its records. @throws Error for a record of a later release. */
export function stateFrom(loaded: Loaded, epoch: Epoch): FarmState {
  const state = emptyState(loaded.farmId, epoch);
  for (const record of loaded.records) {
    if (record.version > recordVersion) {
      throw new Error(
        `the store holds ${record.kind} ${record.id} in version ${record.version}; this release reads up to ${recordVersion}`,
      );
    }
    insert(state, record);
  }
  index(state);
  return state;
}

function mapOf(state: FarmState, kind: RecordKind): ReadonlyMap<string, unknown> {
  switch (kind) {
    case 'job':
      return state.jobs;
    case 'body':
      return state.bodies;
    case 'attempt':
      return state.attempts;
    case 'agent':
      return state.agents;
    case 'request':
      return state.requests;
    case 'tombstone':
      return state.tombstones;
    case 'share':
      return state.shares;
    case 'queue':
      return state.queues;
    case 'farm':
      return state.farm;
    case 'row':
      return state.rows;
  }
}

/** The store gives back what `recordOf` gave it: the bodies are ours, written by this file only. */
function insert(state: FarmState, { kind, id, body }: StoredRecord): void {
  switch (kind as RecordKind) {
    case 'job':
      state.jobs.set(id, body as JobRecord);
      return;
    case 'body':
      state.bodies.set(id, body as JobBody);
      return;
    case 'attempt':
      state.attempts.set(id, body as AttemptRecord);
      return;
    case 'agent':
      state.agents.set(id, body as AgentRecord);
      return;
    case 'request':
      state.requests.set(id, body as RequestRecord);
      return;
    case 'tombstone':
      state.tombstones.set(id, body as TombstoneRecord);
      return;
    case 'share':
      state.shares.set(id, body as ShareRecord);
      return;
    case 'queue':
      state.queues.set(id, body as QueueRecord);
      return;
    case 'farm':
      state.farm.set(id, body as FarmRecord);
      return;
    case 'row':
      state.rows.set(id, body as OutboxRow);
      return;
    default:
      throw new Error(`the store holds ${kind} ${id}, a kind that this release does not know`);
  }
}

function index(state: FarmState): void {
  for (const job of [...state.jobs.values()].sort(byEnd)) {
    indexJob(state, job);
    state.nextSequence = Math.max(state.nextSequence, job.sequence + 1);
  }
  for (const attempt of [...state.attempts.values()].sort((a, b) => a.number - b.number)) {
    const key = attemptKey(attempt);
    state.attemptsOfJob.set(attempt.jobId, [...(state.attemptsOfJob.get(attempt.jobId) ?? []), key]);
    const live = state.liveAttempts.get(attempt.agentId) ?? new Set();
    state.liveAttempts.set(attempt.agentId, live);
    if (attempt.state !== 'ended') live.add(key);
  }
  laneAll(state.lanes, state.rows.values());
  for (const { mark } of state.rows.values()) state.nextMark = Math.max(state.nextMark, mark + 1);
}

/** As they ended; the open ones in any order. */
function byEnd(a: JobRecord, b: JobRecord): number {
  return (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0);
}
