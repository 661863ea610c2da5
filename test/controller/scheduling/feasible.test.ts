import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { doubts, pauseOf, refusals } from '../../../controller/scheduling/feasible.ts';
import { fillFreeSlots, makePlan } from '../../../controller/scheduling/plan.ts';
import {
  defaultTuning,
  type FarmRules,
  type PlannedAgent,
  type WaitingJob,
} from '../../../controller/scheduling/snapshot.ts';
import { agent, attempt, forecast, job, noRules, nowMs, snapshot } from '../../helpers/planner-parts.ts';

const minute = 60_000;

function whereOf(
  waiting: WaitingJob,
  agents: readonly PlannedAgent[],
  rules: FarmRules = noRules,
): string | undefined {
  return makePlan(snapshot([waiting], agents, { rules })).placements[0]?.agentId;
}

describe('an agent that cannot take a job', () => {
  const wished = (onlyOn: string[], notOn: string[], labels: string[]) =>
    job('j1', { wishes: { onlyOn, notOn, labels } });
  const lacks = (waiting: WaitingJob, changes: Partial<PlannedAgent> = {}) =>
    refusals(waiting, agent('a', 1, changes));

  it('says each reason that it has', () => {
    assert.deepEqual(lacks(job('j1')), []);
    assert.deepEqual(lacks(job('j1'), { running: [attempt(1e9)] }), [], 'being busy is a matter of time');
    assert.deepEqual(lacks(job('j1'), { liveness: 'suspect' }), ['suspect: not heard for a while']);
    assert.deepEqual(lacks(job('j1'), { closed: ['cordoned by ops', 'sick'] }), ['cordoned by ops', 'sick']);
    assert.deepEqual(lacks(job('j1'), { slots: 0 }), ['has no slot']);
    assert.deepEqual(lacks(job('j1', { queue: 'x', shares: ['y'] })), [
      'not subscribed to x',
      'does not reach share y',
    ]);
    assert.deepEqual(lacks(job('j1', { refusedBy: new Map([['a', 'declined: busy']]) })), ['declined: busy']);
    assert.deepEqual(lacks(job('j1', { refusedBy: new Map([['b', 'declined']]) })), []);
    const slow = { classes: new Map([['4k', forecast(0)]]), lacks: new Map([['hd', 'no encoder']]) };
    assert.deepEqual(lacks(job('j1'), slow), ['no encoder']);
    assert.deepEqual(lacks(job('j1', { workClass: '4k' }), slow), ['does not render 4k']);
  });

  it('is one that the job wishes not, by name or by label', () => {
    assert.deepEqual(lacks(wished(['b', 'c'], [], [])), ['the job is to run only on b, c']);
    assert.deepEqual(lacks(wished(['a'], [], [])), []);
    assert.deepEqual(lacks(wished([], ['a'], [])), ['the job is not to run there']);
    assert.deepEqual(lacks(wished([], [], ['rtx', 'ssd']), { labels: ['ssd'] }), ['lacks label rtx']);
    assert.deepEqual(lacks(wished([], [], ['rtx']), { labels: ['ssd', 'rtx'] }), []);
    // The slow one alone meets the wish: the job waits for no better one.
    assert.equal(whereOf(wished(['slow'], [], []), [agent('fast', 10), agent('slow', 0.1)]), 'slow');
  });

  it('is none of a paused queue: its jobs start nowhere, not in a hurry either', () => {
    const rules = {
      ...noRules,
      queues: new Map([['gpu_queue', { softRunMs: 1e9, paused: 'paused by ops' }]]),
    };
    const jobs = [job('j1', { queue: 'gpu_queue', priority: 'urgent' }), job('j2')];
    assert.equal(pauseOf({ queue: 'gpu_queue' }, rules), 'gpu_queue is paused by ops');
    const shot = snapshot(jobs, [agent('a', 1, { slots: 2 })], { rules });
    assert.deepEqual(
      makePlan(shot).placements.map(({ jobId }) => jobId),
      ['j2'],
    );
    assert.deepEqual(
      fillFreeSlots(shot).map(({ jobId }) => jobId),
      ['j2'],
    );
    assert.deepEqual(
      makePlan(shot).blocked.map(({ needs }) => needs.queue),
      ['gpu_queue'],
    );
  });
});

