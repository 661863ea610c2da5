import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harmless, mutants } from './mutants.ts';
import { simulate } from './simulate.ts';

/** A bug that takes more seeds than this to show would not be found by the seeds of every day. */
const seedsMax = 60;

for (const { name, parts, breaks } of mutants) {
  test(`a deliberate bug is caught: ${name}`, async (t) => {
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      const { violation } = await simulate({ seed, parts });
      if (violation === undefined) continue;
      assert.ok(breaks.includes(violation.invariant), violation.message);
      t.diagnostic(`seed ${seed}: ${violation.message}`);
      return;
    }
    assert.fail(`${seedsMax} seeds have not shown it`);
  });
}

test('a change that changes nothing is not caught', async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const { violation } = await simulate({ seed, parts: harmless });
    assert.equal(violation, undefined);
  }
});
