import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { planRender } from '../../../agent/render/plan.ts';
import { fullBoard } from '../../../agent/render/segment-board.ts';
import { startSoundLane } from '../../../agent/render/sound-lane.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { clipItem } from './facts-of.ts';

/** Encodes for ever; reads samples for ever, and takes its time to end. */
const fakeFfmpeg = `#!/bin/sh
case "$*" in *pipe:0*) exec sleep 600 ;; esac
trap 'sleep 0.3; : > reader-ended; exit 1' TERM
echo began >&2
while :; do sleep 0.05; done
`;

test('When the lane has stopped, nothing of it runs any more', {
  skip: process.platform === 'win32',
}, async (t) => {
  const workFolder = await tempFolder(t);
  const ffmpeg = path.join(workFolder, 'ffmpeg');
  await writeFile(ffmpeg, fakeFfmpeg, { mode: 0o755 });
  const items = [0, 1].map((position) => clipItem({ position, fileName: `video_${position}.mp4` }));
  const planned = planRender({ enable4k: false, items });
  assert.ok(planned.ok);
  const board = fullBoard(planned.plan);
  const began = Promise.withResolvers<undefined>();
  const lane = startSoundLane({
    context: {
      request: {
        ...{ workFolder, stallMs: 60_000, startStallMs: 60_000 },
        ffmpeg: { ffmpeg, ffprobe: 'ffprobe', versionText: 'test' },
      },
      log: {
        command: () => undefined,
        stderr: (label) => {
          if (label === 'samples') began.resolve(undefined);
        },
      },
      signal: new AbortController().signal,
    },
    board,
    take: () => Promise.resolve(false),
    onSeconds: () => undefined,
  });
  board.begin(0);
  board.done(0);
  await began.promise;
  await lane.stop();
  assert.deepEqual((await readdir(workFolder)).toSorted(), ['ffmpeg', 'reader-ended']);
});
