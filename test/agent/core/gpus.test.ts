import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { GpuLane } from '../../../agent/core/gpu-choice.ts';
import { chooseGpu, fillOrder, laneSpeed } from '../../../agent/core/gpu-choice.ts';
import { recover } from '../../../agent/core/recover.ts';
import type { FinishedOutcome, GpuFacts, JobRef } from '../../../proto/index.ts';
import { assignment, CoreDriver, failed, jobRef, ofType, sent } from '../../helpers/agent-core.ts';
import { inventory } from '../../helpers/agent-messages.ts';

const hd = (speed: number) => ({ workClass: 'hd', speed, runs: 0 });
const uhd = (speed: number) => ({ workClass: '4k', speed, runs: 0 });
const fast: GpuLane = { index: 0, slots: 2, speeds: [hd(8), uhd(3)] };
const slow: GpuLane = { index: 1, slots: 1, speeds: [hd(3)] };
const card = (index: number, slots: number, sessions = 3): GpuFacts => ({
  ...{ index, name: 'RTX', driver: '1', memoryBytes: 1, slots, sessions },
});
const noSession: FinishedOutcome = {
  ...failed,
  failureClass: 'environment',
  problems: [{ code: 'ENCODER_SESSION_LIMIT', message: 'out of memory' }],
};

/** A PC with a card of two slots and a slower one of one slot that does no 4K. */
function twoCards(cards: readonly GpuFacts[] = [card(0, 2), card(1, 1)]): CoreDriver {
  const core = new CoreDriver({ slots: 3 });
  const { settings, journal } = core.state;
  const told = inventory({ slots: 3, gpus: cards });
  core.state = recover(settings, told, journal, core.nowMs, [fast, slow]).state;
  core.attach();
  return core;
}

/** The GPU that an assignment is started on; a text: why it is declined. */
function gpuOf(core: CoreDriver, ref: JobRef, enable4k = false): number | string | undefined {
  const { job } = assignment(ref);
  const effects = core.receive(assignment(ref, { job: { ...job, enable4k } }));
  const [started] = ofType(effects, 'start-attempt');
  if (started !== undefined) return started.gpuIndex;
  const [reply] = sent(effects);
  return reply?.kind === 'assignment-reply' && !reply.accepted ? reply.reason : 'nothing';
}

function told(effects: Parameters<typeof sent>[0]): unknown[] {
  return sent(effects).flatMap((message) =>
    message.kind === 'inventory'
      ? [[message.inventory.slots, message.inventory.gpus.map(({ slots }) => slots)]]
      : [],
  );
}

