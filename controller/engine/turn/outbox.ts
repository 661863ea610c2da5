import type { JobRecord } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { type DestinationName, rowKey } from '../../domain/outbox.ts';
import { onOneLine } from '../../domain/text-rules.ts';
import type { OutboxInput } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import type { Refused } from './requests.ts';
import type { FarmState } from './state.ts';

/** What a caller is told to wait before it submits again when the outbox is full. */
const fullRetryAfterMs = 60_000;
/** Characters of a destination's refusal that are kept. */
const reasonCharactersMax = 500;
/** Rows that one turn takes in or drops for destinations that have come or gone: a batch has its limits. */
const movedPerTurnMax = 1_000;

/** A destination has taken a job, or will not: what was told of an older mark settles nothing. */
export function takeDelivery(ledger: Ledger, { destination, jobId, mark, refused }: OutboxInput): void {
  const row = ledger.state.rows.get(rowKey(destination, jobId));
  if (row?.mark !== mark) return;
  if (refused === undefined) {
    ledger.dropRow(row);
    return;
  }
  const reason = onOneLine(refused, reasonCharactersMax);
  const { nowMs } = ledger;
  const times = (row.refused?.times ?? 0) + 1;
  const nextTryAtMs = nowMs + ledger.settings.times.deliveryRefusedMs;
  ledger.putRow({ ...row, refused: { reason, atMs: nowMs, nextTryAtMs, times } });
  if (times === 1) ledger.alarm('outbox-refused', { destination, jobId, reason });
}

/** Nothing of a job is left to tell: it may leave the hot store. */
export function isTold(state: FarmState, jobId: string): boolean {
  for (const { due, aside } of state.lanes.values()) if (due.has(jobId) || aside.has(jobId)) return false;
  return true;
}

/** No room for what the outside would have to hear of one more job; undefined: there is. */
export function refusedFullOutbox({
  state,
  settings,
}: Pick<Ledger, 'state' | 'settings'>): Refused | undefined {
  const { outboxRowsMax } = settings.limits;
  if (state.rows.size < outboxRowsMax) return undefined;
  const fullest = [...state.lanes].sort(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0];
  if (fullest === undefined) return undefined;
  const [name, lane] = fullest;
  const [oldest = ''] = lane.due.size > 0 ? lane.due : lane.aside;
  const since = new Date(state.rows.get(rowKey(name, oldest))?.sinceMs ?? 0).toISOString();
  return {
    kind: 'refused',
    code: 'OUTBOX_FULL',
    message: `the outbox holds ${state.rows.size} rows, its limit is ${outboxRowsMax}: ${sizeOf(lane)} wait for ${name}, the oldest since ${since}`,
    resource: { type: 'destination', name },
    retryAfterMs: fullRetryAfterMs,
  };
}

function sizeOf({ due, aside }: { readonly due: Set<string>; readonly aside: Set<string> }): number {
  return due.size + aside.size;
}

/**
 * A leader begins with other destinations than the one before: the rows of those that are gone are dropped, and those
 * that are new hear of what they would know had they been there. Results begin with the next end.
 */
export function beginOutbox({ state, settings }: Ledger): void {
  const now = settings.destinations ?? [];
  const before = state.farm.get('farm')?.destinations ?? [];
  const drop = [...state.rows.values()].filter(
    ({ destination, jobId }) => !now.includes(destination) || !state.jobs.has(jobId),
  );
  const isNew = (name: DestinationName): boolean => now.includes(name) && !before.includes(name);
  const mark = [...state.jobs.values()].flatMap((job) =>
    hearsAnew(job)
      .filter(isNew)
      .map((destination) => ({ destination, jobId: job.jobId })),
  );
  const isSame = now.length === before.length && now.every((name) => before.includes(name));
  state.outboxMove = isSame && drop.length === 0 ? undefined : { drop, mark };
}

function hearsAnew({ state }: JobRecord): readonly DestinationName[] {
  return [hasEnded(state) ? 'history' : 'directory'];
}

/** A slice of it in each turn; that it is done is remembered with the last one. */
export function goOnWithOutbox(ledger: Ledger): void {
  const move = ledger.state.outboxMove;
  if (move === undefined) return;
  for (const row of move.drop.splice(0, movedPerTurnMax)) ledger.dropRow(row);
  for (const { destination, jobId } of move.mark.splice(0, movedPerTurnMax)) {
    if (ledger.state.jobs.has(jobId)) ledger.owe(destination, jobId);
  }
  if (move.drop.length > 0 || move.mark.length > 0) return;
  ledger.state.outboxMove = undefined;
  const { nowMs } = ledger;
  const farm = ledger.state.farm.get('farm') ?? { rowStartedAtMs: nowMs, lastStartedAtMs: nowMs };
  ledger.putFarm({ ...farm, destinations: ledger.settings.destinations ?? [] });
}
