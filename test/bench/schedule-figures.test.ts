import assert from 'node:assert/strict';
import test from 'node:test';
import { studio } from '../../bench/schedule/farms.ts';
import { generateJobs, randomFor } from '../../bench/schedule/jobs.ts';
import { barPlot, linePlot } from '../../bench/schedule/plot.ts';
import type { JobRecord } from '../../bench/schedule/simulate.ts';
import { figuresOf, waitP95OfUsers } from '../../bench/schedule/statistics-of-runs.ts';

const [pc] = studio.pcs;

/** Its files take 10 s to copy. */
function record(userId: string, changes: Partial<JobRecord> = {}): JobRecord {
  assert.ok(pc !== undefined);
  const job = {
    id: 'job-1',
    index: 0,
    userId,
    workClass: 'h264',
    workMs: 60_000,
    outputMs: 60_000,
    bytes: 1_100_000_000,
    arrivesMs: 1_000,
  };
  const ends = { startedMs: 21_000, endedMs: 101_000, copyingMs: 0, copiedBytes: job.bytes };
  return { job, pc, starts: 1, ...ends, ...changes };
}

test('Figures of a run: turnaround, bytes copied twice, and copying that slots waited for, where a job waited as long', () => {
  const records = [
    record('ann'),
    record('bob', { copyingMs: 4_000, copiedBytes: 1_500_000_000 }),
    // It had no time to copy ahead: what its slot waited is not held against the announcements.
    record('bob', { startedMs: 2_000, copyingMs: 10_000, endedMs: 71_000 }),
  ];
  const figures = figuresOf({ records, endedMs: 101_000, idleWhileWaitingMs: 7 }, studio);
  assert.equal(figures.turnaroundMeanMs, 90_000);
  assert.equal(figures.turnaroundP95Ms, 100_000);
  assert.equal(figures.bytesTwice, 400_000_000);
  assert.deepEqual([figures.copyNeededMs, figures.copySeenMs], [20_000, 4_000]);
  assert.equal(figures.idleWhileWaitingMs, 7);
});

test('The p95 wait is told of each user', () => {
  const own = [record('ann'), record('bob'), record('bob', { startedMs: 61_000 })];
  assert.deepEqual(
    [...waitP95OfUsers(own)],
    [
      ['ann', 20_000],
      ['bob', 60_000],
    ],
  );
});

test('The generator is the one that is written down: these are the first jobs of seed 0', () => {
  const jobs = generateJobs(studio, 200, randomFor(0, 'jobs'), { noise: 0.3 });
  const firsts = jobs.slice(0, 3).map(({ workMs, outputMs }) => [Math.round(workMs), Math.round(outputMs)]);
  assert.deepEqual(firsts, [
    [152817, 175273],
    [1027373, 932889],
    [1055883, 1032622],
  ]);
  const minutes = jobs.map(({ workMs }) => workMs / 60_000).sort((a, b) => a - b);
  assert.ok((minutes[0] ?? 0) >= 1 && (minutes.at(-1) ?? 99) <= 80);
  assert.ok(Math.abs(Math.log((minutes[100] ?? 0) / 9)) < 0.25, `median ${minutes[100]} min`);
  for (const { bytes, outputMs } of jobs) assert.equal(bytes, Math.round(outputMs * 2_000));
});

test('A plot draws every bar and line of every series, and its words are escaped', () => {
  const series = { label: 'a & b <c>', colour: '#123456' };
  const bars = [{ series, value: 1.5, min: 1.2, max: 2 }];
  const bar = barPlot('Bars', 'x', 1, [
    { label: 'one', bars, target: 1.1 },
    { label: 'two', bars },
  ]);
  // Two bars and the legend; two whiskers; one target.
  assert.equal(bar.split('fill="#123456"').length - 1, 3);
  assert.equal(bar.split('class="whisker"').length - 1, 2);
  assert.equal(bar.split('class="target"').length - 1, 1);
  assert.ok(bar.includes('a &amp; b &lt;c>'));
  assert.ok(!/NaN|Infinity|undefined/u.test(bar));
  const points = [
    [5, 1],
    [50, 10],
    [99, 30],
  ] as const;
  const line = linePlot('Lines', { x: '%', y: 'min' }, [{ series, points }], [[50, '50 %']]);
  assert.equal(line.split('<polyline').length - 1, 1);
  assert.ok(!/NaN|Infinity|undefined/u.test(line));
});
