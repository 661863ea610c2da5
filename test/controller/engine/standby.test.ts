import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRef } from '../../../proto/agent-link.ts';
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

describe('a standby', () => {
  it('says who leads, and leads as soon as the leader has resigned, with nothing lost and nothing twice', async () => {
    const leader = await new EngineController().start();
    const { outlet } = await leader.attach('pc1');
    await leader.submit(1);
    const ref = assigned(outlet);
    const standby = await new EngineController(leader.disk, leader.clock, standbyAddress).start();
    await leader.clock.pass(1_000);
    const status = standby.engine.status();
    assert.equal(status.role, 'standby');
    assert.deepEqual(status.leaderAddresses, [leader.address]);
    assert.equal(status.term, leader.engine.status().term);
    const info = { leader: leader.address };
    await assert.rejects(standby.submit(2), { code: 'NOT_LEADING', info, retryAfterMs: 1_000 });
    await assert.rejects(standby.engine.job(jobId(1)), { code: 'NOT_LEADING' });
    // Rejects, and does not throw: whoever asks a standby for the farm's status waits for it.
    await assert.rejects(standby.engine.summary(), { code: 'NOT_LEADING' });
    assert.equal(standby.engine.serving, false);

    leader.disk.freeze();
    const last = leader.submit(3);
    await settled();
    const stopping = leader.engine.stop();
    leader.disk.thaw();
    assert.equal((await last).jobId, jobId(3), 'what came before the end is decided');
    await stopping;
    assert.deepEqual(goodbyesOf(outlet), ['restart']);
    await settled();
    assert.equal(standby.engine.status().role, 'leading');
    assert.equal(standby.engine.serving, true);
    const held = heldAs(ref, 'running');
    const back = await standby.attach('pc1', { held: [held], highestTerm: status.term ?? 0 });
    const [welcome] = back.outlet.got;
    assert.ok(welcome?.kind === 'welcome' && welcome.verdicts[0]?.decision.verdict === 'keep');
    const other = await standby.attach('pc2');
    const fences = [ref, assigned(other.outlet)].map(({ fence }) => `${fence.term}.${fence.counter}`);
    assert.equal(new Set(fences).size, 2, 'no fence is issued twice');
    await settled();
    assert.equal((await standby.engine.attempts(jobId(1), { size: 10, token: '' })).entries.length, 1);
    await standby.engine.stop();
  });

  it('that has waited for long asks for a term of its own time', async () => {
    const leader = await new EngineController().start();
    const standby = await new EngineController(leader.disk, leader.clock, standbyAddress).start();
    await leader.clock.pass(3_600_000);
    // The store forgets every term that was ever issued.
    leader.disk.loseTail(1_000);
    await leader.engine.stop();
    await settled();
    const { role, term = 0 } = standby.engine.status();
    assert.equal(role, 'leading');
    assert.ok(term > leader.clock.nowMs() - 120_000, `term ${term} is of long ago`);
    await standby.engine.stop();
  });

  it('tries on while the store cannot be reached, and tells each cause', async () => {
    const controller = new EngineController();
    let away = true;
    controller.disk.planFailures(() => (away ? 'before' : undefined));
    await controller.start();
    await controller.clock.pass(5_000);
    assert.equal(controller.count('the store cannot be reached: trying on'), 1, 'said once');
    assert.deepEqual(controller.fatal, []);
    away = false;
    await controller.clock.pass(soonMs);
    assert.equal(controller.engine.serving, true);
    await controller.engine.stop();
  });
});

describe('a leader that is asked to stop', () => {
  it('resigns without what the store does not take in time, and nothing of that has an effect', async () => {
    const leader = await new EngineController().start();
    const { outlet } = await leader.attach('pc1');
    const standby = await new EngineController(leader.disk, leader.clock, standbyAddress).start();
    leader.disk.freeze();
    const submitting = leader.submit(1);
    submitting.catch(() => undefined);
    await settled();
    const stopping = leader.engine.stop();
    await leader.clock.pass(2_000);
    await stopping;
    await assert.rejects(submitting, { code: 'SHUTTING_DOWN' });
    assert.ok(!outlet.kinds().includes('assign'));
    leader.disk.thaw();
    await settled();
    assert.equal(standby.engine.status().role, 'leading');
    await standby.engine.stop();
  });

  it('ends at whatever moment of its start that is', async () => {
    for (let ticks = 0; ticks < 40; ticks += 1) {
      const controller = new EngineController();
      const starting = controller.start();
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      await controller.engine.stop();
      await starting;
      assert.equal(controller.disk.holder, undefined, `${ticks} promises after its start`);
      assert.equal(controller.engine.serving, false);
    }
  });

  it('ends every watch with the reason', async () => {
    const leader = await new EngineController().start();
    await leader.submit(1);
    const changes = leader.engine.watch({ jobIds: [], untilEnded: false }, new AbortController().signal);
    const first = await changes.next();
    assert.equal(first.done, false);
    const second = changes.next();
    await Promise.all([assert.rejects(second, { code: 'SHUTTING_DOWN' }), leader.engine.stop()]);
  });
});
