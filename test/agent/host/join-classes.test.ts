import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type JoinClassOptions, probeJoinClasses } from '../../../agent/host/join-classes.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

/** A PC that renders Full HD only: 4K takes seconds and is found out in the same way. */
async function fullHdPc(
  t: TestContext,
): Promise<{ options: JoinClassOptions; troubles: string[]; folder: string }> {
  const folder = await tempFolder(t);
  const troubles: string[] = [];
  const options: JoinClassOptions = {
    lanes: [{}],
    encoderFor: (enable4k) => (enable4k ? undefined : { rung: 'libx264', threads: 1 }),
    ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: 'ffmpeg version 7.1' },
    fontSha256: 'impact',
    workFolder: join(folder, 'work'),
    signal: new AbortController().signal,
    onTrouble: (message) => troubles.push(message),
  };
  return { options, troubles, folder };
}

test('Equal PCs have the same classes; another FFmpeg, font or command is another class', async (t) => {
  const { options, troubles, folder } = await fullHdPc(t);
  const cachePath = join(folder, 'join-classes.json');
  const first = await probeJoinClasses({ ...options, cachePath });
  assert.deepEqual(
    first.map(({ enable4k, rateProfile }) => [enable4k, rateProfile]),
    [
      [false, 'studio'],
      [false, 'quality'],
    ],
  );
  assert.equal(new Set(first.map(({ id }) => id)).size, 2, 'each rate profile is a class of its own');
  assert.ok(!existsSync(options.workFolder), 'nothing is left of the test');

  const noFfmpeg = { ...options.ffmpeg, ffmpeg: join(folder, 'no-ffmpeg') };
  const kept = await probeJoinClasses({ ...options, ffmpeg: noFfmpeg, cachePath });
  assert.deepEqual(kept, first, 'what is kept is not rendered again');
  assert.deepEqual(await probeJoinClasses(options), first);

  const others: JoinClassOptions[] = [
    { ...options, cachePath, ffmpeg: { ...options.ffmpeg, versionText: 'ffmpeg version 5.1' } },
    { ...options, cachePath, fontSha256: 'anton' },
    { ...options, encoderFor: (enable4k) => (enable4k ? undefined : { rung: 'libx264', threads: 2 }) },
  ];
  for (const other of others) {
    const [studio] = await probeJoinClasses(other);
    assert.notEqual(studio?.id, first[0]?.id);
  }
  assert.deepEqual(troubles, []);
});

test('A PC whose cards differ has no class, nor has one whose test encode fails', async (t) => {
  const { options, troubles, folder } = await fullHdPc(t);
  const lanes = [{ gpuIndex: 0 }, { gpuIndex: 1 }];
  const differs = await probeJoinClasses({
    ...options,
    lanes,
    encoderFor: (enable4k, gpuIndex) =>
      enable4k ? undefined : { rung: 'libx264', threads: gpuIndex === 1 ? 2 : 1 },
  });
  assert.deepEqual(differs, []);
  const half = await probeJoinClasses({
    ...options,
    lanes,
    encoderFor: (enable4k, gpuIndex) => (enable4k || gpuIndex === 1 ? undefined : { rung: 'libx264' }),
  });
  assert.deepEqual(half, [], 'a kind that not every card renders');
  assert.deepEqual(troubles, [], 'both are no fault');

  const broken = join(folder, 'ffmpeg');
  await writeFile(broken, '#!/bin/sh\necho "Unknown encoder" >&2\nexit 1\n');
  await chmod(broken, 0o755);
  const failed = await probeJoinClasses({ ...options, ffmpeg: { ...options.ffmpeg, ffmpeg: broken } });
  assert.deepEqual(failed, []);
  assert.deepEqual(troubles, [
    'no join class for libx264, studio, Full HD',
    'no join class for libx264, quality, Full HD',
  ]);
  const noProbe = { ...options.ffmpeg, ffprobe: join(folder, 'none') };
  assert.deepEqual(await probeJoinClasses({ ...options, ffmpeg: noProbe }), []);
  assert.match(troubles.join('\n'), /are not known/u);
});
