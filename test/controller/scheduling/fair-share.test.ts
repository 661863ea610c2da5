import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Charges, costMs, flowOf } from '../../../controller/scheduling/fair-share.ts';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import type { FarmRules, PlannedAgent, WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { PlannedFarm } from '../../helpers/planned-farm.ts';
import { agent, job, noRules, seededNumbers, snapshot } from '../../helpers/planner-parts.ts';

const minute = 60_000;
const longest = 10 * minute;

/** Keeps so many jobs of each user waiting, until so many have ended; what each user was given, by cost. */
function backlogged(
  farm: PlannedFarm,
  users: readonly string[],
  depth: number,
  ends: number,
  next: (userId: string, n: number) => Partial<WaitingJob>,
): ReadonlyMap<string, number> {
  let count = farm.ended.length * 1_000;
  const topUp = () => {
    const more = users.flatMap((userId) => {
      const missing = depth - [...farm.waiting.values()].filter((each) => each.userId === userId).length;
      return Array.from({ length: Math.max(0, missing) }, () => {
        count += 1;
        return job(`j${count}`, { userId, ...next(userId, count) });
      });
    });
    if (more.length > 0) farm.submit(...more);
  };
  const before = givenTo(farm);
  topUp();
  for (let n = 0; n < ends; n += 1) {
    farm.passToEnd();
    topUp();
  }
  return new Map([...givenTo(farm)].map(([userId, ms]) => [userId, ms - (before.get(userId) ?? 0)]));
}

/** What each user was given, in output time on a reference GPU. */
function givenTo({ running, ended }: PlannedFarm): ReadonlyMap<string, number> {
  const given = new Map<string, number>();
  for (const { job: each } of [...running, ...ended])
    given.set(each.userId, (given.get(each.userId) ?? 0) + costMs(each));
  return given;
}

function spread(given: ReadonlyMap<string, number>, weightOf: (userId: string) => number): number {
  const shares = [...given].map(([userId, ms]) => ms / weightOf(userId));
  return Math.max(...shares) - Math.min(...shares);
}

const agents: readonly PlannedAgent[] = [agent('a', 1), agent('b', 0.5), agent('c', 0.25)];
const users = ['ann', 'ben', 'eve'];
const seeds = fc.noShrink(fc.nat(1e6));

describe('one plan', () => {
  it('lets users take turns, by what their jobs cost', () => {
    const own = (userId: string, from: number, outputMs: number) =>
      [0, 1, 2, 3].map((n) => job(`j${from + n}`, { userId, outputMs }));
    const jobs = [...own('ann', 1, longest), ...own('ben', 5, 2 * longest), ...own('eve', 9, longest)];
    const order = makePlan(snapshot(jobs, agents)).order.map(({ job: { userId } }) => userId);
    assert.deepEqual(order.slice(0, 8), ['ann', 'ben', 'eve', 'ann', 'eve', 'ann', 'ben', 'eve']);
  });
});

describe('the shares of users who always have jobs', () => {
  const weights = new Map([
    ['ann', 1],
    ['ben', 2],
    ['eve', 3],
  ]);
  const rulesOf = (kind: 'users' | 'queues'): FarmRules =>
    kind === 'users'
      ? { ...noRules, userWeights: weights }
      : {
          ...noRules,
          queues: new Map(users.map((name) => [name, { softRunMs: 1e12, weight: weights.get(name) ?? 1 }])),
        };

  it('are as their weights, however unequal their jobs, and stay so', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom('users', 'queues'), (seed, kind) => {
        const random = seededNumbers(seed);
        const queuesOfAll = agents.map((each) => ({ ...each, queues: users }));
        const farm = new PlannedFarm({
          agents: queuesOfAll,
          rules: rulesOf(kind),
          workNoise: () => 0.5 + random(),
        });
        const next = (userId: string, n: number) => ({
          queue: userId,
          outputMs: minute + random() * (userId === 'eve' ? 2 * minute : longest - minute),
          workClass: n % 7 === 0 ? ('4k' as const) : ('hd' as const),
        });
        for (const ends of [160, 160]) {
          const given = backlogged(farm, users, 5, ends, next);
          assert.equal(given.size, 3);
          // Of a round of fair share, and of the longest job, in either direction.
          const boundMs = 2 * (farm.tuning.roundMs + 4 * longest);
          const off = spread(given, (userId) => weights.get(userId) ?? 1);
          assert.ok(
            off <= boundMs,
            `${off / minute} min apart after ${ends} jobs: ${JSON.stringify([...given])}`,
          );
          const all = [...given.values()].reduce((sum, ms) => sum + ms, 0);
          assert.ok(all > 4 * boundMs, 'too little was done to tell');
        }
      }),
      { numRuns: 6 },
    );
  });

  it('are even for a user of many jobs and one who has one at a time', () => {
    const farm = new PlannedFarm({ agents: [agent('a', 1)] });
    let bens = 0;
    let anns = 0;
    for (let n = 0; n < 400; n += 1) {
      const more: WaitingJob[] = [];
      while (farm.waiting.size + more.length < 8) {
        bens += 1;
        more.push(job(`j${bens}`, { userId: 'ben', outputMs: minute }));
      }
      const hasOne = [...farm.waiting.values(), ...farm.running.map((each) => each.job)].some(
        ({ userId }) => userId === 'ann',
      );
      if (!hasOne) {
        anns += 1;
        more.push(job(`j${9_000 + anns}`, { userId: 'ann', outputMs: longest }));
      }
      farm.submit(...more);
      farm.passToEnd();
    }
    const given = givenTo(farm);
    assert.ok(spread(given, () => 1) <= 2 * (farm.tuning.roundMs + longest), JSON.stringify([...given]));
  });
});

