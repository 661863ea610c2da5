import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  defaultTuning,
  type FarmRules,
  type PlannedAgent,
  type WaitingJob,
} from '../../../controller/scheduling/snapshot.ts';
import { PlannedFarm } from '../../helpers/planned-farm.ts';
import { agent, forecast, job, noRules, seededNumbers } from '../../helpers/planner-parts.ts';

const minute = 60_000;
const { agingMs, slipMaxMs, roundMs } = defaultTuning;

interface Flood {
  readonly agents: readonly PlannedAgent[];
  readonly rules?: FarmRules;
  /** Jobs of the flood that wait at any time. */
  readonly depth: number;
  readonly next: (n: number) => Partial<WaitingJob>;
  readonly seed?: number;
}

/** How long a job waits while each job of a flood that starts is replaced by a new one at once, for ever. */
function waitInFlood(one: Partial<WaitingJob>, { agents, rules, depth, next, seed = 1 }: Flood): number {
  const random = seededNumbers(seed);
  const farm = new PlannedFarm({
    agents,
    ...(rules && { rules }),
    etaNoise: () => 0.7 + 0.6 * random(),
    workNoise: () => 0.7 + 0.6 * random(),
  });
  let count = 0;
  const flood = () => {
    const missing = depth - [...farm.waiting.keys()].filter((id) => id.startsWith('f')).length;
    const more = Array.from({ length: missing }, () => {
      count += 1;
      return job(`f${count}`, { sequence: count, ...next(count) });
    });
    if (missing > 0) farm.submit(...more);
  };
  flood();
  flood();
  const fromMs = farm.nowMs;
  farm.submit(job('x0', { sequence: count, ...one }));
  for (let events = 0; farm.waiting.has('x0'); events += 1) {
    assert.ok(events < 3_000, `it waits since ${(farm.nowMs - fromMs) / minute} min`);
    assert.ok(farm.passToEnd());
    flood();
  }
  return farm.nowMs - fromMs;
}

const one = [agent('a', 1)];
const three = [agent('a', 1), agent('b', 0.45), agent('c', 0.22)];
const seeds = fc.noShrink(fc.nat(1e6));

describe('a job in an endless flood', () => {
  it('of higher classes has gained them after so many waits of four hours, and one job more', () => {
    const longest = 20 * minute * 1.3;
    for (const [priority, gains] of [
      ['low', 3],
      ['normal', 2],
      ['high', 1],
    ] as const) {
      const waitMs = waitInFlood(
        { priority },
        {
          agents: one,
          depth: 3,
          next: () => ({ userId: 'eve', priority: 'urgent', outputMs: 20 * minute }),
        },
      );
      assert.ok(waitMs >= gains * agingMs - longest, `a ${priority} job waited ${waitMs / minute} min only`);
      // Its round of fair share is then the first: no more than a round of the flood's work goes before it.
      const boundMs = gains * agingMs + roundMs + 2 * longest;
      assert.ok(waitMs <= boundMs, `a ${priority} job waited ${waitMs / minute} min`);
    }
  });

  it('of one user’s shorter jobs of its class waits for a round of fair share and a running job', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const waitMs = waitInFlood(
          { outputMs: 60 * minute },
          {
            agents: three,
            depth: 30,
            next: () => ({ userId: 'eve', outputMs: 2 * minute }),
            seed,
          },
        );
        // It may wait for the best PC as long as that ends it earlier: not longer than the worst of all would take.
        assert.ok(
          waitMs <= roundMs + (2 * minute * 1.3) / 0.22 + slipMaxMs,
          `it waited ${waitMs / minute} min`,
        );
      }),
      { numRuns: 5 },
    );
  });

  it('of its own user’s jobs is no worse off than by age, thrice over', () => {
    const depth = 20;
    fc.assert(
      fc.property(seeds, fc.constantFrom(1, 60), (seed, minutes) => {
        const flood = minutes === 1 ? 60 : 1;
        const waitMs = waitInFlood(
          { outputMs: minutes * minute },
          {
            agents: three,
            depth,
            next: () => ({ outputMs: flood * minute }),
            seed,
          },
        );
        const byAgeMs = (depth * flood * minute * 1.3) / (1 + 0.45 + 0.22);
        assert.ok(
          waitMs <= 3 * byAgeMs + slipMaxMs + 60 * minute,
          `${minutes} min of work waited ${waitMs / minute} min; by age ${byAgeMs / minute}`,
        );
      }),
      { numRuns: 10 },
    );
  });

  it('of Full HD jobs gets the only PC that renders 4K, from its own user and from another', () => {
    const hdOnly = new Map([['hd', forecast(1)]]);
    const agents = [
      agent('a', 1),
      agent('b', 0.9, { classes: hdOnly }),
      agent('c', 0.8, { classes: hdOnly }),
    ];
    fc.assert(
      fc.property(seeds, fc.constantFrom('ann', 'eve'), (seed, userId) => {
        const waitMs = waitInFlood(
          { outputMs: 10 * minute, workClass: '4k' },
          {
            agents,
            depth: 12,
            next: () => ({ userId, outputMs: 10 * minute }),
            seed,
          },
        );
        // 4K costs four times: by as much its flow's turn may be behind. By age alone: 12 jobs on three PCs.
        assert.ok(
          waitMs <= 3 * ((12 * 10 * minute) / 2.7) * 1.3 + slipMaxMs + roundMs,
          `it waited ${waitMs / minute} min`,
        );
      }),
      { numRuns: 6 },
    );
  });

  it('that may run on one PC alone gets it, though the flood may run anywhere', () => {
    const wishes = { onlyOn: ['c'], notOn: [], labels: [] };
    for (const userId of ['ann', 'eve']) {
      const waitMs = waitInFlood(
        { wishes, outputMs: 10 * minute },
        {
          agents: three,
          depth: 15,
          next: () => ({ userId, outputMs: 10 * minute }),
        },
      );
      assert.ok(
        waitMs <= 3 * ((15 * 10 * minute) / 1.67) * 1.3 + (10 * minute) / 0.22,
        `it waited ${waitMs / minute} min`,
      );
    }
  });

  it('of users without limit comes in its user’s turn, one of his jobs at a time', () => {
    const rules = { ...noRules, runningPerUserMax: 1 };
    const waitMs = waitInFlood(
      { outputMs: 10 * minute },
      {
        agents: three,
        rules,
        depth: 20,
        next: (n) => ({ userId: `user ${n % 8}`, outputMs: 10 * minute }),
      },
    );
    assert.ok(waitMs <= ((10 * minute) / 0.22) * 1.3 + roundMs, `it waited ${waitMs / minute} min`);
  });

  it('of small jobs gets room on a disk that they keep full', () => {
    const two = [agent('a', 1, { slots: 2, scratchBytes: 100 })];
    const waitMs = waitInFlood(
      { outputMs: minute, workBytes: 80 },
      {
        agents: two,
        depth: 5,
        next: () => ({ outputMs: 10 * minute, workBytes: 30 }),
      },
    );
    assert.ok(waitMs <= agingMs, `it waited ${waitMs / minute} min`);
  });
});