describe('an agent that is doubted', () => {
  const slow = agent('slow', 1, { classes: new Map([['hd', forecast(1, { p90: 1.5 })]]) });
  const faster = agent('faster', 2, { running: [attempt(500 * minute)] });
  const rules = (softMinutes: number) => ({
    ...noRules,
    queues: new Map([['default_queue', { softRunMs: softMinutes * minute }]]),
  });
  const long = job('j1', { outputMs: 80 * minute });

  it('for its speed gets no job that another one ends in time, be that busy; but the job rather than nobody', () => {
    // 80 min of work, 120 min in one case of ten: within 0.8 of 150 min.
    assert.equal(doubts(long, slow, rules(150), defaultTuning), undefined);
    assert.equal(whereOf(long, [slow, faster], rules(150)), 'slow');
    assert.match(doubts(long, slow, rules(149), defaultTuning) ?? '', /^too slow for it/);
    assert.equal(whereOf(long, [slow, faster], rules(149)), 'faster');
    assert.equal(whereOf(long, [slow], rules(149)), 'slow');
    assert.equal(whereOf(long, [slow, { ...faster, closed: ['cordoned'] }], rules(149)), 'slow');
  });

  it('counts the copying, and what is there already', () => {
    const copied = (present: WaitingJob['present']) =>
      job('j1', { outputMs: 60 * minute, sourceBytes: 110_000 * 31 * minute, present });
    assert.match(doubts(copied(new Map()), slow, rules(150), defaultTuning) ?? '', /^too slow for it/);
    const there = new Map([['slow', { bytes: 110_000 * minute, outputMs: 0 }]]);
    assert.equal(doubts(copied(there), slow, rules(150), defaultTuning), undefined);
    const rendered = new Map([['slow', { bytes: 0, outputMs: 2 * minute }]]);
    assert.equal(doubts(copied(rendered), slow, rules(150), defaultTuning), undefined);
  });

  it('for bad luck or a full disk is passed over while another one can take the job', () => {
    const avoid = new Map([['slow', 'attempt 1 failed there']]);
    assert.equal(whereOf(job('j1', { avoid }), [slow, faster]), 'faster');
    assert.equal(whereOf(job('j1', { avoid }), [slow]), 'slow');
    const full = agent('slow', 1, { scratchBytes: 99 });
    const large = job('j1', { sourceBytes: 60, workBytes: 40 });
    assert.equal(whereOf(large, [full, faster]), 'faster');
    assert.equal(whereOf(large, [full]), 'slow', 'the agent knows better what its disk holds, and declines');
    assert.equal(
      whereOf({ ...large, present: new Map([['slow', { bytes: 1, outputMs: 0 }]]) }, [full, faster]),
      'slow',
    );
    const both = {
      avoid: new Map([
        ['slow', 'failed'],
        ['faster', 'failed'],
      ]),
    };
    assert.equal(whereOf(job('j1', both), [slow, faster]), 'slow', 'all are doubted: none is worse');
  });
});

describe('a deadline', () => {
  const orderOf = (...jobs: readonly WaitingJob[]) =>
    makePlan(snapshot(jobs, [agent('a', 1)])).order.map(({ job: { jobId } }) => jobId);
  const older = job('j1', { submittedAtMs: nowMs - minute });
  const due = (jobId: string, inMs: number, changes: Partial<WaitingJob> = {}) =>
    job(jobId, { outputMs: 10 * minute, deadlineMs: nowMs + inMs, ...changes });

  it('counts when the time left is below one and a half times what the job takes', () => {
    assert.deepEqual(orderOf(older, due('j2', 15 * minute)), ['j1', 'j2']);
    assert.deepEqual(orderOf(older, due('j2', 15 * minute - 1)), ['j2', 'j1']);
  });

  it('goes by the time that is to spare, in its class only, before fair share', () => {
    assert.deepEqual(orderOf(due('j1', 14 * minute), due('j2', 9 * minute, { outputMs: 7 * minute })), [
      'j2',
      'j1',
    ]);
    assert.deepEqual(orderOf(older, due('j2', 0, { priority: 'low' })), ['j1', 'j2']);
    const long = { outputMs: 300 * minute };
    const bens = [4, 5].map((n) => job(`j${n}`, { userId: 'ben', ...long }));
    const kept = [due('j8', 310 * minute, long), due('j9', 320 * minute, long)];
    assert.deepEqual(
      orderOf(...bens, ...kept),
      ['j8', 'j4', 'j5', 'j9'],
      'but not twice before ben had anything',
    );
    const late = [due('j8', 0, long), due('j9', minute, long)];
    assert.deepEqual(orderOf(...bens, ...late), ['j4', 'j8', 'j5', 'j9'], 'too late to be kept: in its turn');
  });

  it('that has passed puts a job first, and keeps nothing else from its place', () => {
    const plan = makePlan(snapshot([older, due('j2', -minute)], [agent('a', 1), agent('b', 0.5)]));
    assert.deepEqual(
      plan.assignments.map(({ jobId, agentId }) => [jobId, agentId]),
      [
        ['j2', 'a'],
        ['j1', 'b'],
      ],
    );
  });
});
