import { type DestinationName, rowKey } from '../../domain/outbox.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { OutboxView } from '../farm.ts';
import type { DestinationHealth } from '../outbox-port.ts';
import type { FarmState } from './state.ts';

/** Refusals that are shown of each destination; the log has them all. */
const refusalsShownMax = 5;

/** Each destination with what it is owed. */
export function outboxViews(
  state: FarmState,
  { destinations = [] }: Pick<FarmSettings, 'destinations'>,
  health: ReadonlyMap<DestinationName, DestinationHealth> = new Map(),
): readonly OutboxView[] {
  return destinations.map((destination) => {
    const { due, aside } = state.lanes.get(destination) ?? { due: new Set(), aside: new Set<string>() };
    const [oldest] = due.size > 0 ? due : aside;
    const since = oldest === undefined ? undefined : state.rows.get(rowKey(destination, oldest))?.sinceMs;
    return {
      destination,
      rows: due.size + aside.size,
      refused: aside.size,
      refusals: refusalsOf(state, destination, aside),
      ...(since !== undefined && { oldestSinceMs: since }),
      ...health.get(destination),
    };
  });
}

function refusalsOf(
  state: FarmState,
  destination: DestinationName,
  aside: ReadonlySet<string>,
): OutboxView['refusals'] {
  return [...aside.values().take(refusalsShownMax)].flatMap((jobId) => {
    const row = state.rows.get(rowKey(destination, jobId));
    if (row?.refused === undefined) return [];
    const { reason, nextTryAtMs } = row.refused;
    return [{ jobId, reason, sinceMs: row.sinceMs, nextTryAtMs }];
  });
}
