import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobSpec } from '../../../controller/domain/job.ts';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { jobView } from '../../../controller/engine/turn/views.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobOrder, jobSpec, priorityOrder, TurnFarm } from '../../helpers/turn-farm.ts';

const hourMs = 3_600_000;

/** A farm with an agent, and a job that waits for a time two hours ahead. */
function delayedFarm(changes: Partial<JobSpec> = {}): TurnFarm {
  const farm = new TurnFarm();
  farm.attach('pc1');
  farm.submit(jobSpec(1, { notBeforeMs: farm.nowMs + 2 * hourMs, ...changes }));
  return farm;
}

/** Its agents stay attached: the time that they are silent for is none of this test's. */
function passHours(farm: TurnFarm, hours: number): void {
  farm.nowMs += hours * hourMs;
  farm.attach('pc1', { instanceId: `pc1-at-${farm.nowMs}` });
  farm.pass(0);
}

function told(farm: TurnFarm): readonly string[] {
  return (farm.state.jobs.get(jobId(1))?.timeline ?? []).map(({ what }) => what);
}

function reasonOf(farm: TurnFarm): string | undefined {
  return farm.state.jobs.get(jobId(1))?.reason;
}

function codeOf(reply: ReturnType<TurnFarm['order']>): string {
  return reply.kind === 'refused' ? reply.code : reply.kind;
}

