import assert from 'node:assert/strict';
import { link, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCacheRoom } from './cache-room.ts';

test('Room on the disk is not made of what has a link elsewhere, which frees nothing', async () => {
  await using room = await makeCacheRoom();
  const [kept, other] = [await room.put('kept.mp4', 'kept'), await room.put('other.mp4', 'other')];
  const gone: string[] = [];
  let freeBytes = 1_000;
  const cache = await room.open({
    freeBytes: () => Promise.resolve(freeBytes),
    evictOther: () => {
      gone.push('other');
      return Promise.resolve(false);
    },
  });
  const [first, second] = [await cache.acquire(kept), await cache.acquire(other)];
  await link(first.path, join(room.folder, 'kept'));
  first.release();
  second.release();
  freeBytes = 0;
  assert.match((await cache.hold().demand({ sourceBytes: 0, workBytes: 1 })) ?? '', /would leave -1 free/u);
  assert.equal(cache.usedBytes(), 'kept'.length, 'it goes for nothing but the limit of the cache');
  assert.deepEqual(gone, ['other']);
  await unlink(join(room.folder, 'kept'));
  await cache.hold().demand({ sourceBytes: 0, workBytes: 1 });
  assert.equal(cache.usedBytes(), 0);
});
