import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { renderShare } from '../../../agent/attempt/render-share.ts';
import { createRenderSpeeds } from '../../../agent/attempt/render-speeds.ts';
import type { GpuLane } from '../../../agent/core/gpu-choice.ts';

const lane = (index: number, speed: number, slots = 1): GpuLane => ({
  ...{ index, slots },
  speeds: [{ workClass: 'hd', speed, runs: 0 }],
});

function speedsOf(concurrentSpeeds: readonly number[], gpuLanes: readonly GpuLane[] = []) {
  const clock = { ms: 1_000 };
  const speeds = createRenderSpeeds({
    nowMs: () => clock.ms,
    inventory: () => ({ speeds: [], concurrentSpeeds }),
    gpuLanes: () => gpuLanes,
    onRendered: () => undefined,
  });
  return { speeds, clock };
}

describe('the time of a render', () => {
  test('counts in full while it is alone, and by its share beside others', () => {
    const { speeds, clock } = speedsOf([1, 0.6, 0.5]);
    const first = speeds.begin();
    clock.ms += 10_000;
    assert.equal(first.aloneMs(), 10_000);
    const second = speeds.begin();
    assert.equal(first.share(), 0.6);
    clock.ms += 10_000;
    const third = speeds.begin();
    clock.ms += 10_000;
    third.end();
    third.end();
    clock.ms += 10_000;
    second.end();
    clock.ms += 10_000;
    assert.equal(Math.round(first.aloneMs()), 10_000 + 6_000 + 5_000 + 6_000 + 10_000);
    assert.equal(Math.round(second.aloneMs()), 6_000 + 5_000 + 6_000, 'it stands when it has ended');
    assert.equal(Math.round(third.aloneMs()), 5_000);
  });

  test('does not depend on how often it is asked for', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('begin', 'end', 'ask', 'wait'), fc.nat(5_000))),
        (steps) => {
          const [quiet, asked] = [speedsOf([1, 0.7, 0.4]), speedsOf([1, 0.7, 0.4])];
          const renders = [quiet, asked].map(({ speeds }) => [speeds.begin()]);
          for (const [step, ms] of steps) {
            for (const [at, { speeds, clock }] of [quiet, asked].entries()) {
              const all = renders[at] ?? [];
              clock.ms += ms;
              if (step === 'begin') all.push(speeds.begin());
              else if (step === 'end') all[1 + (ms % Math.max(1, all.length - 1))]?.end();
              else if (step === 'ask' && at === 1) for (const one of all) one.aloneMs();
            }
          }
          const [one, other] = renders.map((all) => all.map((render) => render.aloneMs()));
          for (const [at, ms] of (one ?? []).entries()) assert.ok(Math.abs(ms - (other?.[at] ?? -1)) < 1e-3);
        },
      ),
    );
  });
});

describe('the share of a render', () => {
  test('is what test encodes at once gave each; the last one holds beyond them', () => {
    const host = { concurrentSpeeds: [1, 0.7], gpuLanes: [] };
    assert.deepEqual(
      [1, 2, 3].map((renders) => renderShare(host, undefined, renders)),
      [1, 0.7, 0.7],
    );
    assert.equal(renderShare({ concurrentSpeeds: [], gpuLanes: [] }, undefined, 2), 1, 'not measured');
  });

  test('of cards that do not disturb each other is each one as fast as it is', () => {
    // Two at a time on cards of 4 and 1: their mean is 0.625 of one alone on the fast card.
    const host = { concurrentSpeeds: [1, 0.625], gpuLanes: [lane(0, 4), lane(1, 1)] };
    assert.equal(renderShare(host, 0, 2), 1);
    assert.equal(renderShare(host, 1, 2), 0.25);
    assert.equal(renderShare(host, 1, 1), 0.25, 'alone on the slow card');
    assert.equal(renderShare(host, 0, 1), 1);
  });

  test('is above 0 and at most 1, whatever was measured', () => {
    const speed = fc.double({ min: 0, max: 5, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(speed, { maxLength: 5 }),
        fc.array(speed, { maxLength: 4 }),
        fc.nat(6),
        fc.nat(80),
        (together, cards, gpu, renders) => {
          const gpuLanes = cards.map((one, index) => lane(index, 0.001 + one, 2));
          const share = renderShare(
            { concurrentSpeeds: together, gpuLanes },
            gpuLanes.length === 0 ? undefined : gpu,
            renders,
          );
          assert.ok(share >= 0.001 && Number.isFinite(share));
          assert.ok(share <= 1 || together.some((one) => one > 1), `${share}`);
        },
      ),
      // A rate that halves to nothing.
      { examples: [[[5e-324], [0.0009999999999999998, 0], 1, 0]] },
    );
  });
});

test('Segments at a time are those of the configuration, else what test encodes on the one card showed', () => {
  const { speeds } = speedsOf([1, 1]);
  assert.deepEqual([speeds.segmentsAtOnce(3, 0), speeds.segmentsAtOnce(undefined, undefined)], [3, 2]);
  assert.equal(speeds.segmentsAtOnce(undefined, 0), 1, 'two cards were measured, not two encodes on one');
  const renders = [speeds.begin(), speeds.begin()];
  assert.equal(speeds.segmentsAtOnce(undefined, undefined), 1);
  for (const render of renders) render.end();
});
