import assert from 'node:assert/strict';
import test from 'node:test';
import type { ExpectedRate } from '../../../agent/render/eta.ts';
import { hasAdvanced, noProgress, readProgressLine } from '../../../agent/render/progress.ts';
import {
  createProgressMeter,
  type RenderProgress,
  type SegmentProgress,
} from '../../../agent/render/progress-meter.ts';

test('Frames, bytes and time are read; what is no number changes nothing', () => {
  const lines = [
    'frame=42',
    'out_time_us=1400000',
    'out_time_ms=9',
    'total_size=N/A',
    'progress=continue',
    'nonsense',
  ];
  const read = lines.reduce(readProgressLine, noProgress);
  assert.deepEqual(read, { frame: 42, outSeconds: 1.4, totalBytes: 0 });
  assert.equal(hasAdvanced(noProgress, read), true);
  assert.equal(hasAdvanced(read, read), false);
});

function meter(framesTotal: number, expected?: ExpectedRate) {
  const seen: RenderProgress[] = [];
  const clock = { ms: 0, share: 1 };
  const made = createProgressMeter({
    frames: () => ({ total: framesTotal, isExact: true, items: 1 }),
    clock: { aloneMs: () => clock.ms, share: () => clock.share, nowMs: () => clock.ms },
    ...(expected === undefined ? {} : { expected }),
    onProgress: (progress) => seen.push(progress),
  });
  /** Frames of an item that is the whole job, or of one of its own length. */
  const segment = (position: number, frames: number, of: Partial<SegmentProgress> = {}): void =>
    made.segment({ position, frames, framesTotal, ...of });
  return { ...made, segment, seen, clock };
}

test('Segments are 88 percent, and the rest has its own shares; 100 is never said', () => {
  const { segment, part, now } = meter(200);
  segment(0, 100);
  assert.equal(now().percent, 44);
  segment(1, 100);
  assert.equal(now().percent, 88);
  part('sound', 1);
  part('join', 1);
  part('verify', 1);
  assert.equal(now().percent, 95);
  part('upload', 1);
  assert.equal(now().percent, 99);
});

test('Progress never goes back, whatever is reported', () => {
  const { segment, part, seen } = meter(100);
  segment(0, 50);
  segment(0, 20);
  segment(0, Number.NaN);
  part('sound', 0.5);
  part('sound', 0.1);
  part('sound', Number.NaN);
  segment(0, 60);
  assert.deepEqual(
    seen.map(({ framesDone }) => framesDone),
    [50, 50, 60],
  );
});

test('Of a PC that nothing is known of there is no estimate in the first five seconds, then one of its own rate', () => {
  const { segment, now, clock } = meter(1000);
  clock.ms = 4000;
  segment(0, 100);
  assert.equal(now().etaMs, undefined);
  clock.ms = 8000;
  segment(0, 200);
  const eta = now().etaMs ?? 0;
  assert.ok(Math.abs(eta - 32_000) < 500, `${eta} ms for 800 frames at 25 a second`);
});

test('Of a PC that is known there is an estimate before the first frame', () => {
  const { now, clock } = meter(1000, { framesPerSecond: 50, runs: 3 });
  assert.equal(now().etaMs, 20_000);
  clock.share = 0.5;
  assert.equal(now().etaMs, 40_000, 'beside another render it takes longer');
});

test('Segments out of the cache are work that is done, and no speed', () => {
  const { segment, now, clock } = meter(1000, { framesPerSecond: 10, runs: 3 });
  clock.ms = 10;
  segment(0, 500, { framesTotal: 500, isReused: true });
  const eta = now().etaMs ?? 0;
  assert.ok(Math.abs(eta - 50_000) < 100, `${eta} ms for the other 500 frames at 10 a second`);
});

test('A render that stands still is estimated later and later', () => {
  const { segment, now, clock } = meter(1000);
  clock.ms = 10_000;
  segment(0, 500);
  const before = now().etaMs ?? 0;
  clock.ms = 40_000;
  assert.ok((now().etaMs ?? 0) > 2 * before);
});

test('Behind the last frame it is the joining that is estimated, once it has shown how fast it is', () => {
  const { segment, part, now, clock } = meter(100, { framesPerSecond: 10, runs: 3 });
  clock.ms = 10_000;
  segment(0, 100);
  assert.equal(now().etaMs, undefined);
  clock.ms = 14_000;
  part('sound', 1);
  // 2 of 7 percent in 4 s.
  assert.equal(now().etaMs, 10_000);
  part('join', 1);
  part('verify', 1);
  assert.equal(now().etaMs, 0);
});

/** A job of two items, whose second one is still to come. */
function growing(first: { total: number; copyMs?: number }, expected?: ExpectedRate) {
  const job: { total: number; isExact: boolean; copyMs: number | undefined } = {
    ...{ total: first.total, isExact: false, copyMs: first.copyMs },
  };
  const clock = { ms: 0 };
  const made = createProgressMeter({
    frames: () => ({ total: job.total, isExact: job.isExact, items: 2 }),
    copyLeftMs: () => job.copyMs,
    clock: { aloneMs: () => clock.ms, share: () => 1, nowMs: () => clock.ms },
    ...(expected === undefined ? {} : { expected }),
    onProgress: () => undefined,
  });
  return { ...made, job, clock };
}

test('A job that turns out to be longer does not fall back, and one that is estimated too short is never done', () => {
  const { segment, now, job, learned } = growing({ total: 100 });
  segment({ position: 0, frames: 100, framesTotal: 100 });
  assert.deepEqual([now().percent, now().framesTotal], [87, 100]);
  job.total = 400;
  learned();
  assert.deepEqual([now().percent, now().framesTotal], [87, 400]);
  job.isExact = true;
  segment({ position: 1, frames: 300, framesTotal: 300 });
  assert.equal(now().percent, 88);
});

test('Of a job that nothing is known of there is progress in frames, and none in percent', () => {
  const { segment, now } = growing({ total: 0 });
  segment({ position: 0, frames: 0, framesTotal: 30 });
  assert.deepEqual([now().percent, now().framesTotal], [0, 0]);
});

test('The estimate waits for the files that are to come, and is none while nobody knows how long', () => {
  const { now, job } = growing({ total: 1000 }, { framesPerSecond: 50, runs: 3 });
  assert.equal(now().etaMs, undefined);
  job.copyMs = 5_000;
  assert.equal(now().etaMs, 20_000, 'copied long before it is rendered');
  job.copyMs = 60_000;
  assert.equal(now().etaMs, 70_000, 'the last of two items is rendered behind its file');
  job.copyMs = 0;
  assert.equal(now().etaMs, 20_000);
});

test('Sound that was encoded beside the pictures says nothing of the time behind them', () => {
  const { segment, part, now, clock } = meter(100);
  part('sound', 1);
  clock.ms = 10_000;
  segment(0, 100);
  clock.ms = 13_000;
  assert.equal(now().etaMs, undefined);
  part('join', 1);
  // 3 percent in 3 s, 2 are left.
  assert.equal(now().etaMs, 2_000);
});
