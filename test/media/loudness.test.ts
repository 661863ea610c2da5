import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../../agent/process/run.ts';
import type { FfmpegContext } from '../../agent/render/ffmpeg.ts';
import { readLoudnessLine } from '../../agent/render/loudness-report.ts';
import { measureLoudness, notedLoudness } from '../../agent/render/measure-loudness.ts';
import { renderJob } from '../../agent/render/render-job.ts';
import type { RenderItem } from '../../agent/render/render-request.ts';
import type { Loudness } from '../../proto/render-options.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { findBeeps, findFlashes } from '../helpers/media-measure.ts';
import { prepareRender } from '../helpers/media-render.ts';

async function loudnessOf(file: string, ...from: string[]): Promise<Loudness | undefined> {
  let loudness: Loudness | undefined;
  const filter = 'ebur128=peak=true:framelog=verbose';
  await runProcess({
    file: 'ffmpeg',
    args: ['-hide_banner', '-nostats', ...from, '-i', file, '-map', '0:a', '-af', filter, '-f', 'null', '-'],
    onStderrLine: (line) => (loudness = readLoudnessLine(loudness, line)),
  });
  return loudness;
}

test('Quiet sound comes to -14 LUFS, silence stays as it is, and nothing moves', async () => {
  const picture = ['-f', 'lavfi', '-i', 'color=gray:s=160x90:r=30:d=2', '-f', 'lavfi', '-i'];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-shortest'];
  const quiet = await makeMedia('mp4', [...picture, 'sine=997:d=2,volume=-12dB,aformat=cl=mono', ...codecs]);
  const silent = await makeMedia('mp4', [...picture, 'anullsrc=d=2', ...codecs]);
  const signal = await makeSignalClip({ rate: '30', seconds: 2 });
  await using job = await prepareRender([{ file: quiet }, { file: silent }, { file: signal }]);
  const context: FfmpegContext = {
    request: job.request,
    log: { command: (entry) => job.commands.push(entry), stderr: () => undefined },
    signal: new AbortController().signal,
  };
  const sourceOf = ({ fileName, facts, position }: RenderItem) => {
    assert.ok(facts !== undefined);
    return { fileName, facts, notePath: path.join(job.folder, `note-${position}`) };
  };
  const items: RenderItem[] = [];
  for (const item of job.request.items) {
    items.push({ ...item, loudness: await measureLoudness(context, sourceOf(item)) });
  }
  assert.deepEqual(items[1]?.loudness, {}, 'silence has no level');
  const [first] = job.request.items;
  assert.ok(first !== undefined);
  const runs = job.commands.length;
  assert.deepEqual(await measureLoudness(context, sourceOf(first)), items[0]?.loudness);
  assert.equal(job.commands.length, runs, 'each content is measured once');
  const { versionText } = job.request.ffmpeg;
  assert.deepEqual(await notedLoudness(sourceOf(first), versionText), items[0]?.loudness);
  assert.equal(await notedLoudness(sourceOf(first), 'another FFmpeg'), undefined);

  const result = await renderJob(
    { ...job.request, items, loudnessReport: true },
    { signal: new AbortController().signal },
  );
  assert.ok(result.status === 'rendered', JSON.stringify(result));
  const codes = result.output.warnings.map(({ code, position }) => `${code} ${position ?? ''}`);
  assert.deepEqual(
    codes.filter((code) => code.startsWith('LOUDNESS')),
    ['LOUDNESS_UNKNOWN 2'],
  );
  const { file, frames, loudness } = result.output;
  assert.equal(frames, 180);
  const before = (await loudnessOf(quiet))?.integrated ?? 0;
  assert.ok(before < -20, `${before} LUFS before`);
  const { integrated = 0, truePeak = 0 } = (await loudnessOf(file, '-t', '2')) ?? {};
  assert.ok(Math.abs(integrated + 14) <= 0.3, `${integrated} LUFS`);
  assert.ok(truePeak <= -1, `${truePeak} dBTP`);
  assert.ok((loudness?.truePeak ?? 0) <= -1, `${loudness?.truePeak} dBTP of the whole`);
  const [flash = 0] = (await findFlashes(file)).filter((at) => at > 4);
  const [beep = 0] = (await findBeeps(file)).filter((at) => at > 4);
  assert.ok(Math.abs(flash - 5) < 1 / 60 + 0.001, `flash at ${flash}`);
  assert.ok(Math.abs(beep - 5) <= 0.005, `beep at ${beep}`);
});
