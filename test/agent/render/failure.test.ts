import assert from 'node:assert/strict';
import test from 'node:test';
import { explainFailure } from '../../../agent/render/failure.ts';
import { isFatalLine } from '../../../agent/render/fatal-lines.ts';
import type { FfmpegResult } from '../../../agent/render/ffmpeg.ts';
import { findCause } from '../../../agent/render/find-cause.ts';
import { explainSystemError } from '../../../agent/render/system-failure.ts';

/** As `runFfmpeg` tells it: what the words say is found among the error lines. */
function ended(changes: Partial<FfmpegResult>): FfmpegResult {
  const wordsCause = findCause(changes.errorLines ?? []);
  return {
    ...(wordsCause === undefined ? {} : { wordsCause }),
    cause: 'exited',
    succeeded: false,
    exitCode: 1,
    signalName: undefined,
    isForced: false,
    spawnError: undefined,
    spawnErrorCode: undefined,
    stderrTail: [],
    errorLines: [],
    stdout: '',
    stdoutCut: false,
    durationMs: 1,
    ...changes,
  };
}

const explain = (changes: Partial<FfmpegResult>) => {
  const { failureClass, code, message } = explainFailure(ended(changes), { label: 'video_3', position: 3 });
  return [failureClass, code, message];
};

test('The words of FFmpeg decide whose fault it is, its exit code only what is told', () => {
  assert.deepEqual(
    explain({ errorLines: ['[error] video_3.mp4: Invalid data found when processing input'] }),
    [
      'input',
      'SOURCE_UNREADABLE',
      'FFmpeg failed with return code 1 on video_3: [error] video_3.mp4: Invalid data found when processing input',
    ],
  );
  assert.deepEqual(explain({ errorLines: ['[h264_nvenc] [error] Cannot load libcuda.so.1'] }).slice(0, 2), [
    'environment',
    'ENCODER_UNAVAILABLE',
  ]);
  assert.deepEqual(explain({ errorLines: ["[error] No such filter: 'zscale'"] }).slice(0, 2), [
    'environment',
    'FFMPEG_UNSUITABLE',
  ]);
});

test('An encoder without a session left is told apart from one that is not there', () => {
  for (const words of ['out of memory (10): (no details)', 'incompatible client key (21): (no details)']) {
    const errorLines = [`[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: ${words}`];
    assert.deepEqual(explain({ errorLines }).slice(0, 2), ['environment', 'ENCODER_SESSION_LIMIT']);
  }
  const errorLines = ['[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: no encode device (1)'];
  assert.equal(explain({ errorLines })[1], 'ENCODER_UNAVAILABLE');
});

test('A full disk is told before the unreadable file that it causes', () => {
  const errorLines = [
    '[error] Error while decoding stream',
    '[error] av_interleaved_write_frame(): No space left on device',
  ];
  assert.deepEqual(explain({ errorLines }).slice(0, 2), ['environment', 'DISK_FULL']);
});

test('Unknown words are the job, with the last error as the reason', () => {
  assert.deepEqual(explain({ exitCode: 187, errorLines: ['[error] one', '[error] two'] }), [
    'job',
    'FFMPEG_FAILED',
    'FFmpeg failed with return code 187 on video_3: [error] two',
  ]);
});

test('A stall, a missing program and a kill by somebody else have their own names', () => {
  assert.deepEqual(explain({ cause: 'stalled', exitCode: undefined, signalName: 'SIGKILL' }).slice(0, 2), [
    'job',
    'FFMPEG_STALLED',
  ]);
  assert.deepEqual(explain({ cause: 'spawn-failed', spawnError: 'spawn ffmpeg ENOENT' }), [
    'environment',
    'FFMPEG_MISSING',
    'FFmpeg could not be started for video_3: spawn ffmpeg ENOENT',
  ]);
  assert.deepEqual(explain({ exitCode: undefined, signalName: 'SIGKILL' }), [
    'environment',
    'OUT_OF_MEMORY',
    'FFmpeg failed with return code SIGKILL on video_3: it was killed, most likely because memory ran out',
  ]);
});

test('Lines after which a segment must not be used are known, single concealed macroblocks are not among them', () => {
  assert.ok(isFatalLine('[mov @ 0x1] [error] stream 0, offset 0x30: partial file'));
  assert.ok(isFatalLine('[h264 @ 0x1] [error] Invalid NAL unit size (5 > 3).'));
  assert.ok(!isFatalLine('[h264 @ 0x1] [info] concealing 12 DC, 12 AC, 12 MV errors in P frame'));
});

test('Errors of the file system are the environment, anything else is a broken assumption', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  assert.equal(explainSystemError(full)?.code, 'DISK_FULL');
  assert.equal(
    explainSystemError(Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open' }))?.code,
    'FILE_ACCESS',
  );
  assert.equal(explainSystemError(new TypeError('x is undefined')), undefined);
});
