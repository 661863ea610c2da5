import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import type { RenderRequest } from '../../agent/render/render-request.ts';
import type { RenderResult } from '../../agent/render/render-result.ts';
import { makeSignalClip } from '../helpers/media.ts';
import { prepareRender } from '../helpers/media-render.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'the stand-ins are shell scripts' : false;

interface Tried {
  readonly result: RenderResult;
  readonly stderr: readonly string[];
  /** Processes that the stand-in had started and named, those that still run. */
  readonly alive: readonly number[];
}

/** Renders a clip with a program in the place of FFmpeg; what is left of it afterwards. */
async function renderWith(
  t: TestContext,
  script: string,
  limits: Partial<RenderRequest> = {},
): Promise<Tried> {
  const folder = await tempFolder(t);
  const ffmpeg = path.join(folder, 'ffmpeg');
  const pids = path.join(folder, 'pids');
  await writeFile(ffmpeg, `#!/bin/sh\nPIDS='${pids}'\necho $$ >> "$PIDS"\n${script}\n`, { mode: 0o755 });
  await using job = await prepareRender([{ file: await makeSignalClip({ rate: '25' }) }], {
    ffmpeg: { ffmpeg, ffprobe: 'ffprobe', versionText: 'none' },
    stallMs: 400,
    startStallMs: 400,
    graceMs: 200,
    ...limits,
  });
  const result = await job.render();
  assert.deepEqual((await readdir(job.folder)).sort(), ['work'], 'nothing of a result is left');
  assert.deepEqual(await readdir(job.request.workFolder), ['video_0.mp4']);
  const named = (await readFile(pids, 'utf8')).split('\n').filter(Boolean).map(Number);
  return { result, stderr: job.stderr, alive: named.filter(isAlive) };
}

function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return false;
  try {
    return !/\) [ZX] /u.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
}

function failureOf({ result }: Tried) {
  assert.ok(result.status === 'failed', JSON.stringify(result));
  const { failureClass, code, position } = result.failure;
  return [failureClass, code, position];
}

test('FFmpeg that hangs before its first frame is ended, and named as stalled', { skip }, async (t) => {
  const tried = await renderWith(t, 'exec tail -f /dev/null');
  assert.deepEqual(failureOf(tried), ['job', 'FFMPEG_STALLED', 0]);
  assert.deepEqual(tried.alive, []);
});

test('FFmpeg that talks on and gets no further is ended', { skip }, async (t) => {
  const talk = 'while :; do echo frame=3; echo out_time_us=100000; echo progress=continue; sleep 0.05; done';
  const tried = await renderWith(t, talk);
  assert.deepEqual(failureOf(tried), ['job', 'FFMPEG_STALLED', 0]);
  assert.deepEqual(tried.alive, []);
});

test('FFmpeg that ignores SIGTERM, and what it has forked, are killed', { skip }, async (t) => {
  const deaf = `trap '' TERM INT HUP
(trap '' TERM INT HUP; while :; do sleep 1; done) & echo $! >> "$PIDS"
while :; do sleep 1; done`;
  const tried = await renderWith(t, deaf);
  assert.deepEqual(failureOf(tried), ['job', 'FFMPEG_STALLED', 0]);
  assert.deepEqual(tried.alive, []);
});

test('FFmpeg that floods stderr is kept by its last lines, and its words still decide', {
  skip,
}, async (t) => {
  const flood = `echo '[video_0.mp4 @ 0x1] [error] moov atom not found' >&2
i=0; line=$(printf '%0900d' 7); while [ $i -lt 4000 ]; do echo "[verbose] $line" >&2; i=$((i+1)); done; exit 1`;
  const tried = await renderWith(t, flood, { stallMs: 60_000, startStallMs: 60_000 });
  assert.deepEqual(failureOf(tried), ['input', 'SOURCE_UNREADABLE', 0]);
  assert.ok(tried.result.status === 'failed');
  assert.equal(tried.result.failure.stderrTail.length, 50);
  // All of it is for ffmpeg_stderr.txt.
  assert.equal(tried.stderr.length, 4001);
});

test('The words come first and the exit code second: 255 with and without them', { skip }, async (t) => {
  const told = await renderWith(
    t,
    "echo '[error] av_interleaved_write_frame(): No space left on device' >&2; exit 255",
  );
  assert.deepEqual(failureOf(told), ['environment', 'DISK_FULL', 0]);
  const silent = await renderWith(t, 'exit 255');
  assert.deepEqual(failureOf(silent), ['job', 'FFMPEG_FAILED', 0]);
  assert.ok(silent.result.status === 'failed');
  assert.match(silent.result.failure.message, /^FFmpeg failed with return code 255 on video_0/u);
  const killed = await renderWith(t, 'kill -9 $$');
  assert.deepEqual(failureOf(killed), ['environment', 'OUT_OF_MEMORY', 0]);
});

test('FFmpeg that found the disk full at the very end and leaves with 0 is a failure of its PC', {
  skip,
}, async (t) => {
  const says =
    'ffmpeg "$@"; echo \'[error] Error writing trailer of x.mov: No space left on device\' >&2; exit 0';
  const tried = await renderWith(t, says, { stallMs: 60_000, startStallMs: 60_000 });
  assert.deepEqual(failureOf(tried), ['environment', 'DISK_FULL', 0]);
});

test('FFmpeg that says it is done and has made nothing, or half of it, is no success', {
  skip,
}, async (t) => {
  const empty = await renderWith(t, 'echo progress=end; exit 0');
  assert.deepEqual(failureOf(empty), ['job', 'SEGMENT_WRONG', 0]);
  // Everything as asked for, but only ten frames of it.
  const fewer = `n=$#; i=0
for word; do shift; i=$((i+1)); [ $i -eq $n ] && set -- "$@" -frames:v 10; set -- "$@" "$word"; done
exec ffmpeg "$@"`;
  const short = await renderWith(t, fewer, { stallMs: 60_000, startStallMs: 60_000 });
  // Ours cannot tell a source that ended early from a program that stopped early.
  assert.deepEqual(failureOf(short), ['input', 'SOURCE_UNREADABLE', 0]);
});
