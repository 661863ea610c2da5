import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { makeSignalClip } from '../helpers/media.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'the stand-in is a shell script' : false;

test('A card that has one session fewer than it was measured to have renders on with those it has', {
  skip,
}, async (t) => {
  const folder = await tempFolder(t);
  const ffmpeg = path.join(folder, 'ffmpeg');
  const lock = path.join(folder, 'session');
  const words = '[h264_nvenc @ 0x1] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)';
  const encode = `if mkdir '${lock}' 2>/dev/null; then ffmpeg "$@"; rc=$?; rmdir '${lock}'; exit $rc; fi`;
  const script = `case "$*" in *filter_complex*) ${encode}; echo '${words}' >&2; exit 1;; esac\nexec ffmpeg "$@"`;
  await writeFile(ffmpeg, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const file = await makeSignalClip({ seconds: 0.7, signalAtSeconds: 0.3 });
  await using job = await prepareRender([{ file }, { file }, { file }], {
    ffmpeg: { ffmpeg, ffprobe: 'ffprobe', versionText: 'none' },
    concurrency: 2,
  });
  const { used } = await renderToFile(job);
  assert.equal(used.segmentsRendered, 3);
  assert.ok(
    job.stderr.some((line) => line.includes('OpenEncodeSessionEx')),
    'two were tried at once',
  );
});