describe('a PC with several GPUs', () => {
  test('gives a render the one with the most free slots, of those the faster one', () => {
    const core = twoCards();
    assert.equal(gpuOf(core, jobRef('a', 1)), 0);
    assert.equal(gpuOf(core, jobRef('b', 2)), 0, 'one free slot each: the faster');
    assert.equal(gpuOf(core, jobRef('c', 3)), 1);
    assert.match(String(gpuOf(core, jobRef('d', 4))), /3 of 3 slots/u);
    core.report(jobRef('b', 2), { type: 'ended', finished: failed });
    assert.equal(gpuOf(core, jobRef('d', 5)), 0, 'the slot that became free');
  });

  test('gives 4K to a card that does it, and says so when that one is full', () => {
    const core = twoCards();
    assert.equal(gpuOf(core, jobRef('a', 1), true), 0);
    assert.equal(gpuOf(core, jobRef('b', 2), true), 0);
    assert.match(String(gpuOf(core, jobRef('c', 3), true)), /no GPU that does 4k has a free slot/u);
    assert.equal(gpuOf(core, jobRef('c', 4)), 1);
  });

  test('has fewer slots on the card without a session, and tries that card again', () => {
    const core = twoCards();
    const [a, b, c] = [jobRef('a', 1), jobRef('b', 2), jobRef('c', 3)];
    for (const ref of [a, b, c]) gpuOf(core, ref);
    assert.deepEqual(told(core.report(b, { type: 'ended', finished: noSession })), [[2, [1, 1]]]);
    core.report(c, { type: 'ended', finished: failed });
    assert.equal(gpuOf(core, jobRef('d', 4)), 1, 'the first card has no more, the other one has');
    assert.deepEqual(ofType(core.tick(600_000), 'probe-sessions'), [
      { type: 'probe-sessions', sessions: 1, gpuIndex: 0 },
    ]);
    core.attach();
    assert.deepEqual(told(core.input({ type: 'sessions-probed', ok: true, detail: '', gpuIndex: 0 })), [
      [3, [2, 1]],
    ]);
    assert.deepEqual(ofType(core.tick(3_600_000), 'probe-sessions'), []);
  });

  test('begins with as many slots as the test encodes found sessions, and tries for more', () => {
    const core = twoCards([card(0, 2, 1), card(1, 1)]);
    const [hello] = sent(core.input({ type: 'link-opened', linkId: 9 }));
    assert.ok(hello?.kind === 'hello');
    assert.deepEqual([hello.inventory.slots, hello.inventory.gpus.map(({ slots }) => slots)], [2, [1, 1]]);
    core.attach();
    assert.equal(ofType(core.tick(600_000), 'probe-sessions')[0]?.gpuIndex, 0);
    core.attach();
    assert.deepEqual(told(core.input({ type: 'sessions-probed', ok: true, detail: '', gpuIndex: 0 })), [
      [3, [2, 1]],
    ]);
  });

  test('uses the cards that a check has found', () => {
    const core = twoCards();
    const told1 = inventory({ slots: 3, gpus: [card(0, 0), card(1, 1)] });
    const effects = core.input({ type: 'inventory', inventory: told1, gpuLanes: [slow] });
    assert.deepEqual(told(effects), [[1, [0, 1]]]);
    assert.equal(gpuOf(core, jobRef('a', 1)), 1);
    assert.match(String(gpuOf(core, jobRef('b', 2))), /1 of 1 slots/u);
  });

  test('with one card, too, begins with the sessions that were found', () => {
    const core = new CoreDriver({ slots: 3 });
    const { settings, journal } = core.state;
    core.state = recover(settings, inventory({ slots: 3, gpus: [card(0, 3, 2)] }), journal, core.nowMs).state;
    core.attach();
    assert.equal(gpuOf(core, jobRef('a', 1)), undefined, 'nothing needs to be told apart');
    assert.equal(gpuOf(core, jobRef('b', 2)), undefined);
    assert.match(String(gpuOf(core, jobRef('c', 3))), /2 of 2 slots/u);
  });
});

describe('the choice of a GPU', () => {
  const lanes = fc.uniqueArray(
    fc.record({
      index: fc.nat(7),
      slots: fc.nat(4),
      speeds: fc.constantFrom([hd(1)], [hd(2), uhd(1)], []),
    }),
    { selector: ({ index }) => index, maxLength: 5 },
  );

  test('takes a free one of the class whenever there is one, and none that is full', () => {
    fc.assert(
      fc.property(lanes, fc.constantFrom('hd', '4k'), (all, workClass) => {
        const free = all.map((lane) => ({ ...lane, free: lane.slots }));
        const able = free.filter(
          (lane) => lane.free > 0 && lane.speeds.some((one) => one.workClass === workClass),
        );
        const chosen = chooseGpu(free, workClass);
        if (able.length === 0) {
          assert.equal(chosen, undefined);
          return;
        }
        const most = able.filter(({ free: one }) => one === Math.max(...able.map((other) => other.free)));
        const speed = (lane: GpuLane): number => laneSpeed(lane, workClass) ?? 0;
        const best = most.filter((lane) => speed(lane) === Math.max(...most.map(speed)));
        assert.equal(chosen, best[0]?.index);
      }),
    );
  });

  test('fills every slot of the class and no more, evenly', () => {
    fc.assert(
      fc.property(lanes, (all) => {
        const able = all.filter(({ speeds }) => speeds.length > 0);
        const order = fillOrder(all, 'hd', 64);
        assert.equal(
          order.length,
          able.reduce((sum, { slots }) => sum + slots, 0),
        );
        for (const { index, slots } of able) assert.equal(order.filter((one) => one === index).length, slots);
      }),
    );
  });
});
