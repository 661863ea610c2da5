import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRef } from '../../../proto/agent-link.ts';
import { heartbeat } from '../../helpers/agent-messages.ts';
import { EngineController, type RecordingOutlet } from '../../helpers/engine-controller.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { heldAs, jobId } from '../../helpers/turn-farm.ts';

const standbyAddress = '127.0.0.1:2';

/** What an agent was assigned first. */
function assigned(outlet: RecordingOutlet): JobRef {
  const assign = outlet.got.find((message) => message.kind === 'assign');
  assert.ok(assign?.kind === 'assign', 'nothing was assigned');
  return assign.ref;
}

function goodbyesOf({ goodbyes }: RecordingOutlet): readonly unknown[] {
  return goodbyes.map((goodbye) => goodbye?.reason);
}

/** Long enough for a controller that lost the leadership to have tried again. */
const soonMs = 500;

describe('a controller that loses the leadership', () => {
  it('sends everybody away, does not end, leads again, and goes on from memory', async () => {
    const controller = await new EngineController().start();
    const { outlet } = await controller.attach('pc1');
    await controller.submit(1);
    const ref = assigned(outlet);
    const term = controller.engine.status().term ?? 0;
    const changes = controller.engine.watch({ jobIds: [], untilEnded: false }, new AbortController().signal);
    await changes.next();
    const waiting = changes.next();
    controller.disk.expireLeadership();
    await assert.rejects(waiting, { code: 'NOT_LEADING' });
    assert.deepEqual(goodbyesOf(outlet), ['redirect']);
    assert.equal(controller.engine.serving, false);
    assert.equal(controller.engine.status().role, 'lost');
    await assert.rejects(controller.submit(2), { code: 'NOT_LEADING' });
    await assert.rejects(controller.attach('pc2'), { code: 'NOT_LEADING' });

    await controller.clock.pass(soonMs);
    assert.equal(controller.engine.serving, true);
    assert.ok((controller.engine.status().term ?? 0) > term, 'terms rise');
    assert.equal(controller.count('recovery-window'), 2, 'nobody is judged by the silence that it caused');
    const back = await controller.attach('pc1', { held: [heldAs(ref, 'running')] });
    const [welcome] = back.outlet.got;
    assert.ok(welcome?.kind === 'welcome' && welcome.verdicts[0]?.decision.verdict === 'keep');
    await controller.engine.stop();
    assert.deepEqual(controller.fatal, []);
  });

  it('performs nothing of a batch that was under way, also when that became durable after all', async () => {
    const controller = await new EngineController().start();
    const { outlet } = await controller.attach('pc1');
    controller.disk.freeze();
    const submitting = controller.submit(1, 'r1');
    await settled();
    controller.disk.expireLeadership();
    await assert.rejects(submitting, { code: 'NOT_LEADING' });
    controller.disk.thaw();
    await settled();
    assert.ok(!outlet.kinds().includes('assign'), 'nothing is assigned by a leader that is none');
    await controller.clock.pass(soonMs);
    // The caller tries again with its request id, and the job is there once.
    assert.equal((await controller.submit(1, 'r1')).existed, true);
    assert.equal((await controller.engine.jobs({}, { size: 10, token: '' })).entries.length, 1);
    await controller.engine.stop();
  });

  it('writes to the store what only memory had', async () => {
    const controller = await new EngineController().start();
    controller.disk.planFailures(() => 'before');
    const submitting = controller.submit(1, 'r1');
    await settled();
    controller.disk.expireLeadership();
    await assert.rejects(submitting, { code: 'NOT_LEADING' });
    controller.disk.planFailures(() => undefined);
    await controller.clock.pass(soonMs);
    assert.equal(controller.count('the whole farm was written to the store again'), 1);
    await controller.engine.stop();
    const next = await new EngineController(controller.disk, controller.clock).start();
    assert.equal((await next.submit(1, 'r1')).existed, true);
    await next.engine.stop();
  });

  it('drops what it knew when somebody else has led meanwhile', async () => {
    const old = await new EngineController().start();
    await old.submit(1);
    old.disk.planFailures(() => 'before');
    const lost = old.submit(2);
    await settled();
    old.disk.expireLeadership();
    await assert.rejects(lost, { code: 'NOT_LEADING' });
    old.disk.planFailures(() => undefined);
    const other = await new EngineController(old.disk, old.clock, standbyAddress).start();
    await other.submit(3);
    await old.clock.pass(soonMs);
    assert.equal(old.engine.status().role, 'lost');
    await other.engine.stop();
    await old.clock.pass(soonMs);
    assert.equal(old.engine.status().role, 'leading');
    assert.equal((await old.engine.job(jobId(3))).job.state, 'waiting');
    await assert.rejects(old.engine.job(jobId(2)), { code: 'JOB_NOT_FOUND' });
    assert.equal(old.count('another controller has led meanwhile: going on from the store'), 1);
    await old.engine.stop();
  });

  it('knows it by the clock before any timer has fired: nothing is shown, acknowledged or assigned', async () => {
    const controller = await new EngineController().start();
    const { outlet, session } = await controller.attach('pc1');
    await controller.submit(1);
    await controller.engine.job(jobId(1));
    const before = outlet.got.length;
    const { holder } = controller.disk;
    assert.ok(holder);
    // Frozen while its lease ran out: the signal that tells it has not come yet.
    controller.disk.releaseLeadership(holder);
    session.deliver(heartbeat);
    const reading = controller.engine.job(jobId(1));
    await assert.rejects(reading, { code: 'NOT_LEADING' });
    await settled();
    assert.deepEqual(
      outlet.got.slice(before).map(({ kind }) => kind),
      [],
    );
    assert.equal(controller.engine.serving, false);
    assert.deepEqual(goodbyesOf(outlet), ['redirect']);
    await controller.engine.stop();
  });
});

