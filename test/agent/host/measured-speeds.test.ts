import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { EncoderLane } from '../../../agent/host/encoder-lanes.ts';
import { openMeasuredSpeeds, speedFingerprint } from '../../../agent/host/measured-speeds.ts';
import type { SpeedHistory } from '../../../agent/host/speed-history.ts';
import {
  framesMin,
  parseHistory,
  runsKept,
  speedsOf,
  withRender,
} from '../../../agent/host/speed-history.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const calibrated = [
  { workClass: 'hd', speed: 5, runs: 0 },
  { workClass: '4k', speed: 1, runs: 0 },
];
/** A render of a minute of output at this speed. */
const render = (speed: number, workClass = 'hd') => ({ workClass, frames: 1_800, aloneMs: 60_000 / speed });
const fail = (message: string, error: unknown): void => assert.fail(`${message}: ${String(error)}`);

describe('measured speeds', () => {
  test('are the median of the last seven renders of a class; before the first, that of the test encodes', () => {
    let history: SpeedHistory = {};
    assert.deepEqual(speedsOf(calibrated, history), calibrated);
    for (const speed of [2, 3, 100]) history = withRender(history, render(speed), 30);
    assert.deepEqual(speedsOf(calibrated, history), [{ workClass: 'hd', speed: 3, runs: 3 }, calibrated[1]]);
    history = withRender(history, render(4), 30);
    assert.equal(speedsOf(calibrated, history)[0]?.speed, 3.5);
    for (const speed of [9, 9, 9, 9]) history = withRender(history, render(speed), 30);
    assert.deepEqual(speedsOf(calibrated, history)[0], { workClass: 'hd', speed: 9, runs: 7 });
  });

  test('leave out renders that say too little, and classes that this PC cannot do', () => {
    for (const odd of [
      { ...render(3), frames: framesMin - 1 },
      { ...render(3), aloneMs: 0 },
      { ...render(3), aloneMs: Number.NaN },
      { ...render(3), aloneMs: -5 },
      { ...render(3), frames: Number.NaN },
    ]) {
      assert.deepEqual(withRender({}, odd, 30), {}, JSON.stringify(odd));
    }
    assert.deepEqual(speedsOf([], withRender({}, render(3), 30)), []);
  });

  test('stay bounded, sane and between the slowest and the fastest, whatever was rendered', () => {
    const one = fc.record({
      workClass: fc.oneof(fc.constantFrom('hd', '4k', '__proto__', 'constructor'), fc.string()),
      frames: fc.integer({ min: -10, max: 1e6 }),
      aloneMs: fc.double({ min: -10, max: 1e7 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 60 }), (renders) => {
        const history = renders.reduce<SpeedHistory>((all, next) => withRender(all, next, 30), {});
        assert.ok(Object.keys(history).length <= 16);
        for (const speeds of Object.values(history)) {
          assert.ok(
            speeds.length <= runsKept && speeds.every((speed) => speed > 0 && Number.isFinite(speed)),
          );
        }
        for (const { workClass, speed, runs } of speedsOf(calibrated, history)) {
          const kept = history[workClass] ?? [];
          if (runs > 0) assert.ok(speed >= Math.min(...kept) * 0.99 && speed <= Math.max(...kept) * 1.01);
        }
        assert.deepEqual(parseHistory(JSON.parse(JSON.stringify(history))), history);
      }),
    );
  });
});

