import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { openItemLoudness } from '../../../agent/attempt/item-loudness.ts';
import type { FfmpegInstall, SourceFile } from '../../../agent/render/render-request.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { clipFacts } from '../render/facts-of.ts';

const summary = `[Parsed_ebur128_2 @ 0x1] [info] Summary:
  Integrated loudness:
    I:         -20.0 LUFS
  True peak:
    Peak:       -6.0 dBFS
`;

test('Items of the same content are measured once, also at the same time', async (t) => {
  const workFolder = await tempFolder(t);
  const ffmpeg = path.join(workFolder, 'ffmpeg');
  await writeFile(path.join(workFolder, 'said'), summary);
  await writeFile(ffmpeg, '#!/bin/sh\ncat said >&2\n');
  await chmod(ffmpeg, 0o755);
  const measured: string[] = [];
  const loudness = openItemLoudness({
    cache: { notePath: (sha256) => path.join(workFolder, `${sha256}.json`) },
    ffmpeg: { ffmpeg, ffprobe: 'ffprobe', versionText: 'version' } satisfies FfmpegInstall,
    workFolder,
    limits: { stallMs: 60_000, startStallMs: 60_000 },
    signal: new AbortController().signal,
    commands: { command: ({ label }) => measured.push(label), stderr: () => undefined },
  });
  const of = (
    position: number,
    sha256: string,
    asks: { normalizeLoudness?: true } = { normalizeLoudness: true },
  ) =>
    loudness({ position, itemType: 'video', path: 'a', ...asks }, {
      fileName: `video_${position}.mp4`,
      facts: clipFacts(),
      sha256,
    } as SourceFile);
  const [first, second, other, not] = await Promise.all([of(0, 'a'), of(1, 'a'), of(2, 'b'), of(3, 'c', {})]);
  assert.deepEqual(measured.toSorted(), ['video_0.mp4 loudness', 'video_2.mp4 loudness']);
  assert.deepEqual(first, second);
  assert.equal(first?.integrated, -20);
  assert.deepEqual(other, first);
  assert.equal(not, undefined);
});
