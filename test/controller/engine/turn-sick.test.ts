import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { nextDeadlineMs } from '../../../controller/engine/turn/turn.ts';
import { agentPage } from '../../../controller/engine/turn/views.ts';
import type { JobRef } from '../../../proto/agent-link.ts';
import { finished, heartbeat, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { agentOrder, jobId, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

/** One agent to which every job goes, and how its attempts end. */
class Bench {
  readonly farm = new TurnFarm();
  session = this.farm.attach('pc1');
  #event = 0;
  #job = 0;

  /** The next job runs there and fails for a reason of the PC. */
  fail(code = 'DISK_FULL', failureClass: 'environment' | 'job' = 'environment'): string {
    const ref = this.start();
    const problems = [{ code, message: 'no room' }];
    this.say(ref, finished({ outcome: 'failed', failureClass, message: 'No space left', problems }));
    // It would come back to the only host when its back-off is over.
    this.farm.cancel(ref.jobId);
    return ref.jobId;
  }

  publish(): void {
    const ref = this.start();
    this.farm.say(this.session, journalEvent(++this.#event, ref, { type: 'ready', manifest }));
    this.say(ref, finished({ outcome: 'published' }));
  }

  start(): JobRef {
    this.farm.submit(jobSpec(++this.#job));
    const { ref } = this.farm.assigned(this.session);
    assert.equal(ref.jobId, jobId(this.#job));
    return ref;
  }

  say(ref: JobRef, end: ReturnType<typeof finished>): void {
    this.farm.say(this.session, journalEvent(++this.#event, ref, { type: 'finished', finished: end }));
  }

  makeSick(): void {
    for (let n = 0; n < 3; n += 1) this.fail();
    assert.ok(this.sick);
  }

  get sick() {
    return this.farm.state.agents.get('pc1')?.health?.sick;
  }

  checks() {
    return this.farm.all('check-host');
  }

  answer(ok: boolean, checkId = this.checks().at(-1)?.checkId ?? ''): void {
    const detail = ok ? 'works' : 'still full';
    this.farm.say(this.session, { kind: 'host-checked', checkId, ok, detail });
  }

  /** Time passes while the agent is heard. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 10_000) {
      this.farm.pass(Math.min(10_000, left));
      this.farm.say(this.session, heartbeat);
    }
  }
}

describe('a host on which different jobs fail in a row', () => {
  it('is sick after three of them: cordoned with its reason, alarmed, and probed for what failed', () => {
    const bench = new Bench();
    bench.fail('DISK_FULL');
    bench.fail('ENCODER_UNAVAILABLE');
    assert.equal(bench.sick, undefined);
    const third = bench.fail('DISK_FULL');
    const { farm } = bench;
    const reason =
      'sick: 3 different jobs in a row failed there for reasons of the PC (DISK_FULL, ENCODER_UNAVAILABLE)';
    const { mode, reason: told } = farm.last(bench.session, 'set-mode');
    assert.deepEqual([mode, told], ['cordoned', reason]);
    const { causes, shares } = farm.last(bench.session, 'check-host');
    assert.deepEqual(causes, ['DISK_FULL', 'ENCODER_UNAVAILABLE']);
    assert.deepEqual(shares, ['clips', 'results']);
    farm.submit(jobSpec(9));
    assert.equal(
      explanation(farm.state, farm.settings, farm.nowMs, jobId(9))?.summary,
      `no agent can take it (pc1: ${reason})`,
    );
    assert.equal(farm.state.alarms.at(-1)?.event, 'agent-sick');
    assert.ok(farm.logged.includes('agent-sick'));
    assert.ok(farm.state.jobs.get(third)?.timeline.some(({ what }) => what === 'host-sick'));
    const view = agentPage(farm.state, farm.nowMs, { size: 1, token: '' }).entries[0];
    assert.deepEqual([view?.mode, view?.sick?.reason], ['cordoned', reason]);
  });

  it('is well as long as a success, a failure of the job, or the same job again is between', () => {
    const bench = new Bench();
    bench.fail();
    bench.fail();
    bench.publish();
    bench.fail();
    bench.fail('FFMPEG_FAILED', 'job');
    bench.fail();
    assert.equal(bench.sick, undefined);

    const again = new Bench();
    again.farm.random = 0;
    const ref = again.start();
    const full = finished({ outcome: 'failed', failureClass: 'environment', message: 'full' });
    again.say(ref, full);
    again.farm.pass(1);
    again.say(again.farm.assigned(again.session).ref, full);
    again.farm.pass(1);
    again.say(again.farm.assigned(again.session).ref, full);
    assert.equal(again.farm.state.attemptsOfJob.get(jobId(1))?.length, 3);
    assert.equal(again.sick, undefined);
  });

  it('is healed by a probe that finds it working, and takes jobs again', () => {
    const bench = new Bench();
    bench.makeSick();
    bench.farm.submit(jobSpec(9));
    bench.answer(true);
    assert.equal(bench.sick, undefined);
    assert.equal(bench.farm.last(bench.session, 'set-mode').mode, 'active');
    assert.equal(bench.farm.jobState(jobId(9)), 'assigned');
    assert.ok(bench.farm.logged.includes('agent-healed'));
  });

  it('is probed again after 1 min, doubling to 15 min, whether the probe failed or was not answered', () => {
    const bench = new Bench();
    bench.makeSick();
    assert.equal(bench.checks().length, 1);
    bench.answer(false);
    assert.equal(bench.sick?.finding, 'still full');
    bench.pass(minute - 1);
    assert.equal(bench.checks().length, 1);
    bench.pass(1);
    assert.equal(bench.checks().length, 2);
    for (const [minutes, count] of [
      [2, 3],
      [4, 4],
      [8, 5],
      [15, 6],
      [15, 7],
    ] as const) {
      bench.pass(minutes * minute);
      assert.equal(bench.checks().length, count);
    }
    assert.ok(nextDeadlineMs(bench.farm.state, bench.farm.settings) > bench.farm.nowMs);
  });

  it('is not healed by the answer to an old probe', () => {
    const bench = new Bench();
    bench.makeSick();
    const [first] = bench.checks();
    bench.pass(minute);
    bench.answer(true, first?.checkId);
    assert.ok(bench.sick);
    bench.answer(true);
    assert.equal(bench.sick, undefined);
  });

  it('stays sick over a restart of the controller; a new process of its own is probed at once', () => {
    const bench = new Bench();
    bench.makeSick();
    bench.farm.restart();
    bench.session = bench.farm.attach('pc1', { lastEvent: 3, firstUnackedEvent: 4 });
    assert.equal(bench.farm.last(bench.session, 'set-mode').mode, 'cordoned');
    bench.farm.pass(1);
    assert.equal(bench.checks().length, 1);
    bench.farm.run({ kind: 'stream-ended', sessionId: bench.session, how: 'closed' });
    bench.session = bench.farm.attach('pc1', { instanceId: 'pc1-2', lastEvent: 3, firstUnackedEvent: 4 });
    bench.farm.pass(1);
    assert.equal(bench.checks().length, 2);
  });

  it('that is sick again soon after it was healed is probed with the back-off it had', () => {
    const bench = new Bench();
    bench.makeSick();
    bench.answer(true);
    bench.makeSick();
    assert.equal(bench.checks().length, 1);
    bench.pass(minute);
    assert.equal(bench.checks().length, 2);
    bench.answer(true);
    bench.pass(61 * minute);
    bench.makeSick();
    assert.equal(bench.checks().length, 3);
  });

  it('is healed by an operator; a probe heals only the sickness, not an operator’s cordon', () => {
    const bench = new Bench();
    bench.makeSick();
    bench.farm.order(agentOrder('uncordon', 'pc1'));
    assert.equal(bench.sick, undefined);
    assert.equal(bench.farm.last(bench.session, 'set-mode').mode, 'active');
    bench.makeSick();
    bench.farm.order(agentOrder('cordon', 'pc1'));
    bench.answer(true);
    assert.equal(bench.sick, undefined);
    const { mode, reason } = bench.farm.last(bench.session, 'set-mode');
    assert.deepEqual([mode, reason], ['cordoned', 'new driver']);
  });
});

describe('a job that fails for reasons of PCs', () => {
  const full = finished({ outcome: 'failed', failureClass: 'environment', message: 'No space left' });

  it('goes to another host where one is fit, for 15 min; else to the same after its back-off', () => {
    const farm = new TurnFarm();
    farm.random = 0;
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    const pc2 = farm.attach('pc2');
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: full }));
    farm.pass(1);
    assert.equal(farm.assigned(pc2).attemptNumber, 2);
    assert.equal(farm.state.jobs.get(jobId(1))?.charged, 0);
    farm.say(pc2, journalEvent(1, farm.assigned(pc2).ref, { type: 'finished', finished: full }));
    farm.pass(1);
    // Both are avoided alike: the job does not wait for a third.
    assert.equal(farm.state.jobs.get(jobId(1))?.attemptCount, 3);
  });

  it('of class job goes to another host for good', () => {
    const farm = new TurnFarm();
    farm.random = 0;
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const broken = finished({ outcome: 'failed', failureClass: 'job', message: 'FFmpeg failed' });
    const { ref } = farm.assigned(pc1);
    const pc2 = farm.attach('pc2');
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: broken }));
    farm.pass(1);
    assert.equal(farm.assigned(pc2).attemptNumber, 2);
  });

  it('waits with that reason while no attached host reaches a share that it needs', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1', { inventory: inventory({ shares: ['results'] }) });
    farm.submit(jobSpec(1));
    assert.equal(
      explanation(farm.state, farm.settings, farm.nowMs, jobId(1))?.summary,
      'no agent can take it (pc1: does not reach share clips)',
    );
    farm.say(pc1, { kind: 'inventory', inventory: inventory() });
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });
});
