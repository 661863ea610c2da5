import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { probeEncoders } from '../../../agent/host/encoder-probe.ts';
import { readFfmpegVersion } from '../../../agent/host/ffmpeg-version.ts';
import { listGpus } from '../../../agent/host/gpus.ts';
import { type StudioPc, studioPc } from '../../helpers/studio-pc.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'the stand-ins are shell scripts' : false;

/** What the PC stands on, and why not higher. */
async function ladderOf(pc: StudioPc, cachePath?: string) {
  const { gpus, fault } = await listGpus(pc.nvidiaSmi);
  const probe = await probeEncoders({
    ffmpeg: pc.ffmpeg,
    ffmpegVersion: (await readFfmpegVersion(pc.ffmpeg)).text,
    gpus,
    ...(cachePath === undefined ? {} : { cachePath }),
  });
  return {
    fault,
    stands: probe.encoders.map(({ rung, max, sessionsProbed }) => `${rung} ${max} x${sessionsProbed}`),
    failed: probe.failures.map(({ rung, size, category }) => `${rung} ${size}: ${category}`),
    reasons: probe.failures.map(({ reason }) => reason),
  };
}

async function pcOf(t: TestContext, rules: Parameters<StudioPc['fails']>[0] = []): Promise<StudioPc> {
  const pc = await studioPc(await tempFolder(t));
  await pc.fails(rules);
  return pc;
}

const noHardware = ['h264_qsv', 'h264_amf', 'h264_vaapi'].map((rung) => `${rung} 1080p: encoder-absent`);
const noNvenc = (category: string): string[] => [
  ...['h264_nvenc', 'h264_nvenc-no-level', 'h264_nvenc-plain'].map((rung) => `${rung} 1080p: ${category}`),
  ...noHardware,
];

describe('down the ladder', { skip }, () => {
  test('A card with everything stands on the first rung, with the sessions that it has', async (t) => {
    const pc = await pcOf(t);
    assert.deepEqual((await ladderOf(pc)).stands, ['h264_nvenc 2160p x3']);
    await pc.sessions(2);
    assert.deepEqual((await ladderOf(pc)).stands, ['h264_nvenc 2160p x2']);
  });

  for (const [version, recorded] of [
    ['5.1', '5.1/feature.temporal-aq'],
    ['9.0', '9.0/feature.temporal-aq'],
  ] as const) {
    test(`A GTX 750 without temporal AQ stands on the plain rung (FFmpeg ${version})`, async (t) => {
      const found = await ladderOf(await pcOf(t, [['* -temporal-aq 1 *', recorded]]));
      assert.deepEqual(found.stands, ['h264_nvenc-plain 2160p x3']);
      assert.deepEqual(found.failed, ['h264_nvenc 1080p: feature', 'h264_nvenc-no-level 1080p: feature']);
      assert.equal(found.reasons[0], '[h264_nvenc] Temporal AQ not supported');
    });
  }

  test('A card without B references stands on the plain rung', async (t) => {
    const pc = await pcOf(t, [['* -spatial-aq 1 *', '7.1/feature.b-references']]);
    const found = await ladderOf(pc);
    assert.deepEqual(found.stands, ['h264_nvenc-plain 2160p x3']);
    assert.match(found.reasons[0] ?? '', /B frames as references are not supported/u);
    assert.ok((await pc.asked()).some((call) => call.includes('-b_ref_mode disabled')));
  });

  test('A driver that takes no level has the rung without, and 4K where it fits is another rung', async (t) => {
    const pc = await pcOf(t, [
      ['* -level:v *h264_nvenc*', '7.1/feature.level'],
      ['*h264_nvenc* -level:v *', '7.1/feature.level'],
      ['*3840x2160*h264_nvenc*', '5.1/feature.size'],
    ]);
    const found = await ladderOf(pc);
    assert.deepEqual(found.stands, ['h264_nvenc-no-level 1080p x3', 'libx264 2160p x1']);
    assert.equal(
      found.reasons[0],
      '[h264_nvenc] InitializeEncoder failed: invalid param (8): Invalid Level.',
    );
  });

  for (const [what, recorded, category, words] of [
    ['a driver too old', '5.1/driver-too-old.api', 'driver-too-old', /Required: 11\.1 Found: 9\.1/u],
    ['a driver too old for 9.0', '9.0/driver-too-old.api', 'driver-too-old', /Required: 13\.1/u],
    [
      'no video encoder on the card (H100)',
      '5.1/encoder-absent.h100',
      'encoder-absent',
      /unsupported device/u,
    ],
    ['no NVENC in the build', '7.0/encoder-absent.not-built', 'encoder-absent', /Unrecognized option 'rc'/u],
    ['no driver', '5.1/encoder-absent.no-driver', 'encoder-absent', /Cannot load libcuda/u],
  ] as const) {
    test(`A PC with ${what} stands on libx264, remembers it and knows why`, async (t) => {
      const pc = await pcOf(t, [['*h264_nvenc*', recorded]]);
      const folder = await tempFolder(t);
      const found = await ladderOf(pc, join(folder, 'encoders.json'));
      assert.deepEqual(found.stands, ['libx264 2160p x1']);
      assert.deepEqual(found.failed, noNvenc(category));
      assert.match(found.reasons[0] ?? '', words);
      assert.deepEqual(await readdir(folder), ['encoders.json']);
    });
  }

  for (const recorded of ['5.1/sessions.client-key', '7.1/gpu-lost.unknown', '7.0/out-of-memory.encoder']) {
    test(`What may pass (${recorded}) is not remembered`, async (t) => {
      const pc = await pcOf(t, [['*h264_nvenc*', recorded]]);
      const folder = await tempFolder(t);
      const found = await ladderOf(pc, join(folder, 'encoders.json'));
      assert.deepEqual(found.stands, ['libx264 2160p x1']);
      assert.deepEqual(await readdir(folder), []);
      await pc.fails([]);
      assert.deepEqual((await ladderOf(pc, join(folder, 'encoders.json'))).stands, ['h264_nvenc 2160p x3']);
      assert.deepEqual(await readdir(folder), ['encoders.json']);
    });
  }

  test('Of two cards one is lost: the other is named, and so is what nvidia-smi says', async (t) => {
    const pc = await pcOf(t);
    await pc.cards(['0, NVIDIA GeForce RTX 5060 Ti, 572.16, 16311'], true);
    const { gpus, fault } = await listGpus(pc.nvidiaSmi);
    assert.deepEqual(
      gpus.map(({ name }) => name),
      ['NVIDIA GeForce RTX 5060 Ti'],
    );
    assert.match(fault ?? '', /GPU is lost/u);
  });
});
