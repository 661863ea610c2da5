import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Evidence, etaMs, noEvidence, withFrames } from '../../../agent/render/eta.ts';

interface Item {
  readonly frames: number;
  /** Of a frame, alone. */
  readonly costMs: number;
}

interface Look {
  readonly eta: number | undefined;
  readonly left: number;
  /** Of the whole job's time. */
  readonly done: number;
}

/** A job as it goes: an estimate at the start of each tenth of an item, and what was really left then. */
function looksAt(items: readonly Item[], known?: { readonly costMs: number; readonly runs: number }): Look[] {
  const framesTotal = items.reduce((sum, { frames }) => sum + frames, 0);
  const wholeMs = items.reduce((sum, { frames, costMs }) => sum + frames * costMs, 0);
  const expected =
    known === undefined ? {} : { expected: { framesPerSecond: 1_000 / known.costMs, runs: known.runs } };
  const looks: Look[] = [];
  let evidence: Evidence = noEvidence;
  let [atMs, framesDone] = [0, 0];
  for (const { frames, costMs } of items) {
    for (let step = 0; step < 10; step += 1) {
      const framesLeft = framesTotal - framesDone;
      const eta = etaMs(evidence, { framesLeft, framesTotal, share: 1, ...expected });
      looks.push({ eta, left: wholeMs - atMs, done: atMs / wholeMs });
      atMs += (frames / 10) * costMs;
      framesDone += frames / 10;
      evidence = withFrames(evidence, atMs, frames / 10, frames);
    }
  }
  return looks;
}

const item = fc.record({
  frames: fc.integer({ min: 30, max: 6_000 }),
  costMs: fc.double({ min: 2, max: 200, noNaN: true }),
});
const job = fc.array(item, { minLength: 1, maxLength: 40 });
const known = fc.record({
  costMs: fc.double({ min: 2, max: 200, noNaN: true }),
  runs: fc.constantFrom(0, 3),
});

/** How far off, as a factor: 2 is twice or half. */
function factor({ eta = 0, left }: Look): number {
  return Math.max(eta, 1) > Math.max(left, 1)
    ? Math.max(eta, 1) / Math.max(left, 1)
    : Math.max(left, 1) / Math.max(eta, 1);
}

describe('the estimate of when a render is done', () => {
  test('is never negative, never infinite, and there from the start of a PC that is known', () => {
    fc.assert(
      fc.property(job, known, (items, costs) => {
        for (const { eta } of looksAt(items, costs)) {
          assert.ok(eta !== undefined && eta >= 0 && Number.isFinite(eta));
        }
        for (const { eta } of looksAt(items))
          assert.ok(eta === undefined || (eta >= 0 && Number.isFinite(eta)));
      }),
    );
  });

  test('is right at once where a job is like those before it', () => {
    fc.assert(
      fc.property(job, fc.double({ min: 2, max: 200, noNaN: true }), (items, costMs) => {
        const same = items.map(({ frames }) => ({ frames, costMs }));
        for (const look of looksAt(same, { costMs, runs: 3 }))
          assert.ok(Math.abs((look.eta ?? 0) - look.left) <= 1);
      }),
    );
  });

  test('is of the own progress in the end, however wrong the known speed was', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 60 }),
        known,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (count, costs, wrong) => {
          const items = Array.from({ length: count }, () => ({ frames: 300, costMs: costs.costMs * wrong }));
          const looks = looksAt(items, costs);
          const off = (look: Look): number => factor(look);
          const [first] = looks;
          assert.ok(first !== undefined && Math.abs(off(first) - Math.max(wrong, 1 / wrong)) < 0.01);
          for (const look of looks.filter(({ done }) => done >= 0.9 && done < 0.99)) {
            assert.ok(
              off(look) < 1.25,
              `${off(look)} at ${look.done} with ${count} items, ${wrong} times as slow`,
            );
          }
        },
      ),
    );
  });

  test('lies between the known speed and the own one', () => {
    fc.assert(
      fc.property(job, known, (items, costs) => {
        const [own, both] = [looksAt(items), looksAt(items, costs)];
        const framesTotal = items.reduce((sum, { frames }) => sum + frames, 0);
        let framesDone = 0;
        for (const [at, look] of both.entries()) {
          const ownEta = own[at]?.eta;
          const knownEta = (framesTotal - framesDone) * costs.costMs;
          framesDone += (items[Math.floor(at / 10)]?.frames ?? 0) / 10;
          if (ownEta === undefined) continue;
          const [low, high] = [Math.min(ownEta, knownEta), Math.max(ownEta, knownEta)];
          assert.ok((look.eta ?? -1) >= low - 2 && (look.eta ?? -1) <= high + 2);
        }
      }),
    );
  });

  test('is misled less by a job whose first clips are easy than the own rate alone', () => {
    const easy = Array.from({ length: 3 }, () => ({ frames: 600, costMs: 10 }));
    const hard = Array.from({ length: 12 }, () => ({ frames: 600, costMs: 40 }));
    const mean = (3 * 10 + 12 * 40) / 15;
    const worst = (looks: readonly Look[]): number =>
      Math.max(...looks.filter(({ eta, done }) => eta !== undefined && done < 0.9).map(factor));
    const alone = worst(looksAt([...easy, ...hard]));
    const weighed = worst(looksAt([...easy, ...hard], { costMs: mean, runs: 7 }));
    assert.ok(alone > 3, `the own rate is off by ${alone}`);
    assert.ok(weighed < 0.65 * alone, `weighed it is off by ${weighed}`);
  });

  test('believes test encodes less than renders', () => {
    const slower = Array.from({ length: 10 }, () => ({ frames: 300, costMs: 40 }));
    const at = (runs: number): number =>
      factor(looksAt(slower, { costMs: 20, runs })[20] ?? { eta: 0, left: 1, done: 0 });
    assert.ok(at(0) < at(3), `${at(0)} and ${at(3)}`);
  });

  test('notices a PC that has become slower', () => {
    const items = [
      ...Array.from({ length: 30 }, () => ({ frames: 900, costMs: 20 })),
      ...Array.from({ length: 60 }, () => ({ frames: 900, costMs: 60 })),
    ];
    const looks = looksAt(items, { costMs: 20, runs: 7 });
    const late = looks.find(({ done }) => done > 0.45);
    assert.ok(
      late !== undefined && factor(late) < 1.35,
      `off by ${late === undefined ? 'nothing' : factor(late)}`,
    );
  });

  test('is stretched by the share that the render has', () => {
    const ahead = { framesLeft: 100, framesTotal: 100, expected: { framesPerSecond: 10, runs: 1 } };
    assert.equal(etaMs(noEvidence, { ...ahead, share: 1 }), 10_000);
    assert.equal(etaMs(noEvidence, { ...ahead, share: 0.25 }), 40_000);
    assert.equal(etaMs(noEvidence, { ...ahead, share: 0 }), undefined);
    assert.equal(etaMs(noEvidence, { ...ahead, framesLeft: 0, share: 1 }), 0);
  });
});
