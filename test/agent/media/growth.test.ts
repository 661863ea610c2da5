import assert from 'node:assert/strict';
import { appendFile, utimes } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { createGrowthWaits } from '../../../agent/media/growth.ts';
import { createSettablePace } from '../../../agent/media/pace.ts';
import { changeOf } from '../../../agent/media/source-change.ts';
import { makeCacheRoom, whileCopied } from './cache-room.ts';

/** Long enough for a writer of these tests, and short enough to be waited for. */
const growth = { settleMs: 0, quietMs: 120, limitMs: 10_000, lookMs: 10 };

/** More than the child has read when it tells its first bytes. */
const bytes = 64 * 1024 * 1024;

describe('a source that still grows', () => {
  test('is waited for while it does, told of meanwhile, and copied whole', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('grows.mp4', Buffer.alloc(bytes));
    let pieces = 0;
    const write = async (): Promise<void> => {
      pieces += 1;
      await appendFile(source.localPath, 'more');
    };
    const operations = whileCopied(room.operations, write);
    const cache = await room.open({ operations, growth });
    const told = new Set<string>();
    const written: Promise<void>[] = [];
    // The writer goes on as soon as what it wrote before has been noticed.
    const watch = setInterval(() => {
      for (const { path, why } of cache.waits()) {
        assert.equal(path, source.localPath);
        told.add(why ?? '');
        const isNoticed = why?.includes(`${bytes + pieces * 4} bytes`) === true;
        if (isNoticed && pieces < 8) written.push(write());
      }
    }, 5);
    const file = await cache.acquire(source).finally(() => clearInterval(watch));
    await Promise.all(written);
    assert.equal(file.sizeBytes, bytes + 8 * 4);
    assert.equal(cache.usedBytes(), bytes + 8 * 4, 'the copies that were too short are gone');
    assert.deepEqual(await room.parts(), []);
    assert.ok(told.size > 0);
    for (const why of told) assert.match(why, /^still grows, 671088\d\d bytes now$/u);
    assert.deepEqual(cache.waits(), []);
  });

  test('is looked at until nothing has changed for as long as was asked, however long it grew before', async () => {
    const waits = createGrowthWaits({ settleMs: 0, quietMs: 60, limitMs: 60_000, lookMs: 5 });
    let looks = 0;
    let lastChangeMs = 0;
    const look = () => {
      looks += 1;
      if (looks <= 20) lastChangeMs = performance.now();
      return Promise.resolve({ sizeBytes: Math.min(looks, 20), changedAtNs: '1' });
    };
    const source = { path: '/mnt/a', sinceMs: performance.now(), firstBytes: 0, look, isWanted: () => true };
    const quiet = await waits.untilQuiet(source, new AbortController().signal);
    assert.equal(quiet.sizeBytes, 20);
    assert.ok(performance.now() - lastChangeMs >= 59, 'it was left alone long enough');
  });

  test('is noticed between two writes of a slow writer', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('slow.ts', 'first half');
    const copied = Promise.withResolvers<undefined>();
    const cache = await room.open({
      operations: {
        ...room.operations,
        call: async (request, options) => {
          const answer = await room.operations.call(request, options);
          if (request.op === 'copy') copied.resolve(undefined);
          return answer;
        },
      },
      growth: { ...growth, settleMs: 2_000 },
    });
    // The child is there: its start is no part of the time that is waited for.
    await room.operations.call({ op: 'check-mount', mountPath: room.sharePath });
    const acquiring = cache.acquire(source);
    await copied.promise;
    await appendFile(source.localPath, ', second half');
    assert.equal((await acquiring).sizeBytes, 'first half, second half'.length);
  });

  test('costs no second look when it was written long ago', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('old.mp4', 'old');
    const before = new Date(Date.now() - 3_600_000);
    await utimes(source.localPath, before, before);
    const cache = await room.open({ growth: { ...growth, settleMs: 3_600_000 } });
    assert.equal((await cache.acquire(source)).sizeBytes, 3);
  });

  test('is an error of the input when it never ends, with its sizes', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('endless.mp4', Buffer.alloc(bytes));
    const operations = whileCopied(room.operations, () => appendFile(source.localPath, 'more'));
    const cache = await room.open({ operations, growth: { ...growth, limitMs: 0 } });
    await assert.rejects(cache.acquire(source), {
      code: 'FILE_GROWS',
      failureClass: 'input',
      message: /endless\.mp4 is still being written \(67108864 bytes at first, 67108868 after 0 s\)$/u,
    });
    assert.deepEqual(await room.parts(), []);
    assert.equal(cache.usedBytes(), 0);
  });

  test('is given up at once when it is only fetched ahead, and when its job goes', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('grows.mp4', Buffer.alloc(bytes));
    const grows = () => whileCopied(room.operations, () => appendFile(source.localPath, 'more'));
    const endless = { ...growth, quietMs: 3_600_000, limitMs: 3_600_000 };
    const ahead = await room.open({ operations: grows(), growth: endless });
    const pace = createSettablePace();
    await assert.rejects(ahead.acquire(source, undefined, { pace }), { code: 'FILE_GROWS' });
    await ahead.close();

    const cache = await room.open({ operations: grows(), growth: endless });
    const job = new AbortController();
    const acquiring = cache.acquire(source, job.signal);
    const watch = setInterval(() => {
      if (cache.waits().length > 0) job.abort(new Error('cancelled'));
    }, 5);
    await assert.rejects(acquiring, /cancelled/u).finally(() => clearInterval(watch));
    await cache.givenUp();
    assert.deepEqual(cache.waits(), []);
    assert.deepEqual(await room.parts(), []);
  });
});

test('A later look that is larger or newer is growth; smaller or older is another file', () => {
  const before = { sizeBytes: 10, changedAtNs: '1700000000000000100' };
  const after = (sizeBytes: number, changedAtNs: string) => changeOf(before, { sizeBytes, changedAtNs });
  assert.equal(after(10, '1700000000000000100'), 'none');
  assert.equal(after(11, '1700000000000000101'), 'grows');
  assert.equal(after(11, '1700000000000000100'), 'grows');
  // A nanosecond: what a double cannot tell. Windows gives a file its size first, and fills it then.
  assert.equal(after(10, '1700000000000000101'), 'grows');
  assert.equal(after(9, '1700000000000000101'), 'other');
  assert.equal(after(10, '1700000000000000099'), 'other');
});
