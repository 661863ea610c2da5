import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AttemptFailedError } from '../../../agent/attempt/finished.ts';
import { createScratchRoom, workBytes } from '../../../agent/attempt/scratch-room.ts';
import { fetchItems } from '../../../agent/media/fetch.ts';
import { createSettablePace } from '../../../agent/media/pace.ts';
import type { ResolvedItem } from '../../../proto/index.ts';
import { assignment, jobRef } from '../../helpers/agent-core.ts';
import { type CacheRoom, makeCacheRoom } from '../media/cache-room.ts';

const mib = 1024 ** 2;
/** What any job needs at all. */
const least = 256 * mib;

function item(name: string, position = 0): ResolvedItem {
  return { position, itemType: 'video', path: `\\\\nas\\Share\\${name}` };
}

/** A disk of so many bytes that the cache alone fills. */
async function smallDisk(room: CacheRoom, diskBytes: number, endHints = () => Promise.resolve(false)) {
  const disk: { usedBytes(): number } = { usedBytes: () => 0 };
  const freeBytes = (): Promise<number> => Promise.resolve(diskBytes - disk.usedBytes());
  const cache = await room.open({ freeBytes });
  disk.usedBytes = () => cache.usedBytes();
  const scratch = createScratchRoom({
    ...{ cache, workFolder: '/work', freeBytesMin: 0, freeBytes, endHints },
    otherSpareBytes: () => Promise.resolve(0),
  });
  const fetch = (name: string) => fetchItems([item(name)], { mounts: room.mounts, cache, platform: 'linux' });
  return { cache, scratch, fetch };
}

const [a, b] = [assignment(jobRef('job-a', 1)), assignment(jobRef('job-b', 2))];

async function isShort(promise: Promise<void>): Promise<string> {
  const error: unknown = await promise.then(
    () => assert.fail('there was room'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AttemptFailedError);
  assert.equal(error.failure.failureClass, 'environment');
  assert.equal(error.failure.problems[0]?.code, 'SCRATCH_SPACE_SHORT');
  return error.message;
}

describe('the room of an attempt', () => {
  test('that is not there is told with the figures, and no byte is written', async () => {
    await using room = await makeCacheRoom();
    const { scratch } = await smallDisk(room, 300 * mib);
    const attempt = scratch.open(a);
    await attempt.demandSources(10 * mib);
    const result = { enable4k: false, frames: 30 * 60 };
    assert.match(
      await isShort(attempt.demandWork(result)),
      new RegExp(
        `\\(/work\\) has too little room: 0 bytes of sources and ${workBytes(result)} bytes of work may be needed, but \\d+ more bytes would leave -\\d+ free`,
        'u',
      ),
    );
    assert.deepEqual(await room.parts(), []);
  });

  test('is told until the last attempt of its job is over, whatever becomes of an earlier one', async () => {
    await using room = await makeCacheRoom();
    const { scratch } = await smallDisk(room, 10 * least);
    const earlier = scratch.open(a);
    scratch.open(assignment(jobRef('job-a', 2)));
    earlier.close();
    assert.deepEqual((await scratch.sample()).reserved, [{ jobId: 'job-a', bytes: least }]);
  });

  test('is not promised twice, and comes back when the attempt is over', async () => {
    await using room = await makeCacheRoom();
    const { scratch } = await smallDisk(room, least + 100 * mib);
    const [first, second] = [scratch.open(a), scratch.open(b)];
    const both = await Promise.allSettled([first.demandSources(50 * mib), second.demandSources(50 * mib)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    first.close();
    await second.demandSources(50 * mib);
  });

  test('is made by giving up what no job uses, the oldest first', async () => {
    await using room = await makeCacheRoom();
    const { scratch, fetch } = await smallDisk(room, least + 5 * mib);
    for (const name of ['old', 'used', 'new']) await room.put(name, Buffer.alloc(mib, name));
    for (const name of ['old', 'used', 'new']) (await fetch(name)).release();
    const used = await fetch('used');
    assert.equal((await scratch.sample()).availableBytes, least + 4 * mib, 'all but what is used');
    await scratch.open(a).demandSources(3 * mib);
    assert.equal((await readdir(join(room.cachePath, 'objects'))).length, 2, 'the old one was enough');
    assert.equal((await fetch('new')).files[0]?.reused, true);
    used.release();
  });

  test('counts for others what it may still write, until it is written', async () => {
    await using room = await makeCacheRoom();
    const { scratch } = await smallDisk(room, 4 * least);
    const attempt = scratch.open(a);
    const reserved = async () => (await scratch.sample()).reserved;
    assert.deepEqual(await reserved(), [{ jobId: 'job-a', bytes: least }], 'before it is measured');
    const result = { enable4k: false, frames: 30 * 30 };
    await attempt.demandWork(result);
    assert.deepEqual(await reserved(), [{ jobId: 'job-a', bytes: workBytes(result) }]);
    attempt.encoded(450);
    const [half] = await reserved();
    attempt.encoded(900);
    const [result0] = await reserved();
    assert.ok(half !== undefined && result0 !== undefined);
    assert.ok(half.bytes < workBytes(result) && result0.bytes < half.bytes && result0.bytes > 0);
    attempt.joined();
    assert.deepEqual(await reserved(), [{ jobId: 'job-a', bytes: 0 }]);
    attempt.close();
    assert.deepEqual(await reserved(), []);
  });

  test('is asked of a prefetch last of all, which gives its partial file back', async () => {
    await using room = await makeCacheRoom();
    const stopping = new AbortController();
    const ended = Promise.withResolvers<unknown>();
    const asked: string[] = [];
    const { cache, scratch } = await smallDisk(room, least + 300 * mib, async () => {
      asked.push('prefetch');
      stopping.abort(new Error('a job needs the room'));
      await ended.promise;
      return asked.length === 1;
    });
    await room.put('next.mp4', Buffer.alloc(256 * mib));
    const pace = createSettablePace();
    const prefetch = fetchItems([item('next.mp4')], {
      ...{ mounts: room.mounts, cache, platform: 'linux', signal: stopping.signal },
      ahead: () => ({ pace, end: () => undefined }),
      // In the middle of its copy it stands still: what it has is on the disk.
      onMeasured: () => undefined,
    });
    prefetch.catch((error: unknown) => ended.resolve(error));
    while ((await room.parts()).length === 0) await new Promise(setImmediate);
    pace.set('paused');
    const attempt = scratch.open(a);
    await attempt.demandSources(200 * mib);
    assert.deepEqual(asked, ['prefetch']);
    assert.deepEqual(await room.parts(), []);
    assert.equal(cache.usedBytes(), 0);
    assert.match(await isShort(attempt.demandSources(301 * mib)), /too little room/u);
  });
});

test('what a prefetch holds is given up for a job, and not for another prefetch', async () => {
  await using room = await makeCacheRoom();
  const cache = await room.open({ bytesMax: 3 * mib });
  const hint = (): { pace: ReturnType<typeof createSettablePace>; end(): void } => ({
    pace: createSettablePace(),
    end: () => undefined,
  });
  for (const name of ['x', 'y']) await room.put(name, Buffer.alloc(2 * mib, name));
  const options = { mounts: room.mounts, cache, platform: 'linux', ahead: hint };
  const held = await fetchItems([item('x')], options);
  assert.equal(cache.spareBytes(), 2 * mib, 'a job may have it');
  const other = await fetchItems([item('y')], options);
  assert.equal(other.problems[0]?.code, 'CACHE_FULL');
  held.release();
  assert.deepEqual((await fetchItems([item('y')], options)).problems, []);
});