describe('a job that may not start before a time', () => {
  it('is delayed, says until when, and starts when the time has come', () => {
    const farm = delayedFarm();
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    const time = new Date(farm.nowMs + 2 * hourMs).toISOString().replace('.000Z', 'Z');
    assert.equal(reasonOf(farm), `not before ${time}`);
    const why = explanation(farm.state, farm.settings, farm.nowMs, jobId(1))?.summary;
    assert.equal(why, `delayed for 2 h more: not before ${time}`);
    passHours(farm, 1);
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    farm.restart();
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    passHours(farm, 1);
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    assert.equal(reasonOf(farm), undefined);
    assert.deepEqual(told(farm), ['submitted', 'waiting', 'assigned']);
  });

  it('is told to watchers as it is from the start, and to its caller as submitted', () => {
    const farm = new TurnFarm();
    const reply = farm.submit(jobSpec(1, { notBeforeMs: farm.nowMs + hourMs }));
    assert.ok(reply.kind === 'submitted' && !reply.reply.existed);
    assert.match(
      farm.state.jobs.get(jobId(1))?.timeline[0]?.detail ?? '',
      /^1 items to .*, not before 2001-/,
    );
    const changed = farm.run({
      kind: 'submit',
      replyId: 'r',
      requestId: '',
      bodyHash: '',
      spec: jobSpec(2, { notBeforeMs: farm.nowMs + hourMs }),
      username: 'ann',
      resolved: [],
      resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
      shares: [],
    });
    const news = changed.flatMap((effect) => (effect.kind === 'job-changed' ? effect.news : []));
    assert.deepEqual(
      news.map(({ what }) => what),
      ['submitted'],
    );
  });

  it('waits at once where the time has come already', () => {
    const farm = delayedFarm({ notBeforeMs: 1_000_000_000_000 });
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    assert.equal(farm.state.jobs.get(jobId(1))?.notBeforeMs, undefined);
  });

  it('goes on waiting for its time when it was held meanwhile', () => {
    const farm = delayedFarm();
    farm.order(jobOrder('hold', 1));
    passHours(farm, 1);
    assert.equal(farm.jobState(jobId(1)), 'held');
    farm.order(jobOrder('release', 1));
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    assert.match(reasonOf(farm) ?? '', /^not before /);
    farm.order(jobOrder('hold', 1));
    passHours(farm, 1);
    assert.equal(farm.jobState(jobId(1)), 'held', 'its time ends no hold');
    farm.order(jobOrder('release', 1));
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('starts when a person releases it from its delay', () => {
    const farm = delayedFarm();
    assert.equal(codeOf(farm.order({ ...jobOrder('release', 1), reason: 'needed now' })), 'done');
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    assert.deepEqual(told(farm), ['submitted', 'released', 'assigned']);
    const detail = farm.state.jobs.get(jobId(1))?.timeline[1]?.detail;
    assert.equal(detail, 'from its delay by a person: needed now');
  });

  it('takes another priority, is cancelled, and starts at once when it is retried', () => {
    const farm = delayedFarm();
    farm.order(priorityOrder(1, 'urgent'));
    assert.equal(farm.state.jobs.get(jobId(1))?.priority, 'urgent');
    assert.equal(farm.jobState(jobId(1)), 'delayed');
    assert.equal(codeOf(farm.order(jobOrder('retry', 1))), 'JOB_NOT_ENDED');
    farm.cancel(jobId(1));
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
    passHours(farm, 3);
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
    farm.attach('pc2');
    farm.order(jobOrder('retry', 1));
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });
});

describe('a job whose times have passed', () => {
  it('is refused by field where it is new', () => {
    const farm = new TurnFarm();
    const reply = farm.submit(jobSpec(1, { deadlineMs: farm.nowMs }));
    assert.ok(reply.kind === 'refused');
    assert.deepEqual(
      [reply.code, reply.message, reply.violations],
      [
        'INVALID_JOB',
        'deadline: must be in the future',
        [{ field: 'deadline', description: 'must be in the future' }],
      ],
    );
    const far = farm.submit(jobSpec(1, { notBeforeMs: farm.nowMs + 367 * 24 * hourMs }));
    assert.deepEqual(far.kind === 'refused' && far.violations?.map(({ field }) => field), ['not_before']);
    assert.equal(farm.state.jobs.size, 0);
  });

  it('is the same job when its caller, who heard nothing, submits it again', () => {
    const farm = new TurnFarm();
    const spec = jobSpec(1, { deadlineMs: farm.nowMs + hourMs });
    farm.submit(spec, 'r1');
    farm.pass(2 * hourMs);
    for (const requestId of ['r1', '']) {
      const again = farm.submit(spec, requestId);
      assert.ok(again.kind === 'submitted' && again.reply.existed);
    }
  });

  it('is another request where a wish or a time differs', () => {
    const farm = new TurnFarm();
    const deadlineMs = farm.nowMs + hourMs;
    farm.submit(jobSpec(1, { deadlineMs }), 'r1');
    const wishes = { onlyOn: ['pc1'], notOn: [], labels: [] };
    for (const changes of [{}, { deadlineMs: deadlineMs + 1 }, { deadlineMs, wishes }]) {
      assert.equal(codeOf(farm.submit(jobSpec(1, changes), 'r1')), 'REQUEST_ID_REUSED');
    }
    assert.equal(farm.submit(jobSpec(1, { deadlineMs }), 'r1').kind, 'submitted');
  });
});

describe('a job’s wishes and deadline', () => {
  const wishes = { onlyOn: ['pc1'], notOn: [], labels: ['rtx'] };

  it('stand in its line, and are told to the agent that gets it', () => {
    const farm = new TurnFarm();
    const deadlineMs = farm.nowMs + hourMs;
    farm.submit(jobSpec(1, { wishes, deadlineMs }));
    farm.submit(jobSpec(2));
    const line = farm.state.waiting.lineOf(jobId(1));
    assert.deepEqual(line?.needs.wishes, wishes);
    assert.equal(line.behind(undefined)?.deadlineMs, deadlineMs);
    assert.notEqual(farm.state.waiting.lineOf(jobId(2)), line);
    farm.restart();
    assert.deepEqual(farm.state.waiting.lineOf(jobId(1))?.needs.wishes, wishes);
  });

  it('that no agent meets are taken, told at once, and met by one that comes', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1', { inventory: inventory({ labels: ['rtx'] }) });
    const reply = farm.submit(jobSpec(1, { wishes: { ...wishes, onlyOn: ['pc2'] } }));
    assert.deepEqual(reply, {
      kind: 'submitted',
      reply: { jobId: jobId(1), queue: 'default_queue', routeRule: 'default', existed: false },
    });
    const job = farm.state.jobs.get(jobId(1));
    assert.ok(job);
    assert.match(jobView(farm.state, job).job.reason ?? '', /only on pc2/);
    farm.attach('pc3', { inventory: inventory({ labels: ['rtx', 'ssd'] }) });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.submit(jobSpec(2, { wishes: { onlyOn: [], notOn: ['pc3'], labels: ['rtx'] } }));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(2));
    const pc2 = farm.attach('pc2', { inventory: inventory({ labels: ['rtx'] }) });
    assert.equal(farm.assigned(pc2).ref.jobId, jobId(1));
  });

  it('come back with a job that the store has lost', () => {
    const farm = new TurnFarm();
    const deadlineMs = farm.nowMs + hourMs;
    const pc1 = farm.attach('pc1', { inventory: inventory({ labels: ['rtx'] }) });
    farm.submit(jobSpec(1, { wishes, deadlineMs }));
    const assign = farm.assigned(pc1);
    assert.deepEqual([assign.job.wishes, assign.job.deadlineMs], [wishes, deadlineMs]);
    const { ref } = assign;
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    for (const key of [...farm.stored.keys()]) if (!key.startsWith('farm/')) farm.stored.delete(key);
    farm.restart();
    const held = heldAs(ref, 'running');
    const back = farm.attach('pc1', { farmId: 'farm-1', held: [held] });
    farm.say(back, { kind: 'recalled', ref, assign, held });
    const job = farm.state.jobs.get(jobId(1));
    assert.deepEqual([job?.wishes, job?.deadlineMs], [wishes, deadlineMs]);
    const spec = farm.state.bodies.get(jobId(1))?.spec;
    assert.deepEqual([spec?.wishes, spec?.deadlineMs], [wishes, deadlineMs]);
  });
});
