import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FetchedFile, fetchItems } from '../../../agent/media/fetch.ts';
import { prefetchItems } from '../../../agent/media/prefetch.ts';
import { ffprobeVersion, probeFiles } from '../../../agent/media/probe-files.ts';
import { runProcess } from '../../../agent/process/run.ts';
import type { ResolvedItem } from '../../../proto/agent-link.ts';
import { type CacheRoom, makeCacheRoom } from './cache-room.ts';

async function makeClips(room: CacheRoom): Promise<void> {
  const lavfi = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=10:d=1'];
  const files = [['clip.mp4'], ['-frames:v', '1', 'still.png']];
  for (const args of files) {
    const made = await runProcess({ file: 'ffmpeg', args: [...lavfi, ...args], cwd: room.sharePath });
    assert.ok(made.succeeded, made.stderrTail.join('\n'));
  }
  await room.put('text.mp4', 'not a clip');
  await room.put('empty.mp4', '');
}

const unc = (name: string): string => `\\\\nas\\Share\\${name}`;
const clip = (position: number, name: string, rest: Partial<ResolvedItem> = {}): ResolvedItem => ({
  position,
  itemType: 'video',
  path: unc(name),
  ...rest,
});

test('a prefetched job copies nothing and probes nothing', async () => {
  await using room = await makeCacheRoom();
  await makeClips(room);
  const cache = await room.open();
  const version = await ffprobeVersion();
  assert.match(version, /^ffprobe version \S+/);
  const items = [
    clip(0, 'clip.mp4', { logoPath: unc('still.png') }),
    clip(1, 'clip.mp4'),
    clip(2, 'still.png', { itemType: 'image' }),
  ];
  const options = { mounts: room.mounts, cache, version, platform: 'linux' };
  const prefetched: FetchedFile[] = [];
  const message = await prefetchItems(items, { ...options, onFile: (file) => prefetched.push(file) });
  assert.equal(message, undefined);
  const copied = prefetched.filter(({ reused }) => !reused);
  assert.equal(prefetched.length, 4);
  assert.ok(copied.length > 0 && copied.length < prefetched.length);

  const { files, release } = await fetchItems(items, options);
  assert.ok(files.every((file) => file.reused));
  const known = await probeFiles(files, options);
  assert.equal(known.probed, 0);
  assert.deepEqual([...known.facts.keys()], ['video_0.mp4', 'logo_0.png', 'video_1.mp4', 'image_2.png']);
  assert.equal(known.facts.get('video_1.mp4')?.video[0]?.scan?.packets, 10);

  const anew = await probeFiles(files, { ...options, version: 'ffprobe version 99' });
  assert.equal(anew.probed, 2, 'another ffprobe looks again, once per content');
  release();
});

test('all files that cannot be used are told at once, in the old words', async () => {
  await using room = await makeCacheRoom();
  await makeClips(room);
  const cache = await room.open();
  const items = [
    clip(0, 'clip.mp4', { logoPath: unc('text.mp4') }),
    clip(1, 'text.mp4'),
    clip(2, 'empty.mp4'),
  ];
  const options = { mounts: room.mounts, cache, version: 'v', platform: 'linux' };
  const { files } = await fetchItems(items, options);
  const result = await probeFiles(files, options);
  assert.deepEqual(
    result.problems.map((problem) => problem.position),
    [0, 1, 2],
  );
  assert.deepEqual([...result.facts.keys()], ['video_0.mp4']);
  assert.deepEqual([...result.errors.keys()], ['logo_0.png', 'video_1.mp4', 'video_2.mp4']);
  assert.match(
    result.problems[0]?.message ?? '',
    /^Could not get duration for \\\\nas\\Share\\text\.mp4 \(logo of video at position 0\): /,
  );
  assert.match(
    result.problems[2]?.message ?? '',
    /^Could not get duration for \\\\nas\\Share\\empty\.mp4 .*empty \(0 bytes\)/,
  );
  assert.equal(result.failureClass, 'input');
  assert.match(result.message ?? '', /^Could not get duration for /);
});

test('a note that is damaged is found out anew', async () => {
  await using room = await makeCacheRoom();
  await makeClips(room);
  const cache = await room.open();
  const options = { mounts: room.mounts, cache, version: 'v', platform: 'linux' };
  const { files } = await fetchItems([clip(0, 'clip.mp4')], options);
  await probeFiles(files, options);
  const note = cache.notePath(files[0]?.sha256 ?? '', 'facts');
  const text = await readFile(note, 'utf8');
  await room.put('x', '');
  await copyFile(join(room.sharePath, 'x'), note);
  assert.equal((await probeFiles(files, options)).probed, 1);
  assert.equal(await readFile(note, 'utf8'), text);
});
