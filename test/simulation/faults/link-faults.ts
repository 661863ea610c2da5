import type { Cable } from '../connection.ts';
import type { Random } from '../random.ts';
import type { SimAgent } from '../sim-agent.ts';
import {
  agentOf,
  drawMs,
  type FaultKind,
  type FaultKinds,
  hourMs,
  minuteMs,
  type Targets,
} from './fault-kind.ts';

const forAWhile =
  (shortMs: number, longMs: number) =>
  (random: Random, { machines }: Targets) => ({
    target: random.pick(machines),
    forMs: drawMs(random, shortMs, longMs),
  });

/** What happens between agents and controllers. Delays, losses, duplicates and changes of order as a stream allows them. */
export const linkFaults: FaultKinds = {
  'link-reset': {
    harshMs: 10 * minuteMs,
    standardMs: hourMs,
    // Biased to the moment that decides a publication, which is short and rare.
    draw: (random, { machines }) => ({
      target: random.pick(machines),
      how: random.chance(0.15) ? 'with-the-next-grant' : 'at-once',
    }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent === undefined) return;
      if (fault.how === 'with-the-next-grant') {
        world.fault('link-reset', `${agent.options.machine} with its next grant`);
        agent.cable.losesGrant = true;
        return;
      }
      if (agent.connection === undefined) return;
      world.fault('link-reset', agent.options.machine);
      agent.connection.reset();
    },
  },
  'link-stall': {
    ...cableFault('link-stall', ['upStalledUntilMs', 'downStalledUntilMs']),
    harshMs: 15 * minuteMs,
    standardMs: 6 * hourMs,
    draw: forAWhile(35_000, 3 * minuteMs),
  },
  /** Cut in one direction: the agent hears, and is not heard. */
  'link-half-up': {
    ...cableFault('link-half-up', ['upStalledUntilMs']),
    harshMs: 40 * minuteMs,
    standardMs: 48 * hourMs,
    draw: forAWhile(60_000, 5 * minuteMs),
  },
  /** And the other way. */
  'link-half-down': {
    ...cableFault('link-half-down', ['downStalledUntilMs']),
    harshMs: 40 * minuteMs,
    standardMs: 48 * hourMs,
    draw: forAWhile(60_000, 5 * minuteMs),
  },
  'link-slow': {
    ...cableFault('link-slow', ['slowUntilMs']),
    harshMs: 30 * minuteMs,
    standardMs: 6 * hourMs,
    draw: forAWhile(60_000, 5 * minuteMs),
  },
  'link-lossy': {
    ...cableFault('link-lossy', ['lossyUntilMs']),
    harshMs: 60 * minuteMs,
    draw: forAWhile(60_000, 5 * minuteMs),
  },
  'link-double': {
    ...cableFault('link-double', ['doubleUntilMs']),
    harshMs: 40 * minuteMs,
    draw: forAWhile(2 * minuteMs, 10 * minuteMs),
  },
};

function cableFault(
  kind: string,
  lines: readonly Exclude<keyof Cable, 'losesGrant'>[],
): Pick<FaultKind, 'strike'> {
  return {
    strike(world, victims, fault) {
      const agent: SimAgent | undefined = agentOf(victims, fault);
      if (agent === undefined) return;
      world.fault(kind, `${agent.options.machine} for ${fault.forMs ?? 0} ms`);
      for (const line of lines)
        agent.cable[line] = Math.max(agent.cable[line], world.nowMs + (fault.forMs ?? 0));
    },
  };
}
