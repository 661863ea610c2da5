import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { probeMedia } from '../../../agent/media/probe.ts';
import { runProcess } from '../../../agent/process/run.ts';

let folder = '';
const at = (name: string): string => join(folder, name);

async function ffmpeg(...args: readonly string[]): Promise<void> {
  const result = await runProcess({
    file: 'ffmpeg',
    args: ['-nostdin', '-v', 'error', '-y', ...args],
    cwd: folder,
  });
  assert.ok(result.succeeded, result.stderrTail.join('\n'));
}

const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25:d=2'];
const sound = ['-f', 'lavfi', '-i', 'sine=r=22050:d=2'];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'renderfarm-probe-'));
  await ffmpeg(
    ...picture,
    ...sound,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-c:a',
    'aac',
    '-movflags',
    '+faststart',
    'clip.mp4',
  );
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=64x48', '-frames:v', '1', 'still.png');
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=64x48', '-frames:v', '1', 'still.jpg');
});
after(async () => rm(folder, { recursive: true, force: true }));

describe('a clip', () => {
  test('is told with its streams and their real ends', async () => {
    const facts = await probeMedia(at('clip.mp4'));
    const [video] = facts.video;
    const [audio] = facts.audio;
    assert.equal(facts.isImage, false);
    assert.equal(facts.containerDurationSeconds, 2);
    assert.equal(video?.codec, 'h264');
    assert.deepEqual([video.width, video.height, video.sampleAspectRatio, video.rotation], [320, 240, 1, 0]);
    assert.deepEqual(video.scan, { packets: 50, firstSeconds: 0, endSeconds: 2 });
    assert.deepEqual([audio?.codec, audio?.sampleRate, audio?.channels], ['aac', 22_050, 1]);
    assert.ok(Math.abs((audio?.scan?.endSeconds ?? 0) - 2) < 0.06);
    assert.equal(facts.hasPartialEnd, false);
    assert.deepEqual(facts.scanWarnings, []);
  });

  test('without sound has no sound', async () => {
    await ffmpeg('-i', 'clip.mp4', '-an', '-c', 'copy', 'silent.mkv');
    const facts = await probeMedia(at('silent.mkv'));
    assert.deepEqual(facts.audio, []);
    assert.equal(facts.video[0]?.scan?.packets, 50);
  });

  test('with cover art has it marked, and not scanned', async () => {
    await ffmpeg(
      '-i',
      'clip.mp4',
      '-i',
      'still.png',
      '-map',
      '0',
      '-map',
      '1',
      '-c',
      'copy',
      '-disposition:v:1',
      'attached_pic',
      'cover.mp4',
    );
    const { video } = await probeMedia(at('cover.mp4'));
    assert.deepEqual(
      video.map((stream) => [stream.isAttachedPicture, stream.scan?.packets]),
      [
        [false, 50],
        [true, undefined],
      ],
    );
  });

  test('that is anamorphic, turned, interlaced and tagged says so', async () => {
    const tags = [
      '-color_primaries',
      'bt709',
      '-color_trc',
      'bt709',
      '-colorspace',
      'bt709',
      '-color_range',
      'tv',
    ];
    const encode = ['-vf', 'setsar=4/3', '-c:v', 'libx264', '-x264-params', 'tff=1'];
    await ffmpeg(...picture, ...encode, ...tags, '-f', 'mov', 'flat.mov');
    await ffmpeg('-i', 'flat.mov', '-c', 'copy', '-metadata:s:v', 'rotate=90', 'turned.mov');
    const [video] = (await probeMedia(at('turned.mov'))).video;
    assert.ok(Math.abs((video?.sampleAspectRatio ?? 0) - 4 / 3) < 1e-9);
    // The muxer counts against the clock (its first pixel ends at the bottom left); ours is how a player turns it.
    assert.equal(video?.rotation, 270);
    assert.equal(video.colorMatrix, 'bt709');
    assert.equal(video.colorTransfer, 'bt709');
    assert.equal(video.colorPrimaries, 'bt709');
    assert.equal(video.fieldOrder, 'tt');
  });
});

