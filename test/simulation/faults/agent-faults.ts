import type { Random } from '../random.ts';
import type { SimAgent } from '../sim-agent.ts';
import type { World } from '../world.ts';
import { agentOf, drawMs, type FaultKinds, hourMs, minuteMs, type Targets } from './fault-kind.ts';

const one = (random: Random, { machines }: Targets) => ({ target: random.pick(machines) });

/** What happens to render PCs and to the agents on them. */
export const agentFaults: FaultKinds = {
  // Biased to just before and just after a write, where "sent before it was durable" hides.
  'agent-kill': {
    harshMs: 30 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random, targets) => ({
      ...one(random, targets),
      how: random.pick(['before-fsync', 'after-fsync', 'after-fsync', 'at-once']),
      forMs: drawMs(random, 90_000, 20 * minuteMs),
    }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent === undefined) return;
      if (fault.how === 'before-fsync' || fault.how === 'after-fsync') agent.crashPoint = fault.how;
      else fell(world, agent, 'agent-kill', true, fault.forMs);
    },
  },
  'agent-power': {
    harshMs: 60 * minuteMs,
    standardMs: 48 * hourMs,
    draw: (random, targets) => ({ ...one(random, targets), forMs: drawMs(random, 90_000, 20 * minuteMs) }),
    strike(world, victims, fault) {
      fell(world, agentOf(victims, fault), 'agent-power', false, fault.forMs);
    },
  },
  /** A switch, or the power of the house: every PC at once. */
  'all-power': {
    harshMs: 6 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 90_000, 20 * minuteMs) }),
    strike(world, { agents }, { forMs }) {
      world.fault('all-power');
      for (const agent of agents) fell(world, agent, undefined, false, forMs);
    },
  },
  'agent-freeze': {
    harshMs: 30 * minuteMs,
    standardMs: 24 * hourMs,
    draw: (random, targets) => ({ ...one(random, targets), forMs: drawMs(random, 90_000, 10 * minuteMs) }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent === undefined || !agent.isUp || agent.isFrozen) return;
      world.fault('agent-freeze', `${agent.options.machine} for ${fault.forMs ?? 0} ms`);
      agent.freeze();
      world.after(fault.forMs ?? 0, () => agent.wake());
    },
  },
  'agent-leaves': {
    harshMs: 90 * minuteMs,
    standardMs: 48 * hourMs,
    draw: (random, targets) => ({
      ...one(random, targets),
      how: random.pick(['shutdown', 'upgrade', 'sleep']),
    }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent === undefined || !agent.isUp || agent.isFrozen) return;
      world.fault('agent-leaves', agent.options.machine);
      const { how } = fault;
      agent.input({ type: 'shutdown', reason: how === 'sleep' || how === 'upgrade' ? how : 'shutdown' });
    },
  },
  'agent-disk': {
    harshMs: 180 * minuteMs,
    draw: (random, targets) => ({ ...one(random, targets), forMs: drawMs(random, 90_000, 20 * minuteMs) }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent?.isUp !== true) return;
      fell(world, agent, 'agent-disk', false, fault.forMs);
      agent.loseDisk();
    },
  },
  /** Its encoder is gone: whatever it tries fails at once. */
  'agent-sick': {
    harshMs: 2 * hourMs,
    standardMs: 100 * hourMs,
    draw: (random, targets) => ({
      ...one(random, targets),
      forMs: drawMs(random, 10 * minuteMs, 40 * minuteMs),
    }),
    strike(world, victims, fault) {
      const agent = agentOf(victims, fault);
      if (agent === undefined) return;
      world.fault('agent-sick', agent.options.machine);
      agent.sickUntilMs = world.nowMs + (fault.forMs ?? 0);
    },
  },
  /** A PC set up from another one's image: a second machine under the first one's id. */
  'agent-clone': {
    harshMs: 2 * hourMs,
    draw: (random) => ({ forMs: drawMs(random, 5 * minuteMs, 20 * minuteMs) }),
    strike(world, { clone }, { forMs }) {
      if (clone.isUp) return;
      world.fault('agent-clone');
      clone.offUntilMs = 0;
      clone.boot();
      world.after(forMs ?? 0, () => {
        clone.offUntilMs = Number.POSITIVE_INFINITY;
        clone.crash(true);
      });
    },
  },
};

function fell(
  world: World,
  agent: SimAgent | undefined,
  kind: string | undefined,
  told: boolean,
  forMs = 1_000,
): void {
  if (agent?.isUp !== true) return;
  if (kind !== undefined) world.fault(kind, agent.options.machine);
  agent.crash(told);
  agent.bootIn(forMs);
}
