import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { countedBudget } from '../../../controller/scheduling/budget.ts';
import type { Placement } from '../../../controller/scheduling/placement.ts';
import { makePlan, type Plan, Planning } from '../../../controller/scheduling/plan.ts';
import type { JobLine, Snapshot } from '../../../controller/scheduling/snapshot.ts';
import { type AnyFarm, anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import { placesOf, seededNumbers } from '../../helpers/planner-parts.ts';

/** The same in another order: a fair shuffle by these numbers. */
function shuffled<T>(values: Iterable<T>, random: () => number): T[] {
  const mixed = [...values];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** The same farm, whose parts came in another order. */
function otherwiseFilled({ jobs, agents, rules, servedMs }: AnyFarm, random: () => number): AnyFarm {
  const remapped = <K, V>(map: ReadonlyMap<K, V>) => new Map(shuffled(map, random));
  return {
    jobs: shuffled(jobs, random).map((job) => ({
      ...job,
      refusedBy: remapped(job.refusedBy),
      avoid: remapped(job.avoid),
      present: remapped(job.present),
      shares: shuffled(job.shares, random),
    })),
    agents: shuffled(agents, random).map((agent) => ({
      ...agent,
      running: shuffled(agent.running, random),
      queues: shuffled(agent.queues, random),
      labels: shuffled(agent.labels, random),
      classes: remapped(agent.classes),
      announced: remapped(agent.announced),
    })),
    rules: { ...rules, queues: remapped(rules.queues), userWeights: remapped(rules.userWeights) },
    servedMs: remapped(servedMs),
  };
}

/** What has an order of its own, and what has none in an order of its own. */
function comparable(plan: Plan): unknown {
  const byAgent = (placements: readonly Placement[]) =>
    Object.fromEntries(Map.groupBy(placements, ({ agentId }) => agentId));
  return {
    placements: plan.placements,
    announcements: byAgent(plan.announcements),
    passedOver: [...plan.passedOver].sort(),
    unplaceable: plan.unplaceable.map(({ jobId }) => jobId),
    blocked: plan.blocked.map((line) => line.behind(undefined)?.jobId).sort(),
  };
}

describe('the same snapshot', () => {
  it('gives the same plan, in whatever order its parts came', () => {
    fc.assert(
      fc.property(anyFarm, fc.noShrink(fc.integer()), (farm, seed) => {
        const other = otherwiseFilled(farm, seededNumbers(seed));
        const again = snapshotOf(other);
        const lines = shuffled(again.lines, seededNumbers(seed + 1));
        assert.deepEqual(comparable(makePlan({ ...again, lines })), comparable(makePlan(snapshotOf(farm))));
      }),
      { numRuns: 400 },
    );
  });

  it('gives the same plan, wherever it pauses', () => {
    const pauses = fc.array(fc.constantFrom(1, 2, 3, 10, 50, 1_000), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(anyFarm, pauses, (farm, budgets) => {
        const planning = new Planning(snapshotOf(farm));
        let turns = 0;
        while (!planning.goOn(countedBudget(budgets[turns % budgets.length] ?? 1))) {
          turns += 1;
          assert.ok(turns < 20_000, 'it does not come to an end');
        }
        assert.deepEqual(placesOf(planning.plan), placesOf(makePlan(snapshotOf(farm))));
      }),
      { numRuns: 200 },
    );
  });

  it('is not changed by a plan', () => {
    fc.assert(
      fc.property(anyFarm, (farm) => {
        const shot = snapshotOf(farm);
        const before = structuredClone({ ...farm, lines: contentOf(shot) });
        makePlan(shot);
        assert.deepEqual({ ...farm, lines: contentOf(shot) }, before);
        assert.deepEqual([...shot.charges.servedMs], [...snapshotOf(farm).charges.servedMs]);
      }),
      { numRuns: 100 },
    );
  });
});

function contentOf({ lines }: Snapshot): readonly unknown[] {
  return lines.map((line: JobLine) => [line.key, line.needs, line.overdue]);
}
