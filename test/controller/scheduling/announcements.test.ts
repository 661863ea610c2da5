import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { wantedAnnouncements } from '../../../controller/scheduling/announcements.ts';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { PlannedFarm } from '../../helpers/planned-farm.ts';
import { agent, attempt, job, nowMs, seededNumbers, snapshot } from '../../helpers/planner-parts.ts';

const { moveEveryMs, moveGainMs } = defaultTuning;
const minute = 60_000;

describe('announcements', () => {
  it('are one a slot, stay for two minutes, and are none for a PC that takes nothing', () => {
    let moves = 0;
    let announced = 0;
    fc.assert(
      fc.property(fc.noShrink(fc.nat(1e6)), (seed) => {
        const random = seededNumbers(seed);
        const noise = () => 0.6 + 0.8 * random();
        const agents = [agent('a', 1, { slots: 2 }), agent('b', 0.9), agent('c', 0.5)];
        const farm = new PlannedFarm({ agents, etaNoise: noise, workNoise: noise });
        for (let n = 0; n < 60; n += 1) {
          const closed = random() < 0.2;
          farm.agents = agents.map((each) =>
            each.agentId === 'b' && closed ? { ...each, closed: ['cordoned'] } : each,
          );
          const one = job(`j${n}`, {
            outputMs: minute * (1 + 20 * random()),
            sourceBytes: 1e10 * random(),
            priority: random() < 0.1 ? 'high' : 'normal',
          });
          farm.submit(one);
          checkStanding(farm);
          if (closed) assert.ok([...farm.announcements.values()].every(({ agentId }) => agentId !== 'b'));
          const untilMs = farm.nowMs + random() * 6 * minute;
          for (let atMs = farm.nowMs; atMs < untilMs; atMs += 20_000) {
            while (farm.passTo(atMs)) checkStanding(farm);
            farm.plan();
            checkStanding(farm);
          }
        }
        announced += farm.moved.length;
        for (const { jobId, from, to, heldMs, snapshot: shot } of farm.moved) {
          const isOpen = shot.agents.find(({ agentId }) => agentId === from)?.closed === undefined;
          if (to === undefined || !isOpen) continue;
          moves += 1;
          assert.ok(heldMs >= moveEveryMs, `${jobId} moved from ${from} to ${to} after ${heldMs} ms`);
        }
      }),
      { numRuns: 4 },
    );
    assert.ok(moves > 10, `${moves} of ${announced} moved`);
  });

  it('move for a gain above a minute and twice the fetch there alone', () => {
    fc.assert(
      fc.property(
        fc.nat(400_000),
        fc.nat(2e10),
        fc.constantFrom(0, 119_000, 121_000),
        (gainMs, sourceBytes, heldMs) => {
          const waits = job('j1', { sourceBytes });
          const from = agent('a', 1, {
            running: [attempt(500_000 + gainMs)],
            announced: new Map([['j1', heldMs]]),
          });
          const to = agent('b', 1, { running: [attempt(500_000)] });
          const fetchMs = sourceBytes / 110_000;
          const [placed] = makePlan(snapshot([waits], [from, to])).announcements;
          const pays = gainMs > Math.max(moveGainMs, 2 * fetchMs) && heldMs >= moveEveryMs;
          assert.equal(placed?.agentId, pays ? 'b' : 'a');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keep no job from a slot that is free and ends it sooner', () => {
    const told = agent('a', 1, { running: [attempt(10_000)], announced: new Map([['j1', 0]]) });
    const [placed] = makePlan(snapshot([job('j1')], [told, agent('b', 0.9)])).assignments;
    assert.equal(placed?.agentId, 'b');
  });

  it('that are young give way to a higher class and to what is overdue, not to an equal', () => {
    const told = agent('a', 1, { running: [attempt(10_000)], announced: new Map([['j2', 30_000]]) });
    const promise = { madeAtMs: 0, startAtMs: 0, overdue: true };
    const standing = (agoMs: number) => [{ jobId: 'j2', agentId: 'a', sinceMs: nowMs - agoMs }];
    const wanted = (first: WaitingJob, agoMs = 30_000) => {
      const plan = makePlan(snapshot([first, job('j2')], [told]));
      return wantedAnnouncements(standing(agoMs), plan, () => 1, nowMs, defaultTuning).map(
        ({ jobId }) => jobId,
      );
    };
    assert.deepEqual(wanted(job('j1')), ['j2']);
    assert.deepEqual(wanted(job('j1'), moveEveryMs), ['j1']);
    assert.deepEqual(wanted(job('j1', { priority: 'high' })), ['j1']);
    assert.deepEqual(wanted(job('j1', { promise })), ['j1']);
  });

  it('are no more than the slots, when those become fewer', () => {
    const told = agent('a', 1, { running: [attempt(10_000)] });
    const plan = makePlan(snapshot([job('j1'), job('j2')], [told]));
    const standing = ['j1', 'j2'].map((jobId) => ({ jobId, agentId: 'a', sinceMs: nowMs }));
    const wanted = wantedAnnouncements(standing, plan, () => 1, nowMs, defaultTuning);
    assert.deepEqual(
      wanted.map(({ jobId }) => jobId),
      ['j1'],
    );
  });
});

function checkStanding(farm: PlannedFarm): void {
  for (const { agentId, slots } of farm.agents) {
    const standing = [...farm.announcements.values()].filter((each) => each.agentId === agentId);
    assert.ok(standing.length <= slots, `${agentId} is told ${standing.length} jobs for ${slots} slots`);
    for (const { jobId } of standing) assert.ok(farm.waiting.has(jobId), `${jobId} does not wait`);
  }
}
