import type { Random } from '../random.ts';
import type { SimAgent } from '../sim-agent.ts';
import type { SimController } from '../sim-controller.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { SimShare } from '../sim-share.ts';
import type { World } from '../world.ts';

/** A fault as a scenario has it: everything about it is drawn beforehand, so that it can be left out, and replayed. */
export interface ScriptedFault {
  readonly atMs: number;
  readonly kind: string;
  /** Machine of an agent, or name of a controller. */
  readonly target?: string;
  readonly forMs?: number;
  readonly how?: string;
  readonly count?: number;
}

/** Whom a fault can strike. */
export interface Victims {
  readonly agents: readonly SimAgent[];
  /** The machine that bears an id that is another's. */
  readonly clone: SimAgent;
  readonly controllers: readonly SimController[];
  readonly disk: SimDisk;
  readonly share: SimShare;
}

/** What a scenario knows of its farm when it draws its faults. */
export interface Targets {
  readonly machines: readonly string[];
  readonly controllers: readonly string[];
}

/** A kind of fault: how often it strikes where it is chosen, what it is like, and what it does. */
export interface FaultKind {
  /** Mean pause under the harsh profile. */
  readonly harshMs: number;
  /** Mean pause under the standard profile: some times as often as in a studio. Absent: it is no standard fault. */
  readonly standardMs?: number;
  readonly draw: (random: Random, targets: Targets) => Omit<ScriptedFault, 'atMs' | 'kind'>;
  readonly strike: (world: World, victims: Victims, fault: ScriptedFault) => void;
}

export type FaultKinds = Readonly<Record<string, FaultKind>>;

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** Mostly short, sometimes long. */
export function drawMs(random: Random, shortMs: number, longMs: number): number {
  return Math.round(random.chance(0.2) ? random.between(shortMs, longMs) : random.between(500, shortMs));
}

export function agentOf({ agents }: Victims, { target }: ScriptedFault): SimAgent | undefined {
  return agents.find(({ options }) => options.machine === target);
}

export function controllerOf({ controllers }: Victims, { target }: ScriptedFault): SimController | undefined {
  return controllers.find(({ name }) => name === target);
}
