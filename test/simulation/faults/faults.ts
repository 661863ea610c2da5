import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import { agentFaults } from './agent-faults.ts';
import { controllerFaults } from './controller-faults.ts';
import type { FaultKinds, ScriptedFault, Targets, Victims } from './fault-kind.ts';
import { linkFaults } from './link-faults.ts';
import { shareFaults } from './share-faults.ts';

/**
 * `harsh`: kinds of its own and a pace of its own for each seed, some hundred times what a studio knows. `standard`: all
 * standard kinds, at the rates of the table.
 */
export type Profile = 'harsh' | 'standard';

export const faultKinds: FaultKinds = {
  ...agentFaults,
  ...linkFaults,
  ...controllerFaults,
  ...shareFaults,
};

/** The faults of a span, in the order of their times. */
export function drawFaults(
  random: Random,
  profile: Profile,
  targets: Targets,
  spanMs: number,
): readonly ScriptedFault[] {
  const faults: ScriptedFault[] = [];
  const pace = profile === 'harsh' ? random.between(0.5, 2) : 1;
  for (const [kind, { harshMs, standardMs, draw }] of Object.entries(faultKinds)) {
    const meanMs = profile === 'harsh' ? harshMs * pace : standardMs;
    if (meanMs === undefined || (profile === 'harsh' && !random.chance(0.5))) continue;
    for (let atMs = random.pause(meanMs); atMs < spanMs; atMs += random.pause(meanMs))
      faults.push({ atMs: Math.round(atMs), kind, ...draw(random, targets) });
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function scheduleFaults(world: World, victims: Victims, faults: readonly ScriptedFault[]): void {
  for (const fault of faults) {
    world.after(fault.atMs, () => faultKinds[fault.kind]?.strike(world, victims, fault));
  }
}

/** What is broken is mended: everybody is up and awake, and nothing waits to strike. */
export function heal(world: World, { agents, clone, controllers, disk, share }: Victims): void {
  disk.awayUntilMs = 0;
  disk.frozenUntilMs = 0;
  disk.slowUntilMs = 0;
  share.awayUntilMs = 0;
  share.awayForUntilMs.clear();
  share.mountOwn();
  for (const controller of controllers) {
    controller.crashPoint = undefined;
    controller.cutUntilMs = 0;
    controller.wake();
  }
  clone.offUntilMs = Number.POSITIVE_INFINITY;
  clone.crash(true);
  for (const agent of agents) {
    agent.crashPoint = undefined;
    agent.sickUntilMs = 0;
    agent.wake();
    agent.offUntilMs = Math.min(agent.offUntilMs, world.nowMs);
    agent.boot();
  }
}

/** Mean time between two faults of each standard kind, in hours. */
export function standardRates(): Readonly<Record<string, number>> {
  const rates = Object.entries(faultKinds).flatMap(([kind, { standardMs }]) =>
    standardMs === undefined ? [] : [[kind, standardMs / 3_600_000] as const],
  );
  return Object.fromEntries(rates);
}
