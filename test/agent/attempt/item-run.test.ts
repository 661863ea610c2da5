import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import test from 'node:test';
import { runItem } from '../../../agent/attempt/item-run.ts';
import { scanSegments } from '../../../agent/media/segment-files.ts';
import type { SegmentStore } from '../../../agent/render/segment-cache.ts';
import type { AssignItem } from '../../../proto/index.ts';
import { openAttemptRoom } from '../../helpers/attempt-room.ts';
import { makeSignalClip } from '../../helpers/media.ts';

test('An item whose segment is on its way to a slow share is stopped at once', async (t) => {
  const room = await openAttemptRoom(t);
  const item = await room.item(
    3,
    await makeSignalClip({ size: '160x90', seconds: 0.5, signalAtSeconds: 0.2 }),
  );
  const { ref, job, limits } = room.assign([item]);
  room.attempts.start(room.assign([item]));
  const { manifest } = await room.reported('staged');
  const kept = await scanSegments(room.at('segments'));
  const segment = kept.find(({ joinClass }) => joinClass !== 'sound');
  assert.ok(segment !== undefined);

  const offered = Promise.withResolvers<undefined>();
  const { segments } = room.services;
  const slow = new Proxy(segments, {
    get(store, name: keyof SegmentStore) {
      if (name !== 'offered') return (store[name] as () => unknown).bind(store);
      return () => {
        offered.resolve(undefined);
        return new Promise<boolean>(() => undefined);
      };
    },
  });
  const abort = new AbortController();
  const assign: AssignItem = {
    kind: 'assign-item',
    item: { ref, position: 3, right: { term: 1, counter: 9 } },
    job: { ...job, items: [item] },
    ...{ frames: manifest.frames, segmentKey: segment.key },
    ...{ runMs: 60_000, stallMs: limits.stallMs, startStallMs: limits.startStallMs },
  };
  const running = runItem({
    assign,
    services: { ...room.services, segments: slow },
    scratch: room.services.scratch.open({ ref, job: assign.job }),
    signal: abort.signal,
  });
  await offered.promise;
  abort.abort(new Error('a job was assigned to this agent'));
  const { result, message } = await running;
  assert.deepEqual([result, message], ['stopped', 'a job was assigned to this agent']);
  assert.deepEqual(
    (await readdir(room.at('work'))).filter((name) => name.includes('item')),
    [],
  );
});
