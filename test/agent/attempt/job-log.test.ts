import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createJobLog } from '../../../agent/attempt/job-log.ts';
import { clockOf, logLine } from '../../../agent/attempt/log-line.ts';
import { assignment, failed, jobRef } from '../../helpers/agent-core.ts';

test('a log line is one line, whatever its message holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (message) => {
      const line = logLine('01:02:03', 'INFO', message);
      assert.match(line, /^01:02:03 - INFO - [^\n\r\u0085\u2028\u2029\u0000-\u001f]*\n$/u);
    }),
  );
});

test('times are those of the job’s zone, in 24 hours', () => {
  const at = Date.UTC(2026, 0, 31, 23, 5, 9);
  assert.equal(clockOf('Europe/Berlin')(at), '00:05:09');
  assert.equal(clockOf('America/New_York')(at), '18:05:09');
  assert.equal(clockOf('No/Such_Zone')(at), '23:05:09');
});

test('the lines that people look for are written as they are searched', () => {
  const written: string[] = [];
  const folder = {
    write: (_file: string, text: string) => void written.push(text.slice(11).trimEnd()),
    belongsTo: () => undefined,
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const log = createJobLog(assignment(jobRef('job-a', 1)), folder, () => 0);
  log.begin('pc1');
  log.skipping('intro_0.mp4');
  log.totalDuration(120.5);
  for (const percent of [20, 20, 19, 21]) log.progress(percent, percent * 1.2);
  log.succeeded('\\\\nas\\Out\\x.mp4');
  log.failed({ ...failed, stderrTail: Array.from({ length: 60 }, (_, index) => `line ${index}`) });
  for (const line of [
    'INFO - === Starting Compilation Job job-a ===',
    'INFO - Worker: pc1',
    'INFO - Channel: C',
    'INFO - Skipping (already exists): intro_0.mp4',
    'INFO - Total duration: 120.50s (2.01 min)',
    'INFO - Progress: 20% (time: 24.00s)',
    'INFO - === Job Completed Successfully ===',
    'ERROR - === Job Failed ===',
    'ERROR - line 59',
  ]) {
    assert.ok(written.includes(line), line);
  }
  assert.equal(written.filter((line) => line.includes('Progress:')).length, 2);
  assert.equal(written.filter((line) => /ERROR - line \d+$/u.test(line)).length, 50);
});
