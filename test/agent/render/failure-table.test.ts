import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainDespiteSuccess, explainFailure } from '../../../agent/render/failure.ts';
import { type FailureCategory, failureKinds, failureRows } from '../../../agent/render/failure-table.ts';
import type { FfmpegResult } from '../../../agent/render/ffmpeg.ts';
import { causeOfExit, createCauseFinder, findCause } from '../../../agent/render/find-cause.ts';
import { recordedFailures } from '../../helpers/ffmpeg-says.ts';

function resultOf(lines: readonly string[], exitCode: number): FfmpegResult {
  const wordsCause = findCause(lines);
  return {
    ...{ cause: 'exited', succeeded: exitCode === 0, exitCode, signalName: undefined, isForced: false },
    ...{ spawnError: undefined, spawnErrorCode: undefined, stdout: '', stdoutCut: false, durationMs: 1 },
    ...{ stderrTail: lines.slice(-50), errorLines: lines.slice(0, 20) },
    ...(wordsCause === undefined ? {} : { wordsCause }),
  };
}

const recorded = recordedFailures();

for (const { name, category, lines, exitCode, from } of recorded) {
  test(`${name} (${from}) is what it is`, () => {
    const result = resultOf(lines, exitCode);
    const what = { label: 'video_3', position: 3 };
    const failure = exitCode === 0 ? explainDespiteSuccess(result, what) : explainFailure(result, what);
    const { failureClass, code } = failureKinds[category as FailureCategory];
    assert.deepEqual([failure?.failureClass, failure?.code], [failureClass, code], failure?.message);
    assert.equal(result.wordsCause?.category, category, 'by its words');
  });
}

test('Every category that words can tell has a recorded sample, and every sample a category', () => {
  const known = new Set(recorded.map(({ category }) => category));
  assert.deepEqual(
    [...new Set(failureRows.map(({ category }) => category))].filter((one) => !known.has(one)),
    ['storage'],
  );
  assert.deepEqual(
    [...known].filter((category) => !(category in failureKinds)),
    [],
  );
});

test('Every row is needed by a sample, or stands for what no machine here can be made to do', () => {
  const unused = failureRows.filter(
    ({ pattern }) => !recorded.some(({ lines }) => lines.some((line) => pattern.test(line))),
  );
  assert.deepEqual(
    unused.map(({ category }) => category),
    ['storage'],
  );
});

test('A cause is found however much is said before and after it', () => {
  const finder = createCauseFinder();
  finder.add('[h264_nvenc @ 0x1] [warning] Temporal AQ not supported');
  for (let line = 0; line < 5_000; line += 1) finder.add(`[error] Error while decoding stream #0:${line}`);
  finder.add('[error] av_interleaved_write_frame(): No space left on device');
  for (let line = 0; line < 5_000; line += 1) finder.add('[error] something else');
  assert.equal(finder.cause()?.category, 'disk-full');
});

test('Notes and warnings are no cause, but for what NVENC tells only so', () => {
  assert.equal(findCause(['[AVHWDeviceContext @ 0x1] [verbose] No VA display found for device']), undefined);
  assert.equal(findCause(['[Parsed_ass_0 @ 0x1] [info] fontselect: No such file or directory']), undefined);
  assert.equal(findCause(['[h264_nvenc @ 0x1] [verbose] Temporal AQ not supported'])?.category, 'feature');
});

test('Where the words say nothing the exit code does, also as Windows tells it', () => {
  const codes = [
    228, 244, 251, 243, 254, 4_294_967_268, 4_294_967_284, 3_199_971_767, 0xc0000135, 1, 187, 0xc0000005,
  ];
  assert.deepEqual(
    codes.map((code) => causeOfExit(code)?.category),
    [
      ...[
        'disk-full',
        'out-of-memory',
        'storage',
        'denied',
        'missing',
        'disk-full',
        'out-of-memory',
        'corrupt',
      ],
      ...['ffmpeg-version', undefined, undefined, undefined],
    ],
  );
  const silent = explainFailure(resultOf(['[error] something else'], 228), { label: 'join' });
  assert.deepEqual(
    [silent.code, silent.message],
    ['DISK_FULL', 'FFmpeg failed with return code 228 on join: [error] something else'],
  );
});

test('FFmpeg that hangs after it named a fault of its PC has that fault; after a fault of the source it has stalled', () => {
  const hung = (line: string) =>
    explainFailure(
      { ...resultOf([line], 1), cause: 'stalled', exitCode: undefined, signalName: 'SIGKILL' },
      {
        label: 'video_0',
      },
    );
  const lost = hung('[h264_nvenc @ 0x1] [error] EncodePicture failed!: generic error (20): ');
  assert.deepEqual([lost.failureClass, lost.code], ['environment', 'GPU_LOST']);
  assert.match(lost.message, /EncodePicture failed!.*; it stalled and was ended$/u);
  const stuck = hung('[error] Error while decoding stream #0:0: Invalid data found when processing input');
  assert.deepEqual([stuck.failureClass, stuck.code], ['job', 'FFMPEG_STALLED']);
});
