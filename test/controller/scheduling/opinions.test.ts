import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WaitExplanation } from '../../../controller/scheduling/explain.ts';
import type { WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { agent, attempt, forecast, job, noRules, snapshot, whyOf } from '../../helpers/planner-parts.ts';

const minute = 60_000;
const hour = 60 * minute;
const gib = 2 ** 30;

function opinionOf(why: WaitExplanation, agentId: string) {
  const opinion = why.agents.find((each) => each.agentId === agentId);
  assert.ok(opinion, `no answer of ${agentId}`);
  return opinion;
}

/** The reasons of the only agent. */
function reasonsOf(waiting: WaitingJob, ...rest: Parameters<typeof agent>): readonly string[] {
  return opinionOf(whyOf(snapshot([waiting], [agent(...rest)]), waiting), rest[0]).reasons;
}

describe('the answer of an agent that cannot take a job', () => {
  it('is every reason at once', () => {
    const wishes = { onlyOn: ['pc9'], notOn: ['pc1'], labels: ['rtx', 'ssd'] };
    const refusedBy = new Map([['pc1', 'declined: no scratch space']]);
    const waiting = job('j1', { wishes, refusedBy, workClass: '4k', shares: ['clips', 'vault'] });
    const changes = {
      liveness: 'suspect',
      closed: ['cordoned by ops (new driver)', 'sick: 3 jobs failed'],
      queues: ['4k_queue'],
      labels: ['ssd'],
      slots: 0,
      classes: new Map([['hd', forecast(1)]]),
      lacks: new Map([['4k', 'no encoder passed a test encode at 2160p']]),
    } as const;
    assert.deepEqual(reasonsOf(waiting, 'pc1', 1, changes), [
      'suspect: not heard for a while',
      'cordoned by ops (new driver)',
      'sick: 3 jobs failed',
      'has no slot',
      'not subscribed to default_queue',
      'no encoder passed a test encode at 2160p',
      'does not reach share vault',
      'the job is to run only on pc9',
      'the job is not to run there',
      'lacks label rtx',
      'declined: no scratch space',
    ]);
  });

  it('has an end, however long its agent’s own words and the job’s wishes are', () => {
    const refusedBy = new Map([['pc1', `declined: ${'x'.repeat(4_000)}`]]);
    const onlyOn = Array.from({ length: 64 }, (_, n) => `pc${n + 2}`);
    const waiting = job('j1', { refusedBy, wishes: { onlyOn, notOn: [], labels: onlyOn } });
    const reasons = reasonsOf(waiting, 'pc1', 1);
    assert.deepEqual(
      reasons.map((reason) => reason.slice(-13)),
      ['c9 and 56 more', 'c9 and 56 more', 'xxxxxxxxxxxxx…'].map((end) => end.slice(-13)),
    );
    assert.ok(reasons.every((reason) => reason.length <= 300));
  });

  it('names a class of work that nothing more is known of, and an agent that is away', () => {
    const waiting = job('j1', { workClass: '8k' });
    assert.deepEqual(reasonsOf(waiting, 'pc1', 1, { liveness: 'detached' }), [
      'not attached',
      'does not render 8k',
    ]);
  });

  it('is the pause of its queue, on every agent', () => {
    const queues = new Map([['default_queue', { softRunMs: hour, paused: 'paused by ops (new codec)' }]]);
    const shot = snapshot([job('j1')], [agent('pc1', 1)], { rules: { ...noRules, queues } });
    const why = whyOf(shot, job('j1'));
    assert.equal(why.summary, 'default_queue is paused by ops (new codec)');
    assert.deepEqual(opinionOf(why, 'pc1').reasons, ['default_queue is paused by ops (new codec)']);
    assert.equal(opinionOf(why, 'pc1').feasible, false);
  });

  it('is told together with those that answer alike', () => {
    const shares = { shares: ['results'] };
    const agents = ['pc1', 'pc2', 'pc3'].map((id) => agent(id, 1, shares));
    const why = whyOf(
      snapshot([job('j1')], [...agents, agent('pc4', 1, { liveness: 'detached' })]),
      job('j1'),
    );
    assert.equal(
      why.summary,
      'no agent can take it (pc1, pc2, pc3: does not reach share clips; pc4: not attached)',
    );
  });
});

describe('the answer of an agent that can take a job', () => {
  it('is when it is free, what is to be copied and rendered, and how well that is known', () => {
    const waiting = job('j1', {
      outputMs: 10 * minute,
      sourceBytes: 12 * gib,
      present: new Map([['pc1', { bytes: 2 * gib, outputMs: 0 }]]),
    });
    const pc1 = agent('pc1', 2, {
      running: [attempt(30_000)],
      classes: new Map([['hd', forecast(2, { runs: 12, p90: 1.6 })]]),
      copyBytesPerMs: gib / 10_000,
    });
    const { outlook, reasons, feasible } = opinionOf(whyOf(snapshot([waiting], [pc1]), waiting), 'pc1');
    assert.equal(feasible, true);
    assert.deepEqual(outlook, {
      freeInMs: 30_000,
      startInMs: 30_000,
      missingBytes: 10 * gib,
      // 100 s of copying, of which 30 s pass while it waits.
      copyingMs: 70_000,
      renderingMs: 5 * minute,
      endInMs: 30_000 + 70_000 + 5 * minute,
      speed: 2,
      speedBasis: 'median of 12 renders; one in ten may take 1.6 times as long',
    });
    assert.deepEqual(reasons, ["busy: job running, about 30 s left by its agent's word"]);
  });

  it('says where its speed is known by test encodes only, and what it was told to fetch', () => {
    const announced = new Map([['j1', 1_000]]);
    const classes = new Map([['hd', forecast(2, { runs: 0 })]]);
    const shot = snapshot([job('j1')], [agent('pc1', 2, { announced, classes })]);
    const { outlook, reasons } = opinionOf(whyOf(shot, job('j1')), 'pc1');
    assert.equal(outlook?.speedBasis, 'test encode only');
    assert.deepEqual(reasons, ['was told to fetch its files']);
  });

  it('counts what is planned before it, and names the end that is waited for', () => {
    const jobs = [job('j1', { outputMs: 2 * minute }), job('j2', { outputMs: 3 * minute }), job('j3')];
    const { etaMs, ...running } = attempt(0, { outputMs: minute });
    assert.equal(etaMs, 0);
    const ending = [attempt(9 * minute), { ...running, jobId: 'r2', percent: 50, stopping: false }];
    const pc1 = agent('pc1', 1, { slots: 2, running: ending });
    const why = whyOf(snapshot(jobs, [pc1]), job('j3'));
    const { outlook, reasons } = opinionOf(why, 'pc1');
    assert.equal(outlook?.freeInMs, 330_000);
    assert.deepEqual(reasons, [
      "busy: 2 jobs, the first to end is job r2, about 30 s left by its agent's speed",
      '2 jobs before it',
    ]);
    assert.equal(
      why.summary,
      'waits for pc1 (free in about 6 min, 2 jobs before it), the only agent that can take it',
    );
  });

  it('is passed over with its doubt while another one can take the job, and not where it is alone', () => {
    const queues = new Map([['default_queue', { softRunMs: hour }]]);
    const rules = { ...noRules, queues };
    const waiting = job('j1', {
      outputMs: 30 * minute,
      workBytes: 10 * gib,
      avoid: new Map([['bad', 'attempt 1 failed there']]),
    });
    const agents = [
      agent('bad', 9),
      agent('slow', 0.1),
      agent('small', 2, { scratchBytes: gib }),
      agent('good', 1),
    ];
    const why = whyOf(snapshot([waiting], agents, { rules }), waiting);
    const passed = 'passed over while another agent can take it: ';
    assert.deepEqual(
      why.agents.map(({ agentId, reasons }) => [agentId, ...reasons]),
      [
        ['good'],
        ['bad', `${passed}avoided: attempt 1 failed there`],
        ['small', `${passed}too little scratch space: may need 10.0 GiB, has room for 1.0 GiB`],
        ['slow', `${passed}too slow for it: may need 5 h, more than 0.8 of the time limit of 60 min`],
      ],
    );
    const alone = whyOf(snapshot([waiting], [agent('bad', 9)], { rules }), waiting);
    assert.deepEqual(opinionOf(alone, 'bad').reasons, ['avoided: attempt 1 failed there']);
    assert.equal(alone.planned?.agentId, 'bad');
  });

  it('tells what it waits for where its slot is free and its disk is full', () => {
    const waiting = job('j1', { workBytes: 10 * gib });
    const pc1 = agent('pc1', 1, { slots: 2, running: [attempt(4 * minute)], scratchBytes: gib });
    const why = whyOf(snapshot([waiting], [pc1]), waiting);
    assert.equal(why.summary, 'waits for room on pc1, which has 1.0 GiB free now: in about 4 min');
    assert.deepEqual(opinionOf(why, 'pc1').reasons, [
      'has a slot, but no room until a render there ends: needs 10.0 GiB, 1.0 GiB are free',
    ]);
  });
});
