import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, clockText, safeText } from '../../../client/cli/format.ts';
import { changeLine, problemLines, stateText } from '../../../client/cli/job-lines.ts';
import { jsonLine } from '../../../client/cli/json-lines.ts';
import { errorLines } from '../../../client/cli/print-error.ts';
import { tableLines } from '../../../client/cli/table.ts';
import { decodeJob } from '../../../client/decode-job.ts';
import { RenderfarmError } from '../../../client/errors.ts';
import { failedJob, jobId, publishedJob, runningJob, wireJob } from '../../helpers/wire-jobs.ts';

test('Times and sizes read as people write them', () => {
  assert.deepEqual([0, 7_400, 123_000, 3_723_000].map(clockText), ['0:00', '0:07', '2:03', '1:02:03']);
  assert.deepEqual([0, 512, 1_536, 150 * 1024, 2.5 * 1024 ** 3, 3_000 * 1024 ** 4].map(bytesText), [
    '0 B',
    '512 B',
    '1.5 KiB',
    '150 KiB',
    '2.5 GiB',
    '3000 TiB',
  ]);
});

test('Text of others cannot steer the terminal', () => {
  assert.equal(safeText('a\u001b[2Jb\u202Ec\nd'), 'a\uFFFD[2Jb\uFFFDc\uFFFDd');
  assert.equal(safeText('👨‍👩‍👧 ü'), '👨‍👩‍👧 ü');
});

test('A table is as wide as its widest cells, also with wide characters', () => {
  assert.deepEqual(
    tableLines(
      ['A', 'B', 'C'],
      [
        ['日本', 'x', ''],
        ['ab', '', 'end'],
      ],
    ),
    ['A     B  C', '日本  x  -', 'ab    -  end'],
  );
});

test('A job says where it is', () => {
  const etaMs = { eta: { seconds: 190, nanos: 0 } };
  assert.equal(stateText(decodeJob(runningJob(42, etaMs))), 'running 42% on pc1, 3:10 left');
  assert.equal(
    stateText(decodeJob(wireJob({ reason: 'no agent takes 4k_queue' }))),
    'waiting: no agent takes 4k_queue',
  );
  assert.equal(stateText(decodeJob(publishedJob())), 'published \\\\nas\\Share\\Output\\Kids TV.mp4');
  const loudness = { integrated: -14.04, range: undefined, truePeak: -1.5 };
  const rich = decodeJob({ ...publishedJob(), contactSheetPath: 'S', previewPath: 'P', loudness });
  const published = 'published \\\\nas\\Share\\Output\\Kids TV.mp4';
  const beside = '(with contact sheet and preview; -14.0 LUFS, true peak -1.5 dBTP)';
  assert.equal(stateText(rich), `${published} ${beside}`);
  const told = [{ at: new Date(0), what: 'published', detail: rich.outputPath ?? '' }];
  assert.equal(
    changeLine({ job: rich, news: told }),
    `${jobId}  ${published} ${beside}`,
    'the path is said once',
  );
  assert.equal(stateText(decodeJob(failedJob())), 'failed: Failed to copy 1 files: clip.mp4');
  const news = [{ at: new Date(0), what: 'started', detail: 'on pc1' }];
  assert.equal(
    changeLine({ job: decodeJob(runningJob(1)), news }),
    `${jobId}  running 1% on pc1  started on pc1`,
  );
  assert.deepEqual(problemLines(decodeJob(failedJob())), ['  item 3 clip.mp4: is not there [FILE_MISSING]']);
});

test('JSON has snake_case names, ISO times and no absent fields', () => {
  const line = jsonLine({
    enable4k: true,
    is4k: false,
    finalDurationMs: 5,
    at: new Date(0),
    none: undefined,
    loadAverage1m: 1,
  });
  assert.deepEqual(JSON.parse(line), {
    enable_4k: true,
    is_4k: false,
    final_duration_ms: 5,
    at: '1970-01-01T00:00:00.000Z',
    load_average_1m: 1,
  });
});

test('An error is one line with its code, and one for each problem', () => {
  const error = new RenderfarmError('INVALID_JOB', 'the job is not valid', {
    violations: [
      { field: 'items[3].duration', description: 'must be between 0.1 and 3600 s' },
      { field: '', description: 'is empty' },
    ],
    violationCount: 52,
  });
  assert.deepEqual(errorLines(error), [
    'renderfarm: the job is not valid [INVALID_JOB]',
    '  items[3].duration: must be between 0.1 and 3600 s',
    '  is empty',
    '  ... and 50 more',
  ]);
  assert.deepEqual(errorLines(new TypeError('oops')), [
    'renderfarm: oops [INTERNAL] (--verbose shows where)',
  ]);
});
