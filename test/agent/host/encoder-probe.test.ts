import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type EncoderProbeOptions, probeEncoders } from '../../../agent/host/encoder-probe.ts';
import { type EncoderRung, encoderRung } from '../../../agent/render/encoder.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'renderfarm-encoders-'));
});
after(async () => rm(folder, { recursive: true, force: true }));

/** An FFmpeg that notes what it is asked, and fails where the arguments match. */
async function fakeFfmpeg(
  name: string,
  failsOn: string,
): Promise<{ ffmpeg: string; calls: () => Promise<readonly string[]> }> {
  const ffmpeg = join(folder, name);
  const log = `${ffmpeg}.log`;
  await writeFile(log, '');
  const script = `#!/bin/sh\necho "$*" >> '${log}'\ncase "$*" in ${failsOn}) echo "[enc @ 0x55d] Cannot load libcuda.so.1" >&2; exit 1;; esac\n`;
  await writeFile(ffmpeg, script, { mode: 0o755 });
  return {
    ffmpeg,
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== ''),
  };
}

const options = (more: Partial<EncoderProbeOptions>): EncoderProbeOptions => ({
  ffmpegVersion: 'ffmpeg version 1',
  gpus: [{ index: 0, name: 'RTX', driver: '1', memoryBytes: 1, slots: 1, sessions: 0 }],
  ...more,
});

test('a PC without a video encoder stands on libx264, and knows why the others failed', async () => {
  const probe = await probeEncoders(options({ ffmpeg: 'ffmpeg', gpus: [] }));
  const last = probe.encoders.at(-1);
  assert.equal(last?.max, '2160p');
  if (last.hardware) return; // A machine with a real encoder stops above.
  assert.equal(last.rung, 'libx264');
  assert.equal(last.sessionsProbed, 1);
  assert.ok(last.framesPerSecond > 0);
  assert.deepEqual(
    probe.failures.map((failure) => failure.rung),
    ['h264_nvenc', 'h264_nvenc-no-level', 'h264_nvenc-plain', 'h264_qsv', 'h264_amf', 'h264_vaapi'],
  );
  assert.match(probe.failures[0]?.reason ?? '', /libcuda|nvenc/i);
  assert.ok(probe.failures.every((failure) => failure.reason !== '' && !failure.reason.includes('0x')));
});

test('a card that refuses the level stands on the rung without it, with three sessions', async () => {
  const { ffmpeg, calls } = await fakeFfmpeg('no-level', '*h264_nvenc*-level:v*');
  const probe = await probeEncoders(options({ ffmpeg }));
  assert.deepEqual(
    probe.encoders.map(({ rung, max, hardware, sessionsProbed }) => ({
      rung,
      max,
      hardware,
      sessionsProbed,
    })),
    [{ rung: 'h264_nvenc-no-level', max: '2160p', hardware: true, sessionsProbed: 3 }],
  );
  assert.deepEqual(
    probe.failures.map(({ rung, size, reason }) => [rung, size, reason]),
    [['h264_nvenc', '1080p', '[enc] Cannot load libcuda.so.1']],
  );
  // One that fails; then 1080p, 2160p, the speed of both, two at once, three at once. A speed may be tried again: this
  // FFmpeg takes as long for few frames as for many.
  const all = await calls();
  assert.ok(all.length >= 1 + 4 + 2 + 3, `${all.length}`);
  assert.equal(all.filter((call) => call.includes('-level:v')).length, 1, 'what failed is not tried again');
});

test('a card that cannot do 2160p is joined by the next rung that can', async () => {
  const { ffmpeg } = await fakeFfmpeg('no-4k', '*3840x2160*h264_nvenc*');
  const probe = await probeEncoders(
    options({ ffmpeg, ladder: [encoderRung('h264_nvenc'), encoderRung('libx264')] }),
  );
  assert.deepEqual(
    probe.encoders.map(({ rung, max }) => [rung, max]),
    [
      ['h264_nvenc', '1080p'],
      ['libx264', '2160p'],
    ],
  );
});

test('the result is kept until FFmpeg, the driver, the card or the arguments change', async () => {
  const { ffmpeg, calls } = await fakeFfmpeg('kept', 'nothing');
  const cachePath = join(folder, 'cache', 'encoders.json');
  const base = options({ ffmpeg, cachePath, ladder: [encoderRung('libx264')] });
  const first = await probeEncoders(base);
  const once = (await calls()).length;
  assert.deepEqual(await probeEncoders(base), first);
  assert.equal((await calls()).length, once);
  const other: EncoderRung = { ...encoderRung('libx264'), uploadFilters: ['null'] };
  const changes: readonly Partial<EncoderProbeOptions>[] = [
    { ffmpegVersion: 'ffmpeg version 2' },
    { gpus: [{ index: 0, name: 'RTX', driver: '2', memoryBytes: 1, slots: 1, sessions: 0 }] },
    { gpus: [{ index: 0, name: 'GTX', driver: '1', memoryBytes: 1, slots: 1, sessions: 0 }] },
    { ladder: [other] },
  ];
  for (const [index, change] of changes.entries()) {
    await probeEncoders({ ...base, ...change });
    assert.equal((await calls()).length, once * (index + 2), JSON.stringify(change));
  }
  assert.deepEqual(await readdir(join(folder, 'cache')), ['encoders.json'], 'nothing half-written stays');
});

test('callers at the same time share one probe, and a damaged file is probed anew', async () => {
  const { ffmpeg, calls } = await fakeFfmpeg('shared', 'nothing');
  const cachePath = join(folder, 'shared.json');
  await writeFile(cachePath, '{"fingerprint":');
  const base = options({ ffmpeg, cachePath, ladder: [encoderRung('libx264')] });
  const [a, b] = await Promise.all([probeEncoders(base), probeEncoders(base)]);
  assert.deepEqual(a, b);
  assert.equal((await calls()).length, 4);
});

test('when nothing works, nothing is remembered', async () => {
  const { ffmpeg, calls } = await fakeFfmpeg('nothing-works', '*');
  const base = options({ ffmpeg, cachePath: join(folder, 'none.json'), ladder: [encoderRung('libx264')] });
  assert.deepEqual((await probeEncoders(base)).encoders, []);
  await probeEncoders(base);
  assert.equal((await calls()).length, 2);
});

test('a probe ends when it is aborted', async () => {
  const signal = AbortSignal.abort(new Error('the agent stops'));
  await assert.rejects(
    probeEncoders(options({ ladder: [encoderRung('libx264')], signal })),
    /the agent stops/,
  );
});
