import type { ClassSpeed, WorkClass } from '../../proto/agent-link.ts';

/** A GPU that encodes beside others of the same PC. */
export interface GpuLane {
  readonly index: number;
  /** Renders at a time on it. */
  readonly slots: number;
  /** By its test encodes; a class that is not here is not rendered on it. */
  readonly speeds: readonly ClassSpeed[];
}

/** A lane with what is free of it now: fewer than its slots where it has no more sessions. */
export type FreeLane = Pick<GpuLane, 'index' | 'speeds'> & { readonly free: number };

/**
 * The GPU that a new render goes to: the one with the most free slots, of those the faster one at its class, of those
 * the first. Undefined when none that can do the class is free.
 */
export function chooseGpu(lanes: readonly FreeLane[], workClass: WorkClass): number | undefined {
  let best: { readonly index: number; readonly free: number; readonly speed: number } | undefined;
  for (const { index, free, speeds } of lanes) {
    const speed = laneSpeed({ speeds }, workClass);
    if (speed === undefined || free <= 0) continue;
    const isBetter = best === undefined || free > best.free || (free === best.free && speed > best.speed);
    if (isBetter) best = { index, free, speed };
  }
  return best?.index;
}

export function laneSpeed({ speeds }: Pick<GpuLane, 'speeds'>, workClass: WorkClass): number | undefined {
  return speeds.find((one) => one.workClass === workClass)?.speed;
}

/** Where `renders` renders of a class go that come one after another: the GPU of each; fewer when no more fit. */
export function fillOrder(
  lanes: readonly GpuLane[],
  workClass: WorkClass,
  renders: number,
): readonly number[] {
  const order: number[] = [];
  while (order.length < renders) {
    const free = lanes.map((lane) => ({
      ...lane,
      free: lane.slots - order.filter((index) => index === lane.index).length,
    }));
    const next = chooseGpu(free, workClass);
    if (next === undefined) break;
    order.push(next);
  }
  return order;
}
