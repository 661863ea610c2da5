import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { inputArguments } from '../../agent/render/ffmpeg-arguments.ts';
import { makeMedia } from '../helpers/media.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** Decodes one frame of a file as a segment's command opens it; what FFmpeg complains of. */
async function complaintOf(cwd: string, name: string): Promise<string> {
  const args = ['-v', 'error', '-nostdin', ...inputArguments(name), '-frames:v', '1', '-f', 'null', '-'];
  return promisify(execFile)('ffmpeg', args, { cwd }).then(
    () => '',
    (error: unknown) => String((error as { stderr?: unknown }).stderr),
  );
}

test('A render opens every kind of still that the probe takes, under its own or a wrong extension', async (t) => {
  const folder = await tempFolder(t);
  for (const extension of ['png', 'jpg', 'webp', 'bmp', 'tiff', 'gif']) {
    const still = await makeMedia(extension, ['-f', 'lavfi', '-i', 'testsrc2=s=64x48:d=1', '-frames:v', '1']);
    for (const name of [`image_0.${extension}`, 'logo_0.png']) {
      await copyFile(still, join(folder, name));
      assert.equal(await complaintOf(folder, name), '', `${extension} as ${name}`);
    }
  }
});

test('A render opens no list of other files, whatever its name says', async (t) => {
  const folder = await tempFolder(t);
  const clip = await makeMedia('mp4', ['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=30:d=1']);
  await copyFile(clip, join(folder, 'secret.mp4'));
  const lists = {
    'video_0.mp4': '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp4\n#EXT-X-ENDLIST\n',
    'video_1.mp4': 'ffconcat version 1.0\nfile secret.mp4\n',
    'video_2.m3u8': '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp4\n#EXT-X-ENDLIST\n',
  };
  for (const [name, text] of Object.entries(lists)) {
    await writeFile(join(folder, name), text);
    assert.match(await complaintOf(folder, name), /not on whitelist|Invalid data/u, name);
  }
  assert.equal(await complaintOf(folder, 'secret.mp4'), '');
});
