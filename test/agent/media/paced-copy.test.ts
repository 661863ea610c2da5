import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createSettablePace } from '../../../agent/media/pace.ts';
import { createShareOperations, type ShareOperations } from '../../../agent/media/share-operations.ts';
import { makeCacheRoom } from './cache-room.ts';

const mib = 1024 ** 2;
const sizeBytes = 160 * mib;

/** Says how far the copies of these operations are. */
function watched(operations: ShareOperations) {
  const seen = { bytes: 0 };
  const call: ShareOperations['call'] = (request, options) =>
    operations.call(request, { ...options, onBytes: (bytes) => void (seen.bytes = bytes) });
  return { seen, operations: { ...operations, call } };
}

async function begun(seen: { readonly bytes: number }): Promise<void> {
  while (seen.bytes === 0) await setImmediate();
}

test('a copy for a hint stands still when it is told to, is not given up as silent, and goes on', async (t) => {
  await using room = await makeCacheRoom();
  const silenceMs = 2_000;
  const own = createShareOperations({ silenceMs });
  const { seen, operations } = watched(own);
  const cache = await room.open({ operations });
  const source = await room.put('a.mp4', Buffer.alloc(sizeBytes));
  const other = await room.put('other.mp4', Buffer.alloc(sizeBytes, 'o'));
  const pace = createSettablePace();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const copying = cache.acquire(source, undefined, { pace });
  copying.catch(() => undefined);
  await begun(seen);
  pace.set('paused');
  // While another file of that size comes whole. What was on its way when it was told to stop still comes.
  const copiedBeside = {
    path: other.localPath,
    mountPath: other.mountPath,
    target: join(room.folder, 'copy'),
  };
  await room.operations.call({ op: 'copy', ...copiedBeside });
  assert.ok(seen.bytes < sizeBytes / 2, `${seen.bytes} bytes came`);
  assert.equal(own.oldestOperationMs(), 0, 'nobody waits for the share');
  assert.deepEqual(own.underway(), []);
  // Longer than a share may be silent.
  t.mock.timers.tick(silenceMs + 300);
  pace.set('slow');
  assert.equal((await copying).sizeBytes, sizeBytes);
  await own.stop();
});

test('a share that is silent is given up, however often its copy is told another speed', async (t) => {
  const command = { file: process.execPath, args: ['-e', 'process.stdin.resume()'] };
  const own = createShareOperations({ silenceMs: 2_000, command });
  const pace = createSettablePace();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const copying = own.call({ op: 'copy', path: '/a', mountPath: '/', target: '/b' }, { pace });
  const stalled = assert.rejects(copying, { code: 'SHARE_STALLED' });
  while (own.underway().length === 0) await setImmediate();
  pace.set('paused');
  t.mock.timers.tick(60_000);
  pace.set('full');
  t.mock.timers.tick(1_500);
  pace.set('slow');
  t.mock.timers.tick(500);
  await stalled;
  await own.stop();
});

test('a job that wants the file of a paused copy does not wait for the pause', async () => {
  await using room = await makeCacheRoom();
  const { seen, operations } = watched(room.operations);
  const cache = await room.open({ operations });
  const source = await room.put('a.mp4', Buffer.alloc(sizeBytes));
  const pace = createSettablePace();
  const ahead = cache.acquire(source, undefined, { pace });
  await begun(seen);
  pace.set('paused');
  const file = await cache.acquire(source);
  assert.equal(file.reused, true, 'the copy was shared');
  assert.equal((await ahead).path, file.path);
});

test('paused copies of hints keep no copy of a job waiting', async () => {
  await using room = await makeCacheRoom();
  const own = createShareOperations({ concurrency: 1 });
  const { seen, operations } = watched(own);
  const cache = await room.open({ operations });
  const next = await room.put('next.mp4', Buffer.alloc(sizeBytes));
  const pace = createSettablePace();
  const gone = new AbortController();
  const ahead = cache.acquire(next, gone.signal, { pace });
  await begun(seen);
  pace.set('paused');
  const mine = await cache.acquire(await room.put('mine.mp4', 'mine'));
  assert.equal(mine.reused, false);
  gone.abort(new Error('withdrawn'));
  await assert.rejects(ahead, /withdrawn/u);
  await cache.givenUp();
  assert.deepEqual(await room.parts(), []);
  await own.stop();
});
