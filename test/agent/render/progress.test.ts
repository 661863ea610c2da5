import assert from 'node:assert/strict';
import test from 'node:test';
import { hasAdvanced, noProgress, readProgressLine } from '../../../agent/render/progress.ts';
import { createProgressMeter, type RenderProgress } from '../../../agent/render/progress-meter.ts';

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

function meter(framesTotal: number) {
  const seen: RenderProgress[] = [];
  const clock = { ms: 0 };
  const made = createProgressMeter(
    framesTotal,
    () => clock.ms,
    (progress) => seen.push(progress),
  );
  return { ...made, seen, clock };
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
  part('sound', 0.5);
  part('sound', 0.1);
  part('sound', Number.NaN);
  segment(0, 60);
  assert.deepEqual(
    seen.map(({ framesDone }) => framesDone),
    [50, 50, 60],
  );
});

test('There is no estimate in the first five seconds, then one from the moving rate', () => {
  const { segment, now, clock } = meter(1000);
  clock.ms = 4000;
  segment(0, 100);
  assert.equal(now().etaMs, undefined);
  clock.ms = 8000;
  segment(0, 200);
  // 17.6 of 99 percent in 8 s.
  assert.equal(now().etaMs, Math.round(((99 - 17.6) * 8000) / 17.6));
});

test('A rate of long ago is forgotten', () => {
  const { segment, now, clock } = meter(100_000);
  for (let second = 1; second <= 40; second += 1) {
    clock.ms = second * 1000;
    segment(0, second * 100);
  }
  const fast = now().etaMs ?? 0;
  for (let second = 41; second <= 100; second += 1) {
    clock.ms = second * 1000;
    segment(0, 4000 + (second - 40) * 10);
  }
  assert.ok((now().etaMs ?? 0) > 8 * fast, `${now().etaMs ?? 0} after ${fast}`);
});
