import type { Random } from '../../../test/simulation/random.ts';
import { speedAmong } from '../farms.ts';
import { canRender, type Decision, type Policy, type SeenPc, type Start, type View } from './policy.ts';

/**
 * Jobs in the order of submission, each to any free slot that can render it: as when every PC asks one queue of each
 * class, and nobody knows who asks first. A job without such a slot does not hold up those behind it.
 */
export function firstComeOnAny(random: Random): Policy {
  return { decide: (view) => firstCome(view, (free) => random.pick(free)) };
}

/** The same, each on the free slot that renders it fastest. */
export const firstComeOnFastest: Policy = {
  decide: (view) =>
    firstCome(view, (free, workClass, running) => {
      const speed = (seen: SeenPc): number => speedAmong(seen.pc, workClass, (running.get(seen) ?? 0) + 1);
      return free.reduce((best, seen) => (speed(seen) > speed(best) ? seen : best));
    }),
};

type Choose = (free: readonly SeenPc[], workClass: string, running: ReadonlyMap<SeenPc, number>) => SeenPc;

function firstCome({ waiting, pcs }: View, choose: Choose): Decision {
  const running = new Map(pcs.map((seen) => [seen, seen.running.length]));
  const isFree = (seen: SeenPc): boolean => seen.up && (running.get(seen) ?? 0) < seen.pc.slots;
  const starts: Start[] = [];
  for (const job of waiting) {
    if (!pcs.some(isFree)) break;
    const free = pcs.filter((seen) => isFree(seen) && canRender(seen.pc, job.workClass));
    if (free.length === 0) continue;
    const chosen = choose(free, job.workClass, running);
    running.set(chosen, (running.get(chosen) ?? 0) + 1);
    starts.push({ job, pc: chosen.pc });
  }
  return { starts, prefetch: new Map() };
}
