import { setTimeout as pause } from 'node:timers/promises';
import type { farmWire } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { Farm } from '../engine/farm.ts';
import { toAgent } from './farm-message.ts';

/** Each one looks at all agents once a second: enough for the pages and tools of a farm's operators. */
const watchersMax = 20;
const lookMs = 1_000;
const pageSize = 1_000;

/**
 * Follows the agents by looking at them once a second: what changes in between is told once. There is no token to
 * resume with, because a new watch begins with everything.
 */
export function agentWatch(farm: Farm): (signal: AbortSignal) => AsyncIterable<farmWire.WatchAgentsResponse> {
  let watchers = 0;
  return async function* watch(signal) {
    if (watchers >= watchersMax) {
      const message = `${watchers} watches of agents are open; the limit is ${watchersMax}`;
      throw new FarmError('TOO_MANY_WATCHERS', message, { retryAfterMs: 5_000 });
    }
    watchers += 1;
    try {
      yield* changes(farm, signal);
    } finally {
      watchers -= 1;
    }
  };
}

async function* changes(farm: Farm, signal: AbortSignal): AsyncGenerator<farmWire.WatchAgentsResponse> {
  let told = new Map<string, string>();
  while (!signal.aborted) {
    const now = new Map<string, string>();
    for (const agent of await everyAgent(farm)) {
      const text = textOf(agent);
      now.set(agent.agentId, text);
      if (told.get(agent.agentId) !== text) yield { change: { $case: 'agent', value: agent } };
    }
    for (const agentId of told.keys()) {
      if (!now.has(agentId)) yield { change: { $case: 'forgotten', value: agentId } };
    }
    told = now;
    await pause(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

async function everyAgent(farm: Farm): Promise<readonly farmWire.Agent[]> {
  const agents: farmWire.Agent[] = [];
  for (let token = ''; ; ) {
    const page = await farm.agents({ size: pageSize, token });
    agents.push(...page.entries.map(toAgent));
    if (page.nextToken === '') return agents;
    token = page.nextToken;
  }
}

/** Silence grows by itself: that it is still quiet is no change. */
function textOf(agent: farmWire.Agent): string {
  return JSON.stringify({ ...agent, silence: undefined });
}
