import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineController } from '../../helpers/engine-controller.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { agentOrder, evictOrder, jobId, jobOrder, priorityOrder } from '../../helpers/turn-farm.ts';

describe('orders through the engine', () => {
  it('answer with the job as it is then, and a refusal with its code', async () => {
    const controller = await new EngineController().start();
    const { engine } = controller;
    await controller.submit(1);
    assert.equal((await engine.orderJob(jobOrder('hold', 1))).job.state, 'held');
    assert.equal((await engine.orderJob(priorityOrder(1, 'urgent'))).job.priority, 'urgent');
    await assert.rejects(engine.orderJob(jobOrder('retry', 1)), {
      code: 'JOB_NOT_ENDED',
      resource: { type: 'job', name: jobId(1) },
    });
    assert.equal((await engine.orderJob(jobOrder('release', 1))).job.state, 'waiting');
    assert.equal((await engine.orderJob(jobOrder('cancel', 1))).job.state, 'cancelled');
    assert.equal((await engine.orderJob(jobOrder('retry', 1))).job.state, 'waiting');
    await engine.stop();
  });

  it('are done once for their request id, also when the controller died in between', async () => {
    const before = await new EngineController().start();
    await before.submit(1);
    await before.engine.orderJob(jobOrder('hold', 1, 'r1'));
    await before.engine.orderJob(jobOrder('release', 1, 'r2'));
    before.disk.expireLeadership();
    const after = await new EngineController(before.disk, before.clock).start();
    assert.equal((await after.engine.orderJob(jobOrder('hold', 1, 'r1'))).job.state, 'waiting');
    await assert.rejects(after.engine.orderJob(jobOrder('cancel', 1, 'r1')), { code: 'REQUEST_ID_REUSED' });
    await after.engine.stop();
  });

  it('are not answered before they are durable', async () => {
    const controller = await new EngineController().start();
    await controller.attach('pc1');
    controller.disk.freeze();
    let answered = false;
    const ordering = controller.engine.orderAgent(agentOrder('cordon', 'pc1')).then((agent) => {
      answered = true;
      return agent;
    });
    await settled();
    assert.equal(answered, false);
    controller.disk.thaw();
    const agent = await ordering;
    assert.deepEqual([agent?.mode, agent?.ordered?.by], ['cordoned', 'ops']);
    await controller.engine.stop();
  });

  it('to an agent reach it, and are in the farm’s summary; a forgotten agent has no view', async () => {
    const controller = await new EngineController().start();
    const { engine } = controller;
    const { outlet } = await controller.attach('pc1');
    await controller.submit(1);
    const evicted = await engine.orderAgent(evictOrder('pc1', 0));
    assert.equal(evicted?.mode, 'evict');
    assert.deepEqual(outlet.kinds().slice(-2), ['set-mode', 'cancel']);
    const { jobs, agents } = await engine.summary();
    assert.deepEqual([...jobs], [['waiting', 1]]);
    assert.deepEqual([agents.attached, agents.closed, agents.sick, agents.slots], [1, 1, 0, 1]);
    await assert.rejects(engine.orderAgent(agentOrder('forget', 'pc1')), { code: 'AGENT_IN_USE' });
    await assert.rejects(engine.orderAgent(agentOrder('drain', 'pc9')), { code: 'AGENT_NOT_FOUND' });
    await engine.stop();
  });

  it('that name a share need one that is configured', async () => {
    const controller = await new EngineController().start();
    const order = { kind: 'share-replaced', share: 'clips', reason: '', requestId: '' } as const;
    await controller.engine.orderShare(order);
    await assert.rejects(controller.engine.orderShare({ ...order, share: 'x' }), { code: 'UNKNOWN_SHARE' });
    await controller.engine.stop();
  });
});
