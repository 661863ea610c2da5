import type { Opinion, Outlook } from './opinions.ts';
import type { Placement } from './placement.ts';
import type { Before } from './replay.ts';
import { countText, gibText, ratioText, spanText } from './words.ts';

/** An agent must be faster by as much for its speed to be the reason that it is waited for. */
const fasterMin = 1.2;

/** One sentence: what a planned job waits for, and why not for an agent that is free now. */
export function waitsFor(
  planned: Placement,
  agents: readonly Opinion[],
  before: ReadonlyMap<string, Before>,
): string {
  const { startsInMs, agentId, limit } = planned;
  if (startsInMs === 0) return `starts now on ${agentId}`;
  if (limit !== undefined) {
    return `waits for the ${limit}; expected on ${agentId} in about ${spanText(startsInMs)}`;
  }
  const own = agents.find((opinion) => opinion.agentId === agentId)?.outlook;
  const first = before.get(agentId)?.given.length ?? 0;
  const ahead = first === 0 ? '' : `, ${countText(first, 'job')} before it`;
  if (own !== undefined && own.startInMs > own.freeInMs) {
    const room = `has ${gibText(before.get(agentId)?.desk.agent.scratchBytes ?? 0)} free`;
    return `waits for room on ${agentId}, which ${room} now: in about ${spanText(startsInMs)}${ahead}`;
  }
  const waits = `waits for ${agentId} (free in about ${spanText(startsInMs)}${ahead})`;
  if (own === undefined) return waits;
  return `${waits}${whyThere(planned, own, agents)}`;
}

function whyThere({ agentId }: Placement, own: Outlook, agents: readonly Opinion[]): string {
  const others = agents.flatMap(({ agentId: other, feasible, passedOver, outlook }) =>
    other === agentId || !feasible || passedOver === true || outlook === undefined ? [] : { other, outlook },
  );
  // They come in the order in which the job would end on them.
  const free = others.find(({ outlook }) => outlook.startInMs === 0);
  if (free !== undefined) return `, ${instead(own, free.other, free.outlook)}`;
  const [next] = others;
  if (next === undefined) {
    const able = agents.filter(({ feasible }) => feasible).length;
    return able > 1 ? '; the others that could take it are passed over' : ', the only agent that can take it';
  }
  const laterMs = next.outlook.endInMs - own.endInMs;
  return laterMs < 60_000 ? '' : `; on ${next.other}, the next best, it would end ${spanText(laterMs)} later`;
}

function instead(own: Outlook, other: string, { speed, endInMs, missingBytes }: Outlook): string {
  const ratio = own.speed / speed;
  const laterMs = endInMs - own.endInMs;
  const later = laterMs < 1_000 ? '' : `: there it would end about ${spanText(laterMs)} later`;
  if (ratio >= fasterMin) return `${ratioText(ratio)} times as fast as ${other}, which is free now${later}`;
  if (own.missingBytes < missingBytes)
    return `which has its files, not for ${other}, which is free now${later}`;
  return `not for ${other}, which is free now${later}`;
}
