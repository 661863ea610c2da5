import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { doubts, pauseOf, refusals } from '../../../controller/scheduling/feasible.ts';
import { effortOf, remainingMs } from '../../../controller/scheduling/forecast.ts';
import type { Placement } from '../../../controller/scheduling/placement.ts';
import { fillFreeSlots, makePlan, type Plan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning } from '../../../controller/scheduling/snapshot.ts';
import { type AnyFarm, anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';

interface Span {
  readonly userId: string;
  readonly queue: string;
  readonly from: number;
  readonly to: number;
}

/** Who may count against which limits, and what each allows. */
function limitsOf({
  rules,
  jobs,
  agents,
}: AnyFarm): readonly { name: string; max: number; readonly has: (span: Span) => boolean }[] {
  const users = new Set([...jobs, ...agents.flatMap(({ running }) => running)].map(({ userId }) => userId));
  const { runningMax, runningPerUserMax } = rules;
  return [
    ...(runningMax === undefined ? [] : [{ name: 'the farm', max: runningMax, has: () => true }]),
    ...[...users].flatMap((user) =>
      runningPerUserMax === undefined
        ? []
        : [{ name: user, max: runningPerUserMax, has: ({ userId }: Span) => userId === user }],
    ),
    ...[...rules.queues].flatMap(([name, queue]) =>
      queue.runningMax === undefined
        ? []
        : [{ name, max: queue.runningMax, has: (span: Span) => span.queue === name }],
    ),
  ];
}

function runningSpans({ agents }: AnyFarm): readonly Span[] {
  return agents.flatMap((each) =>
    each.running.map((run) => ({
      userId: run.userId,
      queue: run.queue,
      from: 0,
      to: remainingMs(each, run),
    })),
  );
}

function spansOf(farm: AnyFarm, placements: readonly Placement[]): readonly Span[] {
  const byId = new Map(farm.jobs.map((each) => [each.jobId, each]));
  return placements.flatMap(({ jobId, startsInMs, endsInMs }) => {
    const placed = byId.get(jobId);
    return placed === undefined
      ? []
      : [{ userId: placed.userId, queue: placed.queue, from: startsInMs, to: endsInMs }];
  });
}

function checkLimits(farm: AnyFarm, placements: readonly Placement[]): void {
  const running = runningSpans(farm);
  const placed = spansOf(farm, placements);
  for (const { name, max, has } of limitsOf(farm)) {
    for (const span of placed.filter(has)) {
      const beside = [...running, ...placed].filter(
        (other) => has(other) && other.from <= span.from && span.from < other.to,
      );
      assert.ok(
        beside.length <= max,
        `${beside.length} of ${name} at a time in ${span.from} ms, with a limit of ${max}`,
      );
    }
  }
}

function checkAgents(farm: AnyFarm, assignments: readonly Placement[]): void {
  for (const each of farm.agents) {
    const given = assignments.filter(({ agentId }) => agentId === each.agentId);
    const free = Math.max(0, each.slots - each.running.length);
    assert.ok(given.length <= free, `${each.agentId} is given ${given.length} jobs for ${free} free slots`);
    const rooms = given.map(({ jobId }) => {
      const placed = farm.jobs.find((one) => one.jobId === jobId);
      return placed === undefined ? 0 : effortOf(placed, each).roomBytes;
    });
    const room = rooms.reduce((sum, bytes) => sum + bytes, 0);
    const alone = given.length === 1 && each.running.length === 0;
    assert.ok(
      room <= each.scratchBytes || alone || given.length === 0,
      `${each.agentId} is promised more room than it has`,
    );
  }
}

function checkFitness(farm: AnyFarm, placements: readonly Placement[]): void {
  for (const { jobId, agentId } of placements) {
    const placed = farm.jobs.find((each) => each.jobId === jobId);
    const there = farm.agents.find((each) => each.agentId === agentId);
    assert.ok(placed !== undefined && there !== undefined);
    assert.deepEqual(refusals(placed, there), []);
    assert.equal(pauseOf(placed, farm.rules), undefined);
    const doubtOf = (each: typeof there) => doubts(placed, each, farm.rules, defaultTuning);
    if (doubtOf(there) === undefined) continue;
    const better = farm.agents.filter(
      (each) => refusals(placed, each).length === 0 && doubtOf(each) === undefined,
    );
    assert.deepEqual(better, [], `${jobId} goes to ${agentId} in spite of: ${doubtOf(there)}`);
  }
}

function checkComplete(farm: AnyFarm, plan: Plan): void {
  const placed = plan.placements.map(({ jobId }) => jobId);
  const unplaceable = plan.unplaceable.map(({ jobId }) => jobId);
  const blocked = farm.jobs
    .filter(
      (each) =>
        pauseOf(each, farm.rules) !== undefined || farm.agents.every((one) => refusals(each, one).length > 0),
    )
    .map(({ jobId }) => jobId);
  assert.equal(new Set(placed).size, placed.length, 'a job has two places');
  assert.deepEqual([...new Set([...placed, ...blocked])].sort(), farm.jobs.map(({ jobId }) => jobId).sort());
  assert.deepEqual(
    placed.filter((id) => blocked.includes(id)),
    [],
  );
  assert.deepEqual(
    unplaceable.filter((id) => !blocked.includes(id)),
    [],
  );
}

describe('any plan', () => {
  it('keeps every limit, now and as long as it looks ahead; slots, room, wishes and doubts; no job is left out', () => {
    fc.assert(
      fc.property(anyFarm, (farm) => {
        const plan = makePlan(snapshotOf(farm));
        checkLimits(farm, plan.placements);
        checkAgents(farm, plan.assignments);
        checkFitness(farm, plan.placements);
        checkComplete(farm, plan);
        for (const { agentId, slots } of farm.agents) {
          const told = plan.announcements.filter((each) => each.agentId === agentId);
          assert.ok(told.length <= slots, `${agentId} is told ${told.length} jobs for ${slots} slots`);
          assert.ok(told.every(({ startsInMs }) => startsInMs > 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('that only fills free slots keeps them too, and starts nothing later', () => {
    fc.assert(
      fc.property(anyFarm, (farm) => {
        const filled = fillFreeSlots(snapshotOf(farm));
        assert.ok(filled.every(({ startsInMs }) => startsInMs === 0));
        checkLimits(farm, filled);
        checkAgents(farm, filled);
        checkFitness(farm, filled);
      }),
      { numRuns: 300 },
    );
  });
});