describe('a still picture', () => {
  test('is recognised by its content, not by its name', async () => {
    await copyFile(at('still.jpg'), at('picture.mp4'));
    await copyFile(at('still.jpg'), at('nameless'));
    for (const name of ['picture.mp4', 'nameless']) {
      const facts = await probeMedia(at(name));
      assert.equal(facts.isImage, true, name);
      assert.equal(facts.formatName, 'jpeg_pipe');
      assert.equal(facts.containerDurationSeconds, undefined);
      assert.deepEqual([facts.video[0]?.width, facts.video[0]?.height], [64, 48]);
    }
  });

  test('is told how EXIF turns it', async () => {
    const jpeg = await readFile(at('still.jpg'));
    // APP1, big-endian TIFF, one entry: Orientation = 6 (turn right by a quarter).
    const exif = Buffer.from(
      'ffe10022' +
        '457869660000' +
        '4d4d002a00000008' +
        '0001' +
        '0112000300000001' +
        '00060000' +
        '00000000',
      'hex',
    );
    await writeFile(at('exif.jpg'), Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]));
    assert.equal((await probeMedia(at('exif.jpg'))).video[0]?.rotation, 90);
    assert.equal((await probeMedia(at('still.jpg'))).video[0]?.rotation, 0);
  });

  test('that cannot be decoded is refused', async () => {
    await copyFile(at('still.png'), at('broken.png'));
    await truncate(at('broken.png'), 60);
    await assert.rejects(probeMedia(at('broken.png')), { code: 'MEDIA_UNREADABLE' });
  });
});

describe('a file that is cut off', () => {
  test('in MP4 with its index first: the packets end too early', async () => {
    await copyFile(at('clip.mp4'), at('cut.mp4'));
    await truncate(at('cut.mp4'), 60_000);
    const facts = await probeMedia(at('cut.mp4'));
    assert.equal(facts.containerDurationSeconds, 2);
    assert.ok((facts.video[0]?.scan?.endSeconds ?? 2) < 1.5);
    assert.equal(facts.hasPartialEnd, true);
    assert.match(facts.scanWarnings.join('\n'), /partial file/);
    assert.doesNotMatch(facts.scanWarnings.join('\n'), /renderfarm-probe|0x5/);
  });

  test('in Matroska, AVI and MPEG-TS: the end is partial', async () => {
    for (const name of ['cut.mkv', 'cut.avi', 'cut.ts', 'cut.m2ts']) {
      await ffmpeg('-i', 'clip.mp4', '-c', 'copy', name);
      assert.equal((await probeMedia(at(name))).hasPartialEnd, false, `${name} while it is whole`);
      await truncate(at(name), 60_001);
      assert.equal((await probeMedia(at(name))).hasPartialEnd, true, name);
    }
  });

  test('without an index says what is missing', async () => {
    await ffmpeg('-i', 'clip.mp4', '-c', 'copy', 'late.mp4');
    await truncate(at('late.mp4'), 60_000);
    await assert.rejects(probeMedia(at('late.mp4')), { message: /Invalid data.*moov atom not found/ });
  });
});

describe('what is no media', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['zero bytes', '', /the file is empty \(0 bytes\)/],
    ['text', 'Hello, world.\n', /Invalid data|not taken/],
    ['a concat script', 'ffconcat version 1.0\nfile clip.mp4\n', /not taken/],
    ['a playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.mp4\n#EXT-X-ENDLIST\n', /not taken/],
    ['a drawing', '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG.*make a PNG/],
  ];
  for (const [name, content, reason] of cases) {
    test(`is refused with its reason: ${name}`, async () => {
      await writeFile(at('other.mp4'), content);
      await assert.rejects(probeMedia(at('other.mp4')), {
        code: 'MEDIA_UNREADABLE',
        failureClass: 'input',
        message: reason,
      });
    });
  }
});

describe('ffprobe itself', () => {
  test('that is not there is the environment', async () => {
    await assert.rejects(probeMedia(at('clip.mp4'), { ffprobe: at('no-ffprobe') }), {
      code: 'FFPROBE_FAILED',
      failureClass: 'environment',
    });
  });

  test('that hangs is ended', async () => {
    await writeFile(at('hang.sh'), '#!/bin/sh\nexec tail -f /dev/null\n', { mode: 0o755 });
    await assert.rejects(
      probeMedia(at('clip.mp4'), { ffprobe: at('hang.sh'), timeoutMs: 100 }),
      /did not end \(timed-out/,
    );
  });

  test('ends when it is aborted', async () => {
    const signal = AbortSignal.abort(new Error('withdrawn'));
    await assert.rejects(probeMedia(at('clip.mp4'), { signal }), /withdrawn/);
  });
});
