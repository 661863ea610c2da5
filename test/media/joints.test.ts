import assert from 'node:assert/strict';
import test from 'node:test';
import { topLevelBoxes } from '../../agent/render/mp4-boxes.ts';
import { makeSignalClip } from '../helpers/media.ts';
import { ffprobe, findBeeps, findFlashes } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';

test('Clips of all rates and sound layouts become one file, exact to the frame and in step at every joint', async () => {
  const clips = await Promise.all([
    makeSignalClip({ rate: '24000/1001', size: '640x360' }),
    makeSignalClip({ rate: '24' }),
    makeSignalClip({ rate: '30000/1001', sound: { channels: 1, rate: 22_050 } }),
    makeSignalClip({ rate: '50', sound: 'none' }),
    makeSignalClip({ rate: '60', sound: { channels: 6, rate: 96_000 } }),
    makeSignalClip({ rate: '30', soundLaterSeconds: 0.3 }),
    makeSignalClip({ rate: '30', soundSeconds: 1.25 }),
    makeSignalClip({ rate: '25', soundSeconds: 2.1 }),
    makeSignalClip({ rate: '60', filters: "select='not(mod(n,3))+between(n,30,44)'" }),
    makeSignalClip({ rate: '25', extension: 'mkv' }),
    makeSignalClip({ rate: '25', extension: 'ts' }),
    makeSignalClip({ rate: '30' }),
  ]);
  await using job = await prepareRender(clips.map((file, index) => ({ file, title: `Clip ${index}` })));
  const output = await renderToFile(job);

  const frames = job.request.items.map(({ facts }) => {
    const stream = facts?.video[0];
    assert.ok(stream?.scan !== undefined && facts !== undefined);
    return Math.round((stream.scan.endSeconds - facts.containerStartSeconds) * 30);
  });
  const total = frames.reduce((sum, count) => sum + count, 0);
  for (const count of frames) assert.ok(count >= 41 && count <= 43, `${count} frames`);
  assert.equal(output.frames, total);

  const { streams, chapters } = await ffprobe(output.file);
  const video = streams.find((stream) => stream['codec_type'] === 'video') ?? {};
  const audio = streams.find((stream) => stream['codec_type'] === 'audio') ?? {};
  assert.deepEqual(
    [
      video['codec_name'],
      video['profile'],
      video['level'],
      video['pix_fmt'],
      video['width'],
      video['height'],
    ],
    ['h264', 'Main', 41, 'yuv420p', 1920, 1080],
  );
  assert.deepEqual(
    [video['r_frame_rate'], video['avg_frame_rate'], Number(video['nb_read_packets'])],
    ['30/1', '30/1', total],
  );
  assert.deepEqual(
    [video['color_range'], video['color_space'], video['color_transfer'], video['color_primaries']],
    ['tv', 'bt709', 'bt709', 'bt709'],
  );
  assert.deepEqual([audio['codec_name'], audio['sample_rate'], audio['channels']], ['aac', '48000', 2]);
  assert.ok(Math.abs(Number(audio['duration']) - total / 30) <= 1024 / 48_000);
  const boxes = await topLevelBoxes(output.file);
  assert.ok(boxes.indexOf('moov') < boxes.indexOf('mdat'), boxes.join(' '));
  assert.deepEqual(
    chapters.map(({ tags }) => tags?.title),
    clips.map((_, index) => `Clip ${index}`),
  );

  const flashes = await findFlashes(output.file);
  const beeps = await findBeeps(output.file);
  // A Matroska file's picture begins 21 ms after its zero, where the priming of its AAC is.
  const signals = job.request.items.map(
    ({ facts }) => 1 + (facts?.video[0]?.startSeconds ?? 0) - (facts?.containerStartSeconds ?? 0),
  );
  const starts = frames.map((_, index) => frames.slice(0, index).reduce((sum, count) => sum + count, 0) / 30);
  assert.equal(flashes.length, clips.length);
  const silent = 3;
  assert.equal(beeps.length, clips.length - 1);
  for (const [index, start] of starts.entries()) {
    // A flash is drawn at the nearest frame of 30 a second, so at most half a frame away.
    assert.ok(
      Math.abs((flashes[index] ?? 0) - start - (signals[index] ?? 0)) <= 1 / 60 + 0.001,
      `flash ${index} at ${flashes[index]}`,
    );
    if (index === silent) continue;
    const beep = beeps[index > silent ? index - 1 : index] ?? 0;
    const late = beep - start - (signals[index] ?? 0);
    assert.ok(Math.abs(late) <= 0.005, `beep of clip ${index} is ${late * 1000} ms late`);
  }
});
