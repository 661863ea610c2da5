import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { flowOf } from '../../../controller/scheduling/fair-share.ts';
import { makePlan, type Plan } from '../../../controller/scheduling/plan.ts';
import { nextPromises, slipAllowedMs } from '../../../controller/scheduling/promises.ts';
import { effectiveClass } from '../../../controller/scheduling/rank.ts';
import {
  defaultTuning,
  type Snapshot,
  type StartPromise,
  type WaitingJob,
} from '../../../controller/scheduling/snapshot.ts';
import { anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import { jobLines } from '../../helpers/job-lines.ts';
import { PlannedFarm } from '../../helpers/planned-farm.ts';
import { agent, attempt, job, nowMs, seededNumbers, snapshot } from '../../helpers/planner-parts.ts';

function jobsOf({ lines }: Snapshot): readonly WaitingJob[] {
  return lines.flatMap((line) => {
    const jobs: WaitingJob[] = [];
    for (let each = line.behind(undefined); each !== undefined; each = line.behind(each)) jobs.push(each);
    return jobs;
  });
}

function classOf(shot: Snapshot, one: WaitingJob): number {
  const servedAtMs = shot.charges.startedAtMs(flowOf(one, shot.rules).key, one.priority);
  return effectiveClass(one, servedAtMs, shot.nowMs, shot.tuning);
}

/**
 * What is promised to a job whose start has slipped too far: of its own flow nothing of its class or below goes before
 * it but what is overdue as well. So all the others of these might as well not be there.
 */
function checkOverdue(plan: Plan, shot: Snapshot): number {
  const jobs = jobsOf(shot);
  let checked = 0;
  for (const late of jobs.filter(({ promise }) => promise?.overdue === true)) {
    const placed = plan.placements.find(({ jobId }) => jobId === late.jobId);
    if (placed === undefined) continue;
    const ownFlow = flowOf(late, shot.rules).key;
    const lateClass = classOf(shot, late);
    const others = jobs.filter(
      (other) =>
        other.promise?.overdue === true ||
        flowOf(other, shot.rules).key !== ownFlow ||
        classOf(shot, other) > lateClass,
    );
    const without = makePlan({ ...shot, lines: jobLines(others) });
    assert.deepEqual(
      without.placements.find(({ jobId }) => jobId === late.jobId),
      placed,
      `${late.jobId} would start at another time without jobs that are not overdue`,
    );
    checked += 1;
  }
  return checked;
}

describe('the start of a job that is overdue', () => {
  it('never depends on what of its own flow and class is not overdue, in any snapshot', () => {
    let checked = 0;
    fc.assert(
      fc.property(anyFarm, (farm) => {
        // Limits of users and queues are for all jobs alike, and are none of this rule's.
        const queues = new Map(
          [...farm.rules.queues].map(([name, { softRunMs, weight }]) => [
            name,
            { softRunMs, ...(weight !== undefined && { weight }) },
          ]),
        );
        const shot = snapshotOf({ ...farm, rules: { queues, userWeights: farm.rules.userWeights } });
        checked += checkOverdue(makePlan(shot), shot);
      }),
      { numRuns: 400 },
    );
    assert.ok(checked > 80, `${checked} overdue jobs were seen`);
  });

  it('nor over days of arrivals and ends, with what agents say of their ends wrong by a half', () => {
    let checked = 0;
    fc.assert(
      fc.property(fc.noShrink(fc.integer()), (seed) => {
        const random = seededNumbers(seed);
        const noise = () => 0.5 + random();
        const agents = [agent('a', 1), agent('b', 0.4), agent('c', 0.2)];
        const farm = new PlannedFarm({ agents, etaNoise: noise, workNoise: noise });
        farm.onPlan = (plan, shot) => {
          checked += checkOverdue(plan, shot);
        };
        for (let n = 0; n < 60; n += 1) {
          const userId = random() < 0.7 ? 'ann' : 'ben';
          const outputMs = 60_000 * Math.exp(random() * 4);
          farm.submit(job(`j${n}`, { userId, outputMs, priority: random() < 0.2 ? 'high' : 'normal' }));
          const untilMs = farm.nowMs + random() * 900_000;
          while (farm.passTo(untilMs));
        }
      }),
      { numRuns: 8 },
    );
    assert.ok(checked > 100, `${checked} overdue jobs were seen`);
  });
});

describe('a promise', () => {
  const promised = (before: ReadonlyMap<string, StartPromise>, plan: Plan, atMs = nowMs) =>
    nextPromises(before, plan, atMs, defaultTuning);
  const slow = agent('slow', 0.1);
  const busy = (etaMs: number) => agent('fast', 1, { running: [attempt(etaMs)] });

  it('is made when a job is passed over for the first time, of the start that the plan expects', () => {
    const plan = makePlan(snapshot([job('j1'), job('j2')], [slow, busy(30_000)]));
    assert.deepEqual(
      promised(new Map(), plan),
      new Map([
        ['j1', { madeAtMs: nowMs, startAtMs: nowMs + 30_000, overdue: false }],
        ['j2', { madeAtMs: nowMs, startAtMs: nowMs + 90_000, overdue: false }],
      ]),
    );
    const allBusy = makePlan(snapshot([job('j1')], [busy(30_000)]));
    assert.equal(promised(new Map(), allBusy).size, 0, 'no slot was free: it is not passed over');
  });

  it('slips by half the predicted time, and by ten minutes at most', () => {
    assert.equal(slipAllowedMs({ startsInMs: 5_000, endsInMs: 65_000 }, defaultTuning), 30_000);
    assert.equal(slipAllowedMs({ startsInMs: 5_000, endsInMs: 9_000_000 }, defaultTuning), 600_000);
    const made = { madeAtMs: nowMs, startAtMs: nowMs + 10_000, overdue: false };
    const overdueAt = (etaMs: number) =>
      promised(new Map([['j1', made]]), makePlan(snapshot([job('j1')], [busy(etaMs)]))).get('j1')?.overdue;
    assert.equal(overdueAt(40_000), false);
    assert.equal(overdueAt(40_001), true);
  });

  it('that was broken stays so until the job starts, and is kept while the plan does not come to the job', () => {
    const broken = { madeAtMs: 0, startAtMs: 0, overdue: true };
    const before = new Map([
      ['j1', broken],
      ['j9', broken],
    ]);
    const sooner = makePlan(snapshot([job('j1')], [busy(1)]));
    assert.deepEqual(promised(before, sooner, 0), before);
    const started = makePlan(snapshot([job('j1')], [slow]));
    assert.deepEqual([...promised(before, started).keys()], ['j9']);
  });

  it('puts a job first in its flow and class, and before no other flow’s turn', () => {
    const promise = { madeAtMs: 0, startAtMs: 0, overdue: true };
    const older = { submittedAtMs: nowMs - 1_000 };
    const one = agent('one', 1);
    const firstOf = (...jobs: readonly WaitingJob[]) => makePlan(snapshot(jobs, [one])).assignments[0]?.jobId;
    assert.equal(firstOf(job('j1', older), job('j2', { promise })), 'j2');
    assert.equal(firstOf(job('j1', { priority: 'high' }), job('j2', { promise })), 'j1');
    // Ann's turn is far ahead of Ben's: by what her jobs before it cost.
    const anns = [1, 2, 3].map((n) => job(`j${n}`, { outputMs: 3_600_000, promise }));
    const order = makePlan(snapshot([...anns, job('j9', { userId: 'ben', outputMs: 1_000 })], [one])).order;
    assert.deepEqual(
      order.map(({ job: { jobId } }) => jobId),
      ['j1', 'j9', 'j2', 'j3'],
    );
  });
});
