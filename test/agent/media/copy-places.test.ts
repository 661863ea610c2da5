import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withPlace } from '../../../agent/media/copy-place.ts';
import { fetchItems } from '../../../agent/media/fetch.ts';
import { openGate } from '../../../agent/media/gate.ts';
import { createGrowthWaits } from '../../../agent/media/growth.ts';
import type { ShareOperations } from '../../../agent/media/share-operations.ts';
import { ShareOperationError } from '../../../agent/media/share-process.ts';
import type { ResolvedItem } from '../../../proto/agent-link.ts';
import { makeCacheRoom } from './cache-room.ts';

const growth = { settleMs: 0, quietMs: 30, limitMs: 60_000, lookMs: 5 };

/** Sources named `grows` do so until they are told to stop; counts the copies at a time. */
function growingShare(operations: ShareOperations) {
  let isGrowing = true;
  let looks = 0;
  const count = { now: 0, most: 0 };
  const call: ShareOperations['call'] = async (request, options) => {
    const grows = isGrowing && 'path' in request && request.path.includes('grows');
    if (request.op !== 'copy') {
      const answer = await operations.call(request, options);
      return grows && 'sizeBytes' in answer ? { ...answer, sizeBytes: 1_000 + looks++ } : answer;
    }
    count.now += 1;
    count.most = Math.max(count.most, count.now);
    try {
      if (grows) throw new ShareOperationError('SOURCE_GROWS', 'it was larger behind its copy');
      return await operations.call(request, options);
    } finally {
      count.now -= 1;
    }
  };
  return { count, stop: () => (isGrowing = false), operations: { ...operations, call } };
}

const names = ['grows-0.mp4', 'grows-1.mp4', 'a.mp4', 'b.mp4', 'c.mp4'];
const items: readonly ResolvedItem[] = names.map((name, position) => ({
  position,
  itemType: 'video',
  path: `\\\\nas\\Share\\${name}`,
}));

describe('sources that are waited for because they grow', () => {
  test('hold no place of those that could be copied, and count again when they are', async () => {
    await using room = await makeCacheRoom();
    for (const name of names) await room.put(name, name);
    const share = growingShare(room.operations);
    const cache = await room.open({ operations: share.operations, growth });
    const here: string[] = [];
    const result = await fetchItems(items, {
      ...{ cache, mounts: room.mounts, platform: 'linux', concurrency: 2 },
      onFile({ item }) {
        here.push(names[item.position] ?? '');
        if (here.length === 3) share.stop();
      },
    });
    assert.deepEqual(result.problems, []);
    assert.deepEqual(here.slice(0, 3).toSorted(), ['a.mp4', 'b.mp4', 'c.mp4']);
    assert.deepEqual(here.slice(3).toSorted(), ['grows-0.mp4', 'grows-1.mp4']);
    assert.equal(share.count.most, 2);
  });

  test('of another job hold no place of this one either', async () => {
    await using room = await makeCacheRoom();
    for (const name of names) await room.put(name, name);
    const share = growingShare(room.operations);
    const cache = await room.open({ operations: share.operations, growth });
    const options = { cache, mounts: room.mounts, platform: 'linux', concurrency: 1 };
    const theirs = fetchItems(items.slice(0, 1), options);
    const here = Promise.withResolvers<undefined>();
    const ours = fetchItems(
      [items[0], items[2]].flatMap((item) => item ?? []),
      {
        ...options,
        onFile: ({ item }) => {
          if (item.position === 2) here.resolve(undefined);
        },
      },
    );
    await here.promise;
    share.stop();
    assert.deepEqual([...(await theirs).problems, ...(await ours).problems], []);
  });

  test('are told at once to whoever asks for them while they are waited for', async () => {
    const waits = createGrowthWaits(growth);
    const stopping = new AbortController();
    const look = () => Promise.resolve({ sizeBytes: 1, changedAtNs: '1' });
    const source = { path: 'grows.mp4', sinceMs: 0, firstBytes: 1, look, isWanted: () => true };
    const waiting = waits.untilQuiet(source, stopping.signal);
    const told: string[] = [];
    for (const path of ['grows.mp4', 'other.mp4']) waits.onWait(path, () => told.push(path));
    assert.deepEqual(told, ['grows.mp4']);
    stopping.abort(new Error('the test is over'));
    await waiting.catch(() => undefined);
  });

  test('are given up with the fetch', async () => {
    await using room = await makeCacheRoom();
    for (const name of names) await room.put(name, name);
    const share = growingShare(room.operations);
    const cache = await room.open({ operations: share.operations, growth });
    const stop = new AbortController();
    const fetching = fetchItems(items, {
      ...{ cache, mounts: room.mounts, platform: 'linux', concurrency: 1, signal: stop.signal },
      onFile: ({ item }) => {
        if (item.position === 4) stop.abort(new Error('cancelled'));
      },
    });
    await assert.rejects(fetching, /cancelled/u);
    await cache.givenUp();
    assert.deepEqual(cache.waits(), []);
  });
});

describe('a place among copies', () => {
  test('that is asked for when all is over is nobody’s', async () => {
    const gate = openGate(1);
    let late: (() => Promise<void>) | undefined;
    await withPlace(gate, undefined, (place) => {
      place.leave();
      late = () => place.enter(undefined);
      return Promise.resolve();
    });
    await late?.();
    const leave = await gate.enter(AbortSignal.timeout(1_000));
    leave();
  });

  test('that comes when all is over is left again', async () => {
    const gate = openGate(1);
    let entering: Promise<void> | undefined;
    let other: (() => void) | undefined;
    await withPlace(gate, undefined, async (place) => {
      place.leave();
      other = await gate.enter();
      entering = place.enter(undefined);
    });
    other?.();
    await entering;
    const leave = await gate.enter(AbortSignal.timeout(1_000));
    leave();
  });

  test('is left once, however often that is said', async () => {
    const gate = openGate(1);
    const order: string[] = [];
    const other = Promise.withResolvers<undefined>();
    await withPlace(gate, undefined, async (place) => {
      place.leave();
      place.leave();
      const second = withPlace(gate, undefined, async () => {
        order.push('second');
        await other.promise;
      });
      const back = place.enter(undefined).then(() => order.push('back'));
      other.resolve(undefined);
      await Promise.all([second, back]);
    });
    assert.deepEqual(order, ['second', 'back']);
  });
});
