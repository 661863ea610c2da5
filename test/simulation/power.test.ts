import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mutant } from './mutants/mutant.ts';
import { harmless, mutants } from './mutants.ts';
import { runSeeds } from './run-seeds.ts';
import { scenarioOf } from './scenario.ts';
import { shrink } from './shrink.ts';
import { type SimulationReport, simulate } from './simulate.ts';

/** A bug that takes more seeds than this to show would not be found by the seeds of every day. */
const seedsMax = 100;
const harmlessSeeds = 5;
const seeds = Array.from({ length: seedsMax }, (_, n) => n + 1);
/** Most bugs show within these: threads would take longer to start. */
const seedsHere = 7;

async function firstHere({ parts, shownBy }: Mutant): Promise<SimulationReport | undefined> {
  const first = seeds.slice(0, seedsHere);
  for (const seed of shownBy === undefined ? first : [shownBy, ...first]) {
    const report = await simulate({ seed, parts });
    if (report.violation !== undefined) return report;
  }
  return undefined;
}

async function firstOf(mutant: string): Promise<SimulationReport | undefined> {
  const reports = await runSeeds({ seeds: seeds.slice(seedsHere), mutant });
  return reports.find(({ violation }) => violation !== undefined);
}

for (const mutant of mutants) {
  const { name, breaks, shownBy = 1 } = mutant;
  test(`a deliberate bug is caught: ${name}`, async (t) => {
    assert.ok(shownBy <= seedsMax);
    const hit = (await firstHere(mutant)) ?? (await firstOf(name));
    assert.ok(hit?.violation, `${seedsMax} seeds have not shown it`);
    assert.ok(breaks.includes(hit.violation.invariant), hit.violation.message);
    t.diagnostic(`seed ${hit.seed}: ${hit.violation.message}`);
  });
}

for (const { name, parts } of harmless) {
  test(`a change that changes nothing is not caught: ${name}`, async () => {
    for (const seed of seeds.slice(0, harmlessSeeds)) {
      const { violation } = await simulate({ seed, parts });
      assert.equal(violation, undefined);
    }
  });
}

test('a failing script is shrunk to a few events that still break the same property', async () => {
  const mutant = mutants.find(
    ({ name }) => name === 'a journal without identity: a new disk counts from the start under the old name',
  );
  assert.ok(mutant);
  const scenario = scenarioOf(1);
  const { violation } = await simulate({ seed: 1, scenario, parts: mutant.parts });
  assert.ok(violation);
  const shrunk = await shrink(scenario, violation, mutant.parts);
  const before = scenario.faults.length + scenario.jobs.length + scenario.verbs.length;
  const after = shrunk.scenario.faults.length + shrunk.scenario.jobs.length + shrunk.scenario.verbs.length;
  assert.ok(after <= before / 4, `${before} events were shrunk to ${after}`);
  const again = await simulate({ seed: 1, scenario: shrunk.scenario, parts: mutant.parts });
  assert.equal(again.violation?.invariant, violation.invariant);
});
