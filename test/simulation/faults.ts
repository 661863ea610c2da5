import type { SimAgent } from './sim-agent.ts';
import type { SimController } from './sim-controller.ts';
import type { SimShare } from './sim-share.ts';
import type { SimStore } from './sim-store.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;

export interface Victims {
  readonly agents: readonly SimAgent[];
  readonly controller: SimController;
  readonly store: SimStore;
  readonly share: SimShare;
  /** The network between an agent and the controller stands still until this time. */
  readonly stall: (agent: SimAgent, untilMs: number) => void;
}

/** A kind of fault: how often it strikes where it is chosen, and what it does. */
interface FaultKind {
  readonly everyMs: number;
  readonly strike: (world: World, victims: Victims) => void;
}

const kinds: Readonly<Record<string, FaultKind>> = {
  'agent-kill': {
    everyMs: 30 * minuteMs,
    strike: (world, { agents }) => {
      const agent = world.random.pick(agents);
      if (world.random.chance(0.7)) agent.crashPoint = world.random.pick(['before-fsync', 'after-fsync']);
      else fell(world, agent, 'agent-kill', true);
    },
  },
  'agent-power': {
    everyMs: 60 * minuteMs,
    strike: (world, { agents }) => fell(world, world.random.pick(agents), 'agent-power', false),
  },
  'agent-freeze': {
    everyMs: 30 * minuteMs,
    strike: (world, { agents }) => {
      const agent = world.random.pick(agents);
      if (!agent.isUp || agent.isFrozen) return;
      const ms = world.random.chance(0.2)
        ? world.random.between(2, 10) * minuteMs
        : world.random.between(500, 90_000);
      world.fault('agent-freeze', `${agent.options.agentId} for ${Math.round(ms / 1000)} s`);
      agent.freeze();
      world.after(ms, () => agent.wake());
    },
  },
  'agent-leaves': {
    everyMs: 90 * minuteMs,
    strike: (world, { agents }) => {
      const agent = world.random.pick(agents);
      if (!agent.isUp || agent.isFrozen) return;
      world.fault('agent-leaves', agent.options.agentId);
      agent.input({ type: 'shutdown', reason: 'upgrade' });
    },
  },
  'agent-disk': {
    everyMs: 180 * minuteMs,
    strike: (world, { agents }) => {
      const agent = world.random.pick(agents);
      if (!agent.isUp) return;
      fell(world, agent, 'agent-disk', false);
      agent.loseDisk();
    },
  },
  'link-reset': {
    everyMs: 10 * minuteMs,
    strike: (world, { agents }) => {
      const agent = world.random.pick(agents);
      if (agent.connection === undefined) return;
      world.fault('link-reset', agent.options.agentId);
      agent.connection.reset();
    },
  },
  'link-stall': {
    everyMs: 15 * minuteMs,
    strike: (world, { agents, stall }) => {
      const agent = world.random.pick(agents);
      const ms = world.random.between(1_000, 120_000);
      world.fault('link-stall', `${agent.options.agentId} for ${Math.round(ms / 1000)} s`);
      stall(agent, world.nowMs + ms);
    },
  },
  'controller-crash': {
    everyMs: 30 * minuteMs,
    strike: (world, { controller }) => {
      if (world.random.chance(0.8)) {
        controller.crashPoint = world.random.pick(['before-commit', 'after-commit', 'after-effects']);
        return;
      }
      world.fault('controller-crash', 'at once');
      controller.crash(world.random.chance(0.7));
    },
  },
  'controller-freeze': {
    everyMs: 60 * minuteMs,
    strike: (world, { controller }) => {
      const ms = world.random.between(1_000, 90_000);
      world.fault('controller-freeze', `for ${Math.round(ms / 1000)} s`);
      controller.frozenUntilMs = world.nowMs + ms;
    },
  },
  'store-away': {
    everyMs: 45 * minuteMs,
    strike: (world, { store }) => {
      world.fault('store-away');
      store.awayUntilMs = world.nowMs + world.random.between(500, 60_000);
    },
  },
  'store-slow': {
    everyMs: 45 * minuteMs,
    strike: (world, { store }) => {
      world.fault('store-slow');
      store.slowUntilMs = world.nowMs + world.random.between(5_000, 90_000);
    },
  },
  'share-away': {
    everyMs: 40 * minuteMs,
    strike: (world, { share }) => {
      world.fault('share-away');
      share.awayUntilMs = world.nowMs + world.random.between(5_000, 5 * minuteMs);
    },
  },
};

/** Lets faults strike until this time; each seed has kinds of its own, and a pace of its own. */
export function beginFaults(world: World, victims: Victims, untilMs: number): void {
  const pace = world.random.between(0.5, 2);
  for (const { everyMs, strike } of Object.values(kinds)) {
    if (!world.random.chance(0.6)) continue;
    const again = (): void => {
      world.after(world.random.pause(everyMs * pace), () => {
        if (world.nowMs >= untilMs) return;
        strike(world, victims);
        again();
      });
    };
    again();
  }
}

/** What is broken is mended: everybody is up and awake, and nothing waits to strike. */
export function heal({ agents, controller, store, share }: Victims): void {
  store.awayUntilMs = 0;
  store.slowUntilMs = 0;
  share.awayUntilMs = 0;
  controller.crashPoint = undefined;
  for (const agent of agents) {
    agent.crashPoint = undefined;
    agent.wake();
    agent.boot();
  }
}

function fell(world: World, agent: SimAgent, kind: string, told: boolean): void {
  if (!agent.isUp) return;
  world.fault(kind, agent.options.agentId);
  agent.crash(told);
  const ms = world.random.chance(0.2)
    ? world.random.between(2, 20) * minuteMs
    : world.random.between(1_000, 90_000);
  world.after(ms, () => agent.boot());
}
