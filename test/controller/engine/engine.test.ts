import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobChange } from '../../../controller/engine/farm.ts';
import { heartbeat, inventory } from '../../helpers/agent-messages.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

describe('the engine', () => {
  it('answers nothing, sends nothing and shows nothing before the records are durable', async () => {
    const controller = await new EngineController().start();
    const { outlet } = await controller.attach('pc1');
    controller.disk.freeze();
    let answered = false;
    const submitting = controller.submit(1).then(() => {
      answered = true;
    });
    await settled();
    let seen: unknown;
    const reading = controller.engine.jobs({}, { size: 10, token: '' }).then((page) => {
      seen = page.entries.length;
    });
    await settled();
    assert.equal(answered, false);
    assert.equal(seen, undefined, 'a read waits for the turn under way');
    assert.ok(!outlet.kinds().includes('assign'));
    controller.disk.thaw();
    await submitting;
    await reading;
    assert.equal(seen, 1);
    assert.deepEqual(outlet.kinds(), ['welcome', 'assign']);
    await controller.engine.stop();
  });

  it('commits everything that came while a commit was on its way in one batch', async () => {
    const controller = await new EngineController().start();
    controller.disk.freeze();
    const first = controller.submit(1);
    await settled();
    const rest = [2, 3, 4, 5].map((n) => controller.submit(n));
    await settled();
    const before = controller.disk.contents.lastBatch;
    controller.disk.thaw();
    await Promise.all([first, ...rest]);
    assert.equal(controller.disk.contents.lastBatch, before + 2);
    await controller.engine.stop();
  });

  it('has every acknowledged job after a crash, and remembers request ids', async () => {
    const before = await new EngineController().start();
    await before.submit(1, 'r1');
    const after = await crashed(before);
    assert.equal((await after.engine.job(jobId(1))).job.state, 'waiting');
    assert.equal((await after.submit(1, 'r1')).existed, true);
    await after.engine.stop();
  });

  it('tries the same batch again while the store is away, refuses new work, and recovers', async () => {
    const controller = await new EngineController().start();
    let away = true;
    controller.disk.planFailures(() => (away ? 'before' : undefined));
    const waiting = controller.submit(1);
    await settled();
    await assert.rejects(controller.submit(2), { code: 'STORAGE_UNAVAILABLE' });
    assert.equal(controller.engine.serving, true);
    await controller.clock.pass(11_000);
    assert.equal(controller.engine.serving, false, 'health says so after 10 s');
    away = false;
    await controller.clock.pass(1_000);
    assert.equal((await waiting).jobId, jobId(1));
    assert.equal(controller.engine.serving, true);
    assert.equal(
      controller.logged.filter((message) => message === 'recovery-window').length,
      2,
      'at start and now',
    );
    await controller.engine.stop();
  });

  it('is not confused when a commit was done but its answer was lost', async () => {
    const controller = await new EngineController().start();
    let lost = false;
    controller.disk.planFailures((call) => {
      if (call.name !== 'commit' || lost) return undefined;
      lost = true;
      return 'after';
    });
    const submitting = controller.submit(1);
    await controller.clock.pass(1_000);
    assert.equal((await submitting).jobId, jobId(1));
    assert.deepEqual(controller.fatal, []);
    assert.equal((await controller.submit(2)).jobId, jobId(2));
    await controller.engine.stop();
  });

  it('takes a flood of the largest jobs that a client may send', async () => {
    const controller = await new EngineController().start();
    const items = Array.from({ length: 2_000 }, (_, position) => ({
      position,
      itemType: 'video' as const,
      path: '\\\\nas\\Clips\\a.mp4',
      title: 'x'.repeat(350),
    }));
    controller.disk.freeze();
    const submits = Array.from({ length: 90 }, (_, n) =>
      controller.engine.submit({
        requestId: '',
        spec: jobSpec(n, { items }),
        validateOnly: false,
        jobIdMade: false,
      }),
    );
    await settled();
    controller.disk.thaw();
    await Promise.all(submits);
    assert.deepEqual(controller.fatal, []);
    assert.equal((await controller.engine.jobs({}, { size: 100, token: '' })).entries.length, 90);
    await controller.engine.stop();
  });

  it('shows a watch nothing that is not durable', async () => {
    const controller = await new EngineController().start();
    await controller.submit(1);
    const abort = new AbortController();
    await controller.submit(2);
    const watch = controller.engine.watch({ jobIds: [], untilEnded: false }, abort.signal);
    const states = async () => ((await watch.next()).value as JobChange).view.job.state;
    assert.equal(await states(), 'waiting');
    controller.disk.freeze();
    const attaching = controller.attach('pc1', { inventory: inventory({ slots: 2 }) });
    await settled();
    // The rest of the first listing is read while both assignments are on their way to the disk.
    assert.equal(await states(), 'waiting');
    controller.disk.thaw();
    await attaching;
    assert.equal(await states(), 'assigned');
    abort.abort();
    await controller.engine.stop();
  });

  it('refuses page tokens that it never gave', async () => {
    const controller = await new EngineController().start();
    await controller.submit(1);
    for (const token of ['x', '-1', '1.5', '1e1', ' ', '99999999999999999999']) {
      await assert.rejects(
        controller.engine.jobs({}, { size: 1, token }),
        { code: 'INVALID_REQUEST' },
        token,
      );
      await assert.rejects(
        controller.engine.attempts(jobId(1), { size: 1, token }),
        { code: 'INVALID_REQUEST' },
        token,
      );
    }
    await controller.engine.stop();
  });

  it('decides nothing more when another leader has taken over', async () => {
    const old = await new EngineController().start();
    const fresh = await crashed(old);
    await assert.rejects(old.submit(7), { code: 'NOT_LEADING' });
    await assert.rejects(old.engine.job(jobId(7)), { code: 'NOT_LEADING' });
    assert.equal(old.engine.serving, false);
    assert.equal(old.engine.status().role, 'lost');
    await assert.rejects(fresh.engine.job(jobId(7)), { code: 'JOB_NOT_FOUND' });
    await old.engine.stop();
    await fresh.engine.stop();
    assert.deepEqual(old.fatal, []);
  });

  it('leads above a term that an agent has seen, before it welcomes it', async () => {
    const controller = await new EngineController().start();
    const highestTerm = controller.clock.nowMs() + 3_600_000;
    const { outlet } = await controller.attach('pc1', { farmId: 'farm-1', highestTerm });
    const [welcome] = outlet.got;
    assert.ok(welcome?.kind === 'welcome' && welcome.term === highestTerm + 1);
    await controller.submit(1);
    assert.deepEqual(controller.fatal, []);
    const tooHigh = controller.clock.nowMs() + 2 * 24 * 3_600_000;
    await assert.rejects(controller.attach('pc2', { farmId: 'farm-1', highestTerm: tooHigh }), {
      code: 'TERM_TOO_HIGH',
    });
    await controller.engine.stop();
  });

  it('judges nobody by silence after a stall of its own', async () => {
    const controller = await new EngineController().start();
    const { session } = await controller.attach('pc1');
    await controller.submit(1);
    await controller.clock.jump(120_000);
    session.deliver(heartbeat);
    await settled();
    assert.equal((await controller.engine.job(jobId(1))).job.losses, 0);
    assert.ok(controller.logged.includes('recovery-window'));
    await controller.engine.stop();
  });

  it('answers what waits when it stops, and refuses what comes after', async () => {
    const controller = await new EngineController().start();
    controller.disk.freeze();
    const last = controller.submit(1);
    await settled();
    const stopping = controller.engine.stop();
    controller.disk.thaw();
    await stopping;
    assert.equal((await last).jobId, jobId(1));
    await assert.rejects(controller.submit(2), { code: 'SHUTTING_DOWN' });
    await controller.engine.stop();
  });
});

/** Another controller on the same disk; the old one is not stopped, its leadership just ends. */
async function crashed(controller: EngineController): Promise<EngineController> {
  controller.disk.expireLeadership();
  return await new EngineController(controller.disk, controller.clock).start();
}
