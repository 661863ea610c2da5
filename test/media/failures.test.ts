import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { renderJob } from '../../agent/render/render-job.ts';
import { makeSignalClip } from '../helpers/media.ts';
import { prepareRender } from '../helpers/media-render.ts';
import { testSegments } from '../helpers/segment-store.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

test('All bad items are reported at once, by position and path, and nothing is rendered', async (t) => {
  const folder = await tempFolder(t);
  const good = await makeSignalClip({ rate: '25' });
  const empty = path.join(folder, 'empty.mp4');
  const cut = path.join(folder, 'cut.mkv');
  const text = path.join(folder, 'text.mp4');
  const matroska = await readFile(await makeSignalClip({ rate: '25', extension: 'mkv', seconds: 4 }));
  await writeFile(empty, '');
  await writeFile(cut, matroska.subarray(0, Math.floor(matroska.length * 0.5)));
  await writeFile(text, 'This is no video.');
  await using job = await prepareRender([
    { file: good },
    { file: empty },
    { file: cut },
    { file: text, logo: text },
  ]);
  const result = await job.render();
  assert.equal(result.status, 'rejected');
  assert.deepEqual(
    result.problems.map(({ position, code }) => [position, code]),
    [
      [2, 'DURATION_UNKNOWN'],
      [4, 'SOURCE_TRUNCATED'],
      [6, 'DURATION_UNKNOWN'],
      [6, 'LOGO_UNREADABLE'],
    ],
  );
  assert.match(result.problems[0]?.message ?? '', /^Could not get duration for \\\\nas\\Share\\empty\.mp4/u);
  assert.deepEqual(job.commands, []);
});

test('A clip that breaks after it was probed fails its job as input, with the words of FFmpeg', async () => {
  await using job = await prepareRender([{ file: await makeSignalClip({ rate: '25' }) }]);
  const [item] = job.request.items;
  assert.ok(item !== undefined);
  const source = path.join(job.request.workFolder, 'video_8.mp4');
  await writeFile(source, 'gone bad');
  const request = { ...job.request, items: [{ ...item, fileName: 'video_8.mp4' }] };
  const result = await renderJob(request, { signal: new AbortController().signal });
  assert.equal(result.status, 'failed');
  assert.equal(result.failure.failureClass, 'input');
  assert.equal(result.failure.position, 0);
  assert.match(
    result.failure.message,
    /^FFmpeg failed with return code \d+ on video_0: .*moov atom not found/u,
  );
  assert.ok(result.failure.stderrTail.length > 0);
  assert.deepEqual((await readdir(job.folder)).sort(), ['work']);
  assert.deepEqual(
    (await readdir(job.request.workFolder)).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('A missing FFmpeg is the fault of the PC', async () => {
  const file = await makeSignalClip({ rate: '25' });
  await using job = await prepareRender([{ file }], {
    ffmpeg: { ffmpeg: '/nowhere/ffmpeg', ffprobe: 'ffprobe', versionText: 'none' },
  });
  const result = await job.render();
  assert.equal(result.status, 'failed');
  assert.deepEqual([result.failure.failureClass, result.failure.code], ['environment', 'FFMPEG_MISSING']);
});

test('An abort in the middle ends FFmpeg and leaves nothing half-done', async () => {
  const file = await makeSignalClip({ rate: '30', size: '640x360', seconds: 60 });
  await using job = await prepareRender([{ file }, { file }]);
  const abort = new AbortController();
  const result = await job.render({ signal: abort.signal, onFirstFrame: () => abort.abort() });
  assert.equal(result.status, 'aborted');
  assert.equal(result.used.segmentsRendered, 0);
  assert.deepEqual((await readdir(job.folder)).sort(), ['work']);
  const left = (await readdir(job.request.workFolder)).sort();
  assert.deepEqual(left, ['video_0.mp4', 'video_2.mp4']);
});

test('The second run of a job renders no segment; a job with one item changed renders one', async (t) => {
  const folder = await tempFolder(t);
  const clips = [await makeSignalClip({ rate: '25' }), await makeSignalClip({ rate: '30' })] as const;
  const segmentCache = testSegments(path.join(folder, 'segments'));
  const run = async (text: string) => {
    await using job = await prepareRender([{ file: clips[0] }, { file: clips[1], text }], { segmentCache });
    let hasFrame = false;
    const result = await job.render({ onFirstFrame: () => (hasFrame = true) });
    assert.equal(result.status, 'rendered');
    assert.equal(hasFrame, result.output.used.segmentsRendered > 0);
    const joints = job.commands.filter(({ label }) => label === 'verify joints').length;
    const sounds = job.commands.filter(({ label }) => label === 'sound').length;
    return { ...result.output.used, joints, sounds, sizeBytes: (await stat(result.output.file)).size };
  };
  const first = await run('one');
  const second = await run('one');
  const third = await run('two');
  assert.deepEqual([first.segmentsRendered, first.segmentsReused, first.joints, first.sounds], [2, 0, 1, 1]);
  assert.deepEqual(
    [second.segmentsRendered, second.segmentsReused, second.joints, second.sounds],
    [0, 2, 0, 0],
  );
  assert.equal(second.framesEncoded, 0);
  assert.equal(second.sizeBytes, first.sizeBytes);
  assert.deepEqual([third.segmentsRendered, third.segmentsReused, third.joints, third.sounds], [1, 1, 1, 0]);
});
