import type { DestinationName } from '../../controller/domain/outbox.ts';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import { jobId, TurnFarm } from './turn-farm.ts';

const all: readonly DestinationName[] = ['directory', 'results', 'history'];

/** A farm whose jobs three destinations hear of. */
export function outboxFarm(settings: Partial<FarmSettings> = {}): TurnFarm {
  return new TurnFarm({ destinations: all, ...settings });
}

/** Who is owed a job. */
export function rowsOf(farm: TurnFarm, n = 1): readonly string[] {
  return [...farm.state.rows.values()]
    .filter((row) => row.jobId === jobId(n))
    .map(({ destination }) => destination)
    .sort();
}

/** Everybody takes all that they are owed. */
export function tellAll(farm: TurnFarm): void {
  for (const { destination, jobId: id, mark } of [...farm.state.rows.values()]) {
    farm.run({ kind: 'told', destination, jobId: id, mark });
  }
}