describe('a controller whose lease ran out while a commit was on its way', () => {
  it('performs nothing of it, though it is durable', async () => {
    const controller = await new EngineController().start();
    const { outlet } = await controller.attach('pc1');
    controller.disk.freeze();
    const submitting = controller.submit(1);
    await settled();
    const { holder } = controller.disk;
    assert.ok(holder);
    controller.disk.releaseLeadership(holder);
    controller.disk.thaw();
    await assert.rejects(submitting, { code: 'NOT_LEADING' });
    assert.ok(!outlet.kinds().includes('assign'));
    await controller.engine.stop();
  });
});

describe('a store that has lost its tail', () => {
  it('is written anew under a new term, with the turn under way, while everybody stays', async () => {
    const controller = await new EngineController().start();
    const { outlet } = await controller.attach('pc1');
    for (const n of [1, 2, 3]) await controller.submit(n);
    const ref = assigned(outlet);
    const term = controller.engine.status().term ?? 0;
    controller.disk.loseTail(2);
    assert.equal((await controller.submit(4)).jobId, jobId(4));
    assert.ok((controller.engine.status().term ?? 0) > term);
    await settled();
    assert.equal(controller.count('recovery-window'), 2);
    assert.deepEqual(goodbyesOf(outlet), []);
    controller.disk.expireLeadership();
    await controller.engine.stop();
    const next = await new EngineController(controller.disk, controller.clock).start();
    const { entries } = await next.engine.jobs({}, { size: 10, token: '' });
    assert.equal(entries.length, 4);
    const back = await next.attach('pc1', { held: [heldAs(ref, 'running')] });
    const [welcome] = back.outlet.got;
    assert.ok(welcome?.kind === 'welcome' && welcome.verdicts[0]?.decision.verdict === 'keep');
    await next.engine.stop();
  });

  it('even with the term of its leader costs nothing but the streams', async () => {
    const controller = await new EngineController().start();
    for (const n of [1, 2]) await controller.submit(n);
    const term = controller.engine.status().term ?? 0;
    controller.disk.loseTail(1_000);
    await assert.rejects(controller.submit(3, 'r3'), { code: 'NOT_LEADING' });
    await controller.clock.pass(soonMs);
    assert.ok((controller.engine.status().term ?? 0) > term, 'no term is issued twice');
    assert.equal((await controller.submit(3, 'r3')).jobId, jobId(3));
    assert.equal((await controller.engine.jobs({}, { size: 10, token: '' })).entries.length, 3);
    await controller.engine.stop();
    assert.deepEqual(controller.fatal, []);
  });

  it('is led by somebody else if a new term does not come in time', async () => {
    const controller = await new EngineController().start();
    for (const n of [1, 2]) await controller.submit(n);
    controller.disk.loseTail(1);
    controller.disk.planFailures(({ name }) => (name === 'lead' ? 'before' : undefined));
    const submitting = controller.submit(3, 'r3');
    submitting.catch(() => undefined);
    await settled();
    assert.equal(controller.engine.status().role, 'leading');
    await controller.clock.pass(4_000);
    await assert.rejects(submitting, { code: 'NOT_LEADING' });
    assert.equal(controller.engine.status().role, 'lost');
    controller.disk.planFailures(() => undefined);
    await controller.clock.pass(soonMs);
    assert.equal((await controller.submit(3, 'r3')).jobId, jobId(3));
    await controller.engine.stop();
  });
});
