import type { AgentMode } from '../../proto/agent-link.ts';
import type { HostHealth } from './host-health.ts';

/** What a person has ordered of an agent; a record, so that it survives restarts of both sides. */
export interface OrderedMode {
  readonly mode: Exclude<AgentMode, 'active'>;
  readonly reason: string;
  /** Who ordered it: the name of a certificate, else what the caller said. */
  readonly by: string;
  readonly sinceMs: number;
  /** `evict`: what still runs then is stopped. */
  readonly untilMs?: number;
  /** Since when it holds nothing, once it was seen so: `draining` and `evict` are done. */
  readonly emptySinceMs?: number;
}

/** What holds for an agent now, whoever decided it. */
export interface EffectiveMode {
  readonly mode: AgentMode;
  readonly reason: string;
  readonly untilMs?: number;
}

/** The part of an agent's record that says what may start there. */
export interface Governed {
  readonly ordered?: OrderedMode;
  readonly health?: HostHealth;
}

/** A person's order counts more than a sickness: both let nothing new start there. */
export function effectiveMode(agent: Governed | undefined): EffectiveMode {
  const { ordered, health } = agent ?? {};
  if (ordered !== undefined) return ordered;
  if (health?.sick !== undefined) return { mode: 'cordoned', reason: health.sick.reason };
  return { mode: 'active', reason: '' };
}

/** A person wants nothing to run there any more. */
export function isEvicted(agent: Governed | undefined, nowMs: number): boolean {
  return agent?.ordered?.mode === 'evict' && (agent.ordered.untilMs ?? 0) <= nowMs;
}

/** Why nothing new starts on an agent, all of it; empty: something may. */
export function closedReasons(agent: Governed | undefined): readonly string[] {
  const { ordered, health } = agent ?? {};
  const order =
    ordered &&
    [orderWords[ordered.mode], ordered.by && `by ${ordered.by}`, ordered.reason && `(${ordered.reason})`]
      .filter(Boolean)
      .join(' ');
  return [...(order === undefined ? [] : [order]), ...(health?.sick ? [health.sick.reason] : [])];
}

const orderWords: Readonly<Record<OrderedMode['mode'], string>> = {
  cordoned: 'cordoned',
  draining: 'draining',
  evict: 'evicted',
};