describe('the file of measured speeds', () => {
  test('is there for the next process, and belongs to one FFmpeg, driver, GPU and encoder', async (t) => {
    const path = join(await tempFolder(t), 'deep', 'speeds.json');
    const first = await openMeasuredSpeeds(path, 'a', fail);
    first.add(render(2));
    first.add(render(4));
    await first.settled();
    const again = await openMeasuredSpeeds(path, 'a', fail);
    assert.deepEqual(again.over(calibrated)[0], { workClass: 'hd', speed: 3, runs: 2 });
    assert.deepEqual((await openMeasuredSpeeds(path, 'b', fail)).over(calibrated), calibrated);
    again.belongTo('a');
    assert.equal(again.over(calibrated)[0]?.runs, 2);
    again.belongTo('b');
    assert.deepEqual(again.over(calibrated), calibrated, 'another encoder begins anew');
    again.add(render(7));
    await again.settled();
    assert.equal((await openMeasuredSpeeds(path, 'b', fail)).over(calibrated)[0]?.speed, 7);
    assert.deepEqual(await readdir(join(path, '..')), ['speeds.json'], 'nothing half-written stays');
  });

  test('that is torn, foreign or odd is none, and is written anew', async (t) => {
    const path = join(await tempFolder(t), 'speeds.json');
    const odd = [
      '',
      '{"finger',
      'null',
      '[]',
      '{"fingerprint":"a"}',
      '{"fingerprint":"a","kept":null}',
      '{"fingerprint":"a","kept":[1]}',
      '{"fingerprint":"a","kept":{"hd":"5"}}',
      '{"fingerprint":"a","kept":{"hd":[]}}',
      '{"fingerprint":"a","kept":{"hd":[0]}}',
      '{"fingerprint":"a","kept":{"hd":[1,null]}}',
      JSON.stringify({
        fingerprint: 'a',
        kept: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`c${n}`, [1]])),
      }),
    ];
    for (const text of odd) {
      await writeFile(path, text);
      const speeds = await openMeasuredSpeeds(path, 'a', fail);
      assert.deepEqual(speeds.over(calibrated), calibrated, text);
      speeds.add(render(2));
      await speeds.settled();
      assert.match(await readFile(path, 'utf8'), /"kept": \{\s*"hd": \[\s*2\s*\]/u, text);
    }
  });

  test('that cannot be written is told, and the speeds are known all the same', async (t) => {
    const folder = await tempFolder(t);
    await writeFile(join(folder, 'file'), '');
    const told: string[] = [];
    const speeds = await openMeasuredSpeeds(join(folder, 'file', 'speeds.json'), 'a', (message) =>
      told.push(message),
    );
    speeds.add(render(2));
    await speeds.settled();
    assert.equal(told.length, 1);
    assert.equal(speeds.over(calibrated)[0]?.speed, 2);
  });

  test('belongs to another one when the driver, the card, the rung, the threads or FFmpeg change', () => {
    const gpu = { index: 0, name: 'RTX', driver: '1', memoryBytes: 1, slots: 1, sessions: 3 };
    const encoder = {
      encoder: 'h264_nvenc',
      rung: 'h264_nvenc',
      hardware: true,
      framesPerSecond: 1,
      sessionsProbed: 3,
    };
    const lane: EncoderLane = { encoders: [{ ...encoder, max: '2160p' }], slots: 1, sessions: 3, speeds: [] };
    const same = speedFingerprint('v1', [gpu], [lane], { segments: 1 });
    const calibratedAnew = {
      ...lane,
      encoders: [{ ...encoder, max: '2160p' as const, framesPerSecond: 99 }],
    };
    assert.equal(speedFingerprint('v1', [{ ...gpu, slots: 2 }], [calibratedAnew], { segments: 1 }), same);
    const others = [
      speedFingerprint('v2', [gpu], [lane], { segments: 1 }),
      speedFingerprint('v1', [{ ...gpu, driver: '2' }], [lane], { segments: 1 }),
      speedFingerprint('v1', [{ ...gpu, name: 'GTX' }], [lane], { segments: 1 }),
      speedFingerprint('v1', [gpu], [{ ...lane, encoders: [{ ...encoder, max: '1080p' }] }], { segments: 1 }),
      speedFingerprint('v1', [gpu], [lane], { segments: 2 }),
      speedFingerprint('v1', [gpu], [lane], { segments: 1, threads: 4 }),
    ];
    assert.equal(new Set([same, ...others]).size, 7);
  });
});
