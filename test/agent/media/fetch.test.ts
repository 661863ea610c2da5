import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type FetchedFile, fetchItems } from '../../../agent/media/fetch.ts';
import type { ResolvedItem } from '../../../proto/agent-link.ts';
import { makeCacheRoom } from './cache-room.ts';

const item = (position: number, path: string, rest: Partial<ResolvedItem> = {}): ResolvedItem => ({
  position,
  itemType: 'video',
  path,
  ...rest,
});

describe('the files of a job', () => {
  test('come into its work folder under the names that the commands use', async () => {
    await using room = await makeCacheRoom();
    await room.put('intro.MOV', 'intro');
    await room.put('clips/a.mp4', 'a');
    await room.put('logo.webp', 'logo');
    await room.put('noext', 'x');
    const workFolder = join(room.folder, 'work');
    await mkdir(workFolder);
    const seen: string[] = [];
    const items = [
      item(0, '\\\\nas\\Share\\intro.MOV', { itemType: 'intro' }),
      item(3, '//NAS/share/clips/a.mp4', { logoPath: '\\\\nas\\Share\\logo.webp' }),
      item(7, '\\\\nas\\Share\\clips\\a.mp4', { logoPath: '\\\\nas\\Share\\logo.webp' }),
      item(9, '\\\\nas\\Share\\noext'),
    ];
    const cache = await room.open();
    const onFile = (file: FetchedFile): void => void seen.push(file.name);
    const result = await fetchItems(items, {
      mounts: room.mounts,
      cache,
      workFolder,
      platform: 'linux',
      onFile,
    });
    assert.deepEqual(result.problems, []);
    assert.equal(result.message, undefined);
    const names = ['intro_0.MOV', 'video_3.mp4', 'logo_3.png', 'video_7.mp4', 'logo_7.png', 'video_9'];
    assert.deepEqual(
      result.files.map((file) => file.name),
      names,
    );
    assert.deepEqual(seen.toSorted(), names.toSorted());
    assert.deepEqual((await readdir(workFolder)).toSorted(), names.toSorted());
    assert.equal(await readFile(join(workFolder, 'logo_7.png'), 'utf8'), 'logo');
    assert.equal((await stat(join(workFolder, 'video_3.mp4'))).nlink, 3, 'hard links, not copies');
    assert.equal(result.files.filter((file) => !file.reused).length, 4, 'each source once');
  });

  test('are all reused by the next job, and placed over what is there', async () => {
    await using room = await makeCacheRoom();
    await room.put('a.mp4', 'a');
    const workFolder = join(room.folder, 'work');
    await mkdir(workFolder);
    const options = { mounts: room.mounts, cache: await room.open(), platform: 'linux' };
    const items = [item(0, '\\\\nas\\Share\\a.mp4')];
    await fetchItems(items, options);
    await fetchItems(items, { ...options, workFolder });
    const again = await fetchItems(items, { ...options, workFolder });
    assert.equal(again.files[0]?.reused, true);
    assert.equal(again.files[0].path, join(workFolder, 'video_0.mp4'));
  });

  test('are pinned until they are released', async () => {
    await using room = await makeCacheRoom();
    await room.put('a.mp4', 'aaaa');
    await room.put('b.mp4', 'bbbb');
    const options = { mounts: room.mounts, cache: await room.open({ bytesMax: 6 }), platform: 'linux' };
    const held = await fetchItems([item(0, '\\\\nas\\Share\\a.mp4')], options);
    const next = await fetchItems([item(0, '\\\\nas\\Share\\b.mp4')], options);
    assert.equal(next.failureClass, 'environment');
    assert.equal(next.problems[0]?.code, 'CACHE_FULL');
    held.release();
    assert.deepEqual((await fetchItems([item(0, '\\\\nas\\Share\\b.mp4')], options)).problems, []);
  });
});

describe('what is wrong with the files', () => {
  test('is told at once, with position and path', async () => {
    await using room = await makeCacheRoom();
    await room.put('good.mp4', 'good');
    const items = [
      item(0, '\\\\nas\\Share\\good.mp4', { logoPath: '\\\\nas\\Share\\nologo.png' }),
      item(2, '\\\\nas\\Share\\gone.mp4'),
      item(4, '', { itemType: 'intro' }),
      item(5, '\\\\evil\\Share\\x.mp4'),
      item(6, '\\\\nas\\Share\\..\\..\\etc\\passwd'),
    ];
    const result = await fetchItems(items, {
      mounts: room.mounts,
      cache: await room.open(),
      platform: 'linux',
    });
    assert.deepEqual(
      result.problems.map(({ position, subject, code }) => ({ position, subject, code })),
      [
        { position: 0, subject: '\\\\nas\\Share\\nologo.png', code: 'FILE_MISSING' },
        { position: 2, subject: '\\\\nas\\Share\\gone.mp4', code: 'FILE_MISSING' },
        { position: 4, subject: '', code: 'PATH_MISSING' },
        { position: 5, subject: '\\\\evil\\Share\\x.mp4', code: 'PATH_OUTSIDE_SHARES' },
        { position: 6, subject: '\\\\nas\\Share\\..\\..\\etc\\passwd', code: 'PATH_MALFORMED' },
      ],
    );
    assert.equal(result.failureClass, 'input');
    assert.match(
      result.message ?? '',
      /^Failed to copy 5 files: logo of video at position 0: \\\\nas\\Share\\nologo\.png does not exist; /,
    );
    assert.match(result.message ?? '', /No path for intro at position 4/);
    assert.equal(result.files.length, 1);
  });

  test('opens with the old words when only paths are missing', async () => {
    await using room = await makeCacheRoom();
    const result = await fetchItems([item(3, ' ')], { mounts: room.mounts, cache: await room.open() });
    assert.equal(result.message, 'No path for video at position 3');
  });

  test('is the environment when only the share is at fault', async () => {
    await using room = await makeCacheRoom();
    const mounts = { assets: { roots: ['\\\\nas\\Share'], localPath: join(room.folder, 'not-mounted') } };
    const cache = await room.open();
    const result = await fetchItems([item(0, '\\\\nas\\Share\\a.mp4')], { mounts, cache, platform: 'linux' });
    assert.equal(result.failureClass, 'environment');
    assert.equal(result.problems[0]?.code, 'SHARE_UNREACHABLE');
  });

  test('does not matter any more once the job is cancelled', async () => {
    await using room = await makeCacheRoom();
    await room.put('a.mp4', 'aaaa');
    const cache = await room.open({ bytesMax: 4 });
    const signal = AbortSignal.abort(new Error('cancelled'));
    const options = { mounts: room.mounts, cache, platform: 'linux' };
    await assert.rejects(fetchItems([item(0, '\\\\nas\\Share\\a.mp4')], { ...options, signal }), /cancelled/);
    await room.put('b.mp4', 'bbbb');
    assert.deepEqual((await fetchItems([item(0, '\\\\nas\\Share\\b.mp4')], options)).problems, []);
  });
});
