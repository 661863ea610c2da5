import type { Times } from '../domain/times.ts';
import type { StartDeliveries } from '../engine/outbox-port.ts';
import type { Clock, EngineLog } from '../engine/ports.ts';
import { Deliverer } from './deliverer.ts';
import type { Destination } from './destination.ts';

/** One deliverer for each destination, for each leadership: `createEngine` calls what this returns. */
export function deliveriesTo(
  destinations: readonly Destination[],
  parts: {
    readonly times: Times;
    readonly clock: Clock;
    /** In [0, 1). */
    readonly random: () => number;
    readonly log: EngineLog;
  },
): StartDeliveries {
  return (source) => {
    const deliverers = new Map(
      destinations.map((destination) => [destination.name, new Deliverer({ ...parts, destination, source })]),
    );
    return {
      wake: (names) => {
        for (const name of names) deliverers.get(name)?.wake();
      },
      health: () => new Map([...deliverers].map(([name, { health }]) => [name, health])),
      stop: async () => {
        await Promise.all([...deliverers.values()].map((deliverer) => deliverer.stop()));
      },
    };
  };
}
