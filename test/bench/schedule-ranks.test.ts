import assert from 'node:assert/strict';
import test from 'node:test';
import { mixed, studio } from '../../bench/schedule/farms.ts';
import { batchCase, onlineCase, type PolicyName, policyNames, run } from '../../bench/schedule/scenarios.ts';
import { figuresOf } from '../../bench/schedule/statistics-of-runs.ts';
import { mean } from '../../bench/statistics.ts';

const noise = 0.3;
const seeds = [0, 1, 2, 3, 4, 5];

const batchesTried = [
  { name: 'studio_20', farm: studio, count: 20 },
  { name: 'mixed_60', farm: mixed, count: 60 },
];

for (const batch of batchesTried) {
  test(`${batch.name}: nothing beats the bound, every job ends once, and ours ends sooner than the others do`, async () => {
    const ratios = new Map<PolicyName, number[]>(policyNames.map((name) => [name, []]));
    for (const seed of seeds) {
      const made = await batchCase(batch, seed, noise);
      for (const name of policyNames) {
        const { records, endedMs } = run(name, made, { noise });
        assert.equal(new Set(records.map(({ job }) => job.id)).size, batch.count);
        assert.equal(records.length, batch.count);
        assert.ok(
          endedMs >= made.boundMs,
          `${name}, seed ${seed}: ${endedMs} ms, the bound is ${made.boundMs} ms`,
        );
        ratios.get(name)?.push(endedMs / made.boundMs);
      }
    }
    const means = new Map([...ratios].map(([name, own]) => [name, mean(own)]));
    const said = JSON.stringify(Object.fromEntries(means));
    for (const [name, own] of means)
      if (name !== 'ours') assert.ok((means.get('ours') ?? Infinity) < own, said);
  });
}

test('On-line at load 0.7 ours is ahead of the old farm by mean and p95 turnaround, and hides most of the copying', async () => {
  const ours: number[] = [];
  const celery: number[] = [];
  const hidden: number[] = [];
  for (const seed of [0, 1, 2]) {
    const made = await onlineCase(seed, 0.7, noise);
    const own = figuresOf(run('ours', made, { noise }), made.farm);
    const other = figuresOf(run('celery', made, { noise }), made.farm);
    ours.push(own.turnaroundP95Ms, own.turnaroundMeanMs);
    celery.push(other.turnaroundP95Ms, other.turnaroundMeanMs);
    hidden.push(1 - own.copySeenMs / own.copyNeededMs);
  }
  ours.forEach((ms, index) => assert.ok(ms < (celery[index] ?? 0), JSON.stringify({ ours, celery })));
  assert.ok(mean(hidden) > 0.8, JSON.stringify(hidden));
});
