import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Encode, MeasuredLane } from '../../../agent/host/calibration.ts';
import {
  calibrationShare,
  classSpeed,
  countSessions,
  measureRate,
  measureTogether,
} from '../../../agent/host/calibration.ts';
import { encoderRung } from '../../../agent/render/encoder.ts';

const rung = encoderRung('h264_nvenc');
const lane = (slots: number, speed: number, gpuIndex?: number): MeasuredLane => ({
  ...{ rung, encoders: [], slots, sessions: 3 },
  speeds: [{ workClass: 'hd', speed, runs: 0 }],
  ...(gpuIndex === undefined ? {} : { gpuIndex }),
});

/**
 * Cards whose encodes need 100 ms to start and then `msPerFrame`, so many times as long as there are encodes at once on
 * the same card beyond its engines. More encodes than `sessions` at once fail.
 */
function cards({
  msPerFrame = 2,
  engines = 1,
  sessions = 99,
  slower = {} as Record<number, number>,
}): Encode {
  const running = new Map<number, number>();
  return async ({ gpuIndex = 0, frames }) => {
    const at = (by: number): number => {
      const now = (running.get(gpuIndex) ?? 0) + by;
      running.set(gpuIndex, now);
      return now;
    };
    at(1);
    await setImmediate();
    const together = at(0);
    await setImmediate();
    at(-1);
    const total = [...running.values()].reduce((sum, one) => sum + one, 0);
    if (together > sessions || total > sessions)
      return { succeeded: false, reason: 'out of memory', durationMs: 5 };
    const durationMs = 100 + frames * msPerFrame * (slower[gpuIndex] ?? 1) * Math.max(1, together / engines);
    return { succeeded: true, reason: '', durationMs };
  };
}

describe('the speed of several renders at a time', () => {
  test('is 1 for one slot, without an encode', async () => {
    const never: Encode = () => assert.fail('nothing needs to be tried');
    assert.deepEqual(await measureTogether(never, [{ ...lane(1, 5), rung: encoderRung('libx264') }]), [1]);
    assert.deepEqual(await measureTogether(never, []), [1]);
  });

  test('of a card with one slot is measured of two, for the segments of its one job', async () => {
    assert.deepEqual(await measureTogether(cards({ engines: 2 }), [lane(1, 5)]), [1, 1]);
    assert.deepEqual(await measureTogether(cards({}), [lane(1, 5)]), [1, 0.5]);
    assert.deepEqual(await measureTogether(cards({ sessions: 1 }), [lane(1, 5)]), [1]);
  });

  test('is shared where the engine is, full where there are two, and their share beyond', async () => {
    assert.deepEqual(await measureTogether(cards({}), [lane(4, 5)]), [1, 0.5, 0.333, 0.25]);
    assert.deepEqual(await measureTogether(cards({ engines: 2 }), [lane(3, 5)]), [1, 1, 0.667]);
  });

  test('of two cards is theirs together, the faster one first', async () => {
    const encode = cards({ slower: { 1: 4 } });
    const speeds = await measureTogether(encode, [lane(1, 8, 0), lane(1, 2, 1)]);
    assert.deepEqual(speeds, [1, 0.625]);
    const asked: (number | undefined)[] = [];
    await measureTogether(
      (what) => {
        asked.push(what.gpuIndex);
        return encode(what);
      },
      [lane(1, 2, 1), lane(1, 8, 0)],
    );
    assert.deepEqual(asked, [0, 0, 0, 1, 0, 1], 'one alone is on the faster card');
  });

  test('of each is never more than alone, however slow the one alone was by chance', async () => {
    // Frames take so long in turn: one, two and four at a time, each with a short encode and a longer one.
    const msPerFrame = [5, 5, 4, 4, 4, 4, ...Array.from({ length: 8 }, () => 20 / 3)];
    const encode: Encode = ({ frames }) =>
      Promise.resolve({ succeeded: true, reason: '', durationMs: 100 + frames * (msPerFrame.shift() ?? 0) });
    assert.deepEqual(await measureTogether(encode, [lane(4, 5)]), [1, 1, 0.833, 0.75]);
  });

  test('is interpolated between 4, 8 and 16 at a time, and ends where encodes fail', async () => {
    const speeds = await measureTogether(cards({ engines: 4 }), [lane(7, 5)]);
    assert.deepEqual(speeds, [1, 1, 1, 1, 0.8, 0.667, 0.571]);
    assert.equal((await measureTogether(cards({}), [lane(40, 5)])).length, 16);
    assert.deepEqual(await measureTogether(cards({ sessions: 3 }), [lane(4, 5)]), [1, 0.5]);
  });
});

describe('test encodes', () => {
  test('give a rate without the start of FFmpeg, at each size by as many frames as are worth it', async () => {
    const encode = cards({ msPerFrame: 4 });
    for (const enable4k of [false, true]) {
      assert.equal(Math.round(await measureRate(encode, { rung, gpuIndex: 0, enable4k }, 160)), 250);
    }
    const { hardware, software } = calibrationShare;
    assert.deepEqual(classSpeed(rung, true, 60), { workClass: '4k', speed: 2 * hardware, runs: 0 });
    assert.equal(classSpeed(encoderRung('libx264'), false, 60).speed, 2 * software);
  });

  test('on a PC so busy that the shortest took as long are tried again, and never taken for fast', async () => {
    const encode = cards({ msPerFrame: 4 });
    const what = { rung, gpuIndex: 0, enable4k: false };
    assert.equal(Math.round(await measureRate(encode, what, 459)), 250, 'the second shortest was right');
    const [long, short] = [460, 459];
    let asked = 0;
    const busy: Encode = ({ frames }) => {
      asked += 1;
      return Promise.resolve({ succeeded: true, reason: '', durationMs: frames > 15 ? long : short });
    };
    assert.equal(Math.round(await measureRate(busy, what, short)), Math.round(90_000 / long));
    assert.equal(asked, 5);
  });

  test('in software count with their start, and one that fails counts as the shortest did', async () => {
    const software = { rung: encoderRung('libx264'), gpuIndex: undefined, enable4k: false };
    const rate = await measureRate(cards({ msPerFrame: 5 }), software, 399);
    assert.equal(rate, 150, '60 frames in 400 ms');
    const fails: Encode = () => Promise.resolve({ succeeded: false, reason: 'x', durationMs: 1 });
    assert.equal(await measureRate(fails, software, 150), 100, '15 frames in 150 ms');
  });

  test('count the sessions that a card gives', async () => {
    assert.equal(await countSessions(cards({ sessions: 2 }), rung, 0, 5), 2);
    assert.equal(await countSessions(cards({}), rung, 0, 5), 5);
  });
});