describe('a user who comes back', () => {
  const alike = () => ({ outputMs: 5 * minute });

  it('gets no more for having been away, and is not behind for what nobody else wanted', () => {
    for (const alone of [['ann'], ['ben', 'eve'], users]) {
      const farm = new PlannedFarm({ agents });
      backlogged(farm, alone, 4, 120, alike);
      if (alone.length < 3) for (; farm.waiting.size > 0; ) farm.passToEnd();
      const given = backlogged(farm, users, 4, 60, alike);
      assert.ok(
        spread(given, () => 1) <= 2 * (farm.tuning.roundMs + longest),
        `${alone.join(', ')}: ${JSON.stringify([...given])}`,
      );
    }
  });

  it('nor for a job that could not start all the while', () => {
    const farm = new PlannedFarm({ agents });
    farm.submit(job('j900000', { userId: 'zed', queue: 'nobody' }));
    backlogged(farm, ['ann', 'ben'], 4, 120, alike);
    const given = backlogged(farm, ['ann', 'ben', 'eve', 'zed'], 4, 80, alike);
    assert.ok(spread(given, () => 1) <= 2 * (farm.tuning.roundMs + longest), JSON.stringify([...given]));
  });
});

describe('charges', () => {
  const ann = { key: 'ann', weight: 1 };
  const ben = { key: 'ben', weight: 2 };

  it('count less where the weight is more, and are taken back', () => {
    const charges = new Charges();
    for (const flow of [ann, ben]) charges.arrived(flow);
    charges.charge(ann, 100);
    charges.charge(ben, 100);
    assert.deepEqual(
      [...charges.servedMs],
      [
        ['ann', 100],
        ['ben', 50],
      ],
    );
    charges.refund(ben, 60);
    assert.equal(charges.servedMs.get('ben'), 20);
    charges.refund(ben, 1_000);
    assert.equal(charges.servedMs.get('ben'), 0, 'nobody has had less than nothing');
  });

  it('begin with those who have had least', () => {
    const charges = new Charges();
    charges.charge(ann, 100);
    charges.charge({ key: 'eve', weight: 1 }, 300);
    charges.arrived(ben);
    assert.equal(charges.servedMs.get('ben'), 100);
  });

  it('of those who leave together stay theirs, in whatever order they are known', () => {
    const stands = [['ann', 'eve'] as const, ['eve', 'ann'] as const].map((order) => {
      const charges = new Charges();
      charges.takePart(new Set(order));
      charges.charge({ key: 'ann', weight: 1 }, 100);
      charges.charge({ key: 'eve', weight: 1 }, 300);
      charges.takePart(new Set());
      charges.takePart(new Set(['ann', 'ben']));
      return ['ann', 'ben', 'eve'].map((key) => charges.standsAtMs(key));
    });
    assert.deepEqual(stands, [
      [100, 100, 300],
      [100, 100, 300],
    ]);
  });

  it('of more flows than a call takes arguments come and go together, each looked at once', {
    timeout: 20_000,
  }, () => {
    const keys = Array.from({ length: 200_000 }, (_, n) => `u${n}`);
    const charges = new Charges();
    charges.takePart(new Set(keys));
    charges.charge({ key: 'u7', weight: 1 }, 100);
    assert.equal(charges.virtualMs, 0);
    charges.takePart(new Set(['u7']));
    assert.equal(charges.virtualMs, 100);
    charges.takePart(new Set(keys));
    assert.equal(charges.standsAtMs('u0'), 100, 'nothing is saved up while away');
    charges.charge({ key: 'u8', weight: 1 }, 50);
    charges.keepOnly(new Set());
    assert.equal(charges.servedMs.size, 0);
    assert.equal(charges.virtualMs, 150);
  });

  it('are by user, or by user and queue where the queue has a weight; 4K counts four times', () => {
    const rules = {
      userWeights: new Map([['ann', 3]]),
      queues: new Map([
        ['gpu_queue', { softRunMs: 1, weight: 2 }],
        ['4k_queue', { softRunMs: 1 }],
      ]),
    };
    const of = (userId: string, queue: string) => flowOf({ userId, queue }, rules);
    assert.equal(of('ann', '4k_queue').key, of('ann', 'unknown').key);
    assert.notEqual(of('ann', '4k_queue').key, of('ben', '4k_queue').key);
    assert.notEqual(of('ann', 'gpu_queue').key, of('ann', '4k_queue').key);
    assert.deepEqual(
      ['4k_queue', 'gpu_queue'].map((queue) => of('ann', queue).weight),
      [3, 6],
    );
    assert.notEqual(of('a","b', 'gpu_queue').key, of('a', 'b","gpu_queue').key);
    assert.equal(costMs({ outputMs: 10, workClass: '4k' }), 40);
    assert.equal(costMs({ outputMs: 10, workClass: 'hd' }), 10);
  });
});
