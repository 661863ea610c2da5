import assert from 'node:assert/strict';
import test from 'node:test';
import { problems, read, shares } from '../helpers/read-config.ts';

test('Weights and limits of queues, users and the farm are taken where they are given, and absent elsewhere', async (t) => {
  const yaml = `${shares}
queues: [{ name: a, weight: 0.01, runningMax: 1, jobsMax: 1000000 }, { name: b, weight: 100 }, { name: c }]
routing: { rules: [], defaultQueue: a }
limits: { runningMax: 8, runningPerUserMax: 2 }
userWeights: { ana: 2.5, '7': 0.5 }`;
  const { farm } = await read(t, yaml);
  const [a, b, c] = farm.queues;
  assert.deepEqual([b?.weight, a?.weight, a?.runningMax, a?.jobsMax], [100, 0.01, 1, 1_000_000]);
  assert.deepEqual(Object.keys(c ?? {}), ['name', 'softRunMs', 'hardRunMs', 'rateProfile']);
  assert.deepEqual([farm.limits.runningMax, farm.limits.runningPerUserMax], [8, 2]);
  assert.deepEqual(
    [...farm.userWeights],
    [
      ['7', 0.5],
      ['ana', 2.5],
    ],
  );
  const { limits, userWeights } = (await read(t, shares)).farm;
  assert.deepEqual(
    ['runningMax' in limits, 'runningPerUserMax' in limits, userWeights.size],
    [false, false, 0],
  );
});

test('Weights from 0.01 to 100, limits from 1, and at most 10,000 users with a weight', async (t) => {
  const found = await problems(
    t,
    `${shares}
queues: [{ name: a, weight: 0 }, { name: b, runningMax: 0 }, { name: c, jobsMax: 1.5 }, { name: d, weight: 101 }]
routing: { rules: [], defaultQueue: a }
limits: { runningMax: 0, runningPerUserMax: many }
userWeights: { ana: 0.001, bob: heavy }`,
  );
  assert.deepEqual(Object.keys(found).toSorted(), [
    'limits.runningMax',
    'limits.runningPerUserMax',
    'queues[0].weight',
    'queues[1].runningMax',
    'queues[2].jobsMax',
    'queues[3].weight',
    'userWeights.ana',
    'userWeights.bob',
  ]);
  const many = `userWeights: { ${Array.from({ length: 10_001 }, (_, index) => `u${index}: 1`).join(', ')} }`;
  assert.deepEqual(await problems(t, `${shares}\n${many}`), {
    userWeights: 'must have at most 10000 entries',
  });
});

test('Every back-off must end above where it begins', async (t) => {
  for (const name of ['retry', 'publishRetry', 'deliveryRetry', 'catalogRetry']) {
    const min = `${name}MinMs`;
    const max = `${name}MaxMs`;
    assert.deepEqual(await problems(t, `${shares}\ntimes: { ${min}: 9, ${max}: 8 }`), {
      [`times.${max}`]: `must be more than times.${min} (9 ms)`,
    });
  }
});

test('History keeps less where it is in memory, unless it is told how much', async (t) => {
  const redis = `${shares}\nstore: { kind: redis, url: 'redis://redis.example' }`;
  const kept = async (yaml: string) => (await read(t, yaml)).history.rowsMax;
  assert.deepEqual(
    [await kept(shares), await kept(redis), await kept(`${redis}\nhistory: { rowsMax: 500 }`)],
    [200_000, 20_000, 500],
  );
});
