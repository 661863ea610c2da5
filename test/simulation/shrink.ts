import type { Parts } from './parts.ts';
import type { Scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

/** Simulations that a search for a smaller script may take. */
const triesMax = 400;

export interface Shrunk {
  readonly scenario: Scenario;
  readonly tries: number;
}

/**
 * Looks for a smaller script that still breaks the same property: no events behind the violation, then fewer faults,
 * verbs and jobs (by halves, then one by one), then one controller. Greedy: what is left cannot lose one more thing.
 */
export async function shrink(
  scenario: Scenario,
  broken: { readonly invariant: string; readonly atS: number },
  parts?: Parts,
): Promise<Shrunk> {
  let tries = 0;
  let best = scenario;
  const attempt = async (smaller: Scenario): Promise<boolean> => {
    if (tries >= triesMax) return false;
    tries += 1;
    const { violation } = await simulate({
      seed: smaller.seed,
      scenario: smaller,
      ...(parts && { parts }),
    });
    if (violation?.invariant !== broken.invariant) return false;
    best = smaller;
    return true;
  };
  const atMs = broken.atS * 1_000;
  await attempt({
    ...scenario,
    faults: scenario.faults.filter((fault) => fault.atMs <= atMs),
    verbs: scenario.verbs.filter((verb) => verb.atMs <= atMs),
    jobs: scenario.jobs.filter((job) => job.atMs <= atMs),
  });
  for (let before = ''; before !== sizeOf(best); ) {
    before = sizeOf(best);
    await thin((faults) => attempt({ ...best, faults }), best.faults);
    await thin((verbs) => attempt({ ...best, verbs }), best.verbs);
    await thin((jobs) => attempt({ ...best, jobs }), best.jobs);
  }
  const [only] = best.controllers;
  if (only !== undefined && best.controllers.length > 1) await attempt({ ...best, controllers: [only] });
  return { scenario: best, tries };
}

/** Leaves out ever smaller pieces of a list, as long as the rest still does. */
async function thin<T>(works: (rest: readonly T[]) => Promise<boolean>, list: readonly T[]): Promise<void> {
  let kept = list;
  for (let size = Math.ceil(kept.length / 2); size >= 1 && kept.length > 0; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await works(rest)) kept = rest;
      else from += size;
    }
  }
}

function sizeOf({ faults, verbs, jobs }: Scenario): string {
  return [faults.length, verbs.length, jobs.length].join();
}
