import type { DestinationName, OutboxRow } from '../../domain/outbox.ts';

/** The rows of one destination by job, in the order in which they are told. */
export interface OutboxLane {
  /** Not told yet, oldest first. */
  readonly due: Set<string>;
  /** Refused, by when they are told again. */
  readonly aside: Set<string>;
}

export type OutboxLanes = Map<DestinationName, OutboxLane>;

/** A row that is marked again keeps its place; one that was set aside is due as soon as its job has changed. */
export function laneRow(lanes: OutboxLanes, row: OutboxRow): void {
  const lane = lanes.get(row.destination) ?? { due: new Set(), aside: new Set() };
  lanes.set(row.destination, lane);
  lane.aside.delete(row.jobId);
  if (isAside(row)) {
    lane.due.delete(row.jobId);
    lane.aside.add(row.jobId);
  } else lane.due.add(row.jobId);
}

export function unlaneRow(lanes: OutboxLanes, { destination, jobId }: OutboxRow): void {
  const lane = lanes.get(destination);
  lane?.due.delete(jobId);
  lane?.aside.delete(jobId);
}

/** As they come back from a store, in any order. */
export function laneAll(lanes: OutboxLanes, rows: Iterable<OutboxRow>): void {
  const turnOf = (row: OutboxRow): number => (isAside(row) ? (row.refused?.nextTryAtMs ?? 0) : row.sinceMs);
  for (const row of [...rows].sort((a, b) => turnOf(a) - turnOf(b) || a.mark - b.mark)) laneRow(lanes, row);
}

/** Its job has not changed since it was refused. */
function isAside({ refused }: OutboxRow): boolean {
  return refused !== undefined && refused.nextTryAtMs > refused.atMs;
}

/** What is left to do for destinations that have come or gone; lives in memory, and begins anew with each leader. */
export interface OutboxMove {
  readonly drop: OutboxRow[];
  readonly mark: { readonly destination: DestinationName; readonly jobId: string }[];
}
