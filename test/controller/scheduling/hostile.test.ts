import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { countedBudget } from '../../../controller/scheduling/budget.ts';
import { makePlan, type Plan, Planning } from '../../../controller/scheduling/plan.ts';
import type { PlannedAgent, WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { agent, attempt, forecast, job, nowMs, snapshot, whyOf } from '../../helpers/planner-parts.ts';

/** What the wire's codec lets through: finite and not negative, however odd. */
const odd = fc.constantFrom(0, 5e-324, 1e-300, 1e-9, 0.5, 1, 60_000, 1e15, 1e300, Number.MAX_VALUE);
const oddCount = fc.constantFrom(0, 1, 60_000, 1e9, Number.MAX_SAFE_INTEGER);

const oddAttempt = fc
  .record({ etaMs: fc.option(odd), outputMs: oddCount, percent: fc.constantFrom(0, 50, 99, 100) })
  .map(({ etaMs, ...rest }) => ({ ...attempt(0, rest), etaMs: etaMs ?? undefined }))
  .map(({ etaMs, ...rest }) => (etaMs === undefined ? rest : { ...rest, etaMs }));

const oddAgent: fc.Arbitrary<Partial<PlannedAgent>> = fc
  .record({
    slots: fc.constantFrom(0, 1, 2, 64, 1e9),
    hd: odd,
    '4k': odd,
    p90: odd,
    concurrentSpeeds: fc.array(odd, { maxLength: 3 }),
    // Of bytes in a second; 0 is not known, and never comes to the planner.
    copyBytesPerMs: odd.filter((value) => value > 0).map((value) => value / 1000),
    scratchBytes: fc.constantFrom(-1e15, 0, 1e9, 1e300),
    running: fc.array(oddAttempt, { maxLength: 3 }),
    announcedForMs: fc.option(odd),
  })
  .map(({ hd, '4k': uhd, p90, announcedForMs, ...rest }) => ({
    ...rest,
    classes: new Map([
      ['hd', forecast(hd, { p90 })],
      ['4k', forecast(uhd, { p90 })],
    ]),
    announced: new Map(announcedForMs === null ? [] : [['j1', announcedForMs]]),
  }));

const oddJob: fc.Arbitrary<Partial<WaitingJob>> = fc
  .record({
    outputMs: oddCount,
    sourceBytes: oddCount,
    workBytes: oddCount,
    bytes: oddCount,
    ms: oddCount,
    priority: fc.constantFrom('low', 'urgent'),
    workClass: fc.constantFrom('hd', '4k'),
    deadlineMs: fc.option(fc.constantFrom(0, nowMs, 1e300)),
  })
  .map(({ bytes, ms, deadlineMs, ...rest }) => ({
    ...rest,
    present: new Map([['a0', { bytes, outputMs: ms }]]),
    ...(deadlineMs !== null && { deadlineMs }),
  }));

function checkFinite({ placements }: Plan): void {
  for (const placement of placements) {
    const { jobId, startsInMs, endsInMs, fetchMs } = placement;
    for (const [name, value] of Object.entries({ startsInMs, endsInMs, fetchMs }))
      assert.ok(Number.isFinite(value) && value >= 0, `${jobId}: ${name} is ${value}`);
    assert.ok(endsInMs >= startsInMs, `${jobId} ends before it starts`);
  }
}

describe('figures that no honest agent tells', () => {
  it('leave a plan finite, complete and the same, within few operations', () => {
    fc.assert(
      fc.property(
        fc.array(oddAgent, { minLength: 1, maxLength: 5 }),
        fc.array(oddJob, { maxLength: 12 }),
        fc.boolean(),
        (agents, jobs, limited) => {
          const shot = snapshot(
            jobs.map((part, index) => job(`j${index}`, part)),
            agents.map((part, index) => agent(`a${index}`, 1, part)),
            limited ? { rules: { queues: new Map(), userWeights: new Map(), runningPerUserMax: 2 } } : {},
          );
          const planning = new Planning(shot);
          assert.ok(planning.goOn(countedBudget(20_000)), 'it takes too many operations');
          const { plan } = planning;
          checkFinite(plan);
          const told = plan.placements.length + plan.unplaceable.length;
          const blocked = shot.lines.filter((line) => plan.blocked.includes(line));
          const inBlocked = jobs.filter(({ workClass, priority }, index) =>
            blocked.some(
              (line) =>
                line.needs.workClass === workClass &&
                line.key.includes(`"${priority}"`) &&
                line.key === shot.lines.find((each) => jobsIn(each).includes(`j${index}`))?.key,
            ),
          );
          assert.equal(told + inBlocked.length, jobs.length, 'a job is left out');
          assert.deepEqual(makePlan(shot).placements, plan.placements);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('do not keep jobs from others that could take them now', () => {
    const lies: readonly Partial<PlannedAgent>[] = [
      { running: [attempt(0)] },
      { running: [attempt(0), attempt(0)], slots: 2, concurrentSpeeds: [1e300, 1e300] },
      { running: [attempt(0)], copyBytesPerMs: 1e300 },
      { running: [attempt(1e300)] },
      { classes: new Map([['hd', forecast(1e-300)]]) },
      { copyBytesPerMs: 1e-12 },
      { copyBytesPerMs: 1e-303 },
      { concurrentSpeeds: [0] },
    ];
    const jobs = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => job(`j${n}`, { sourceBytes: 1e9 }));
    for (const [index, lie] of lies.entries()) {
      const shot = snapshot(jobs, [agent('liar', 1, lie), agent('honest', 0.4)]);
      const plan = makePlan(shot);
      checkFinite(plan);
      const honest = plan.assignments.filter(({ agentId }) => agentId === 'honest');
      assert.equal(honest.length, 1, `lie ${index}: ${JSON.stringify(plan.placements)}`);
    }
  });

  it('are answered in finite words', () => {
    fc.assert(
      fc.property(oddAgent, oddJob, (part, jobPart) => {
        const waiting = job('j1', jobPart);
        const why = whyOf(snapshot([waiting], [agent('a0', 1, part)]), waiting);
        assert.doesNotMatch(JSON.stringify(why), /NaN|Infinity|undefined/);
        for (const { outlook } of why.agents)
          assert.ok(
            Object.values(outlook ?? {}).every(
              (value) => typeof value === 'string' || Number.isFinite(value),
            ),
          );
      }),
    );
  });
});

function jobsIn(line: ReturnType<typeof snapshot>['lines'][number]): readonly string[] {
  const ids: string[] = [];
  for (let each = line.behind(undefined); each !== undefined; each = line.behind(each)) ids.push(each.jobId);
  return ids;
}
