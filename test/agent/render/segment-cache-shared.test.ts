import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test, { type TestContext } from 'node:test';
import {
  findRecords,
  hashFile,
  mediaPath,
  recordPath,
  scanSegments,
} from '../../../agent/media/segment-files.ts';
import type { CleanSegmentsRequest } from '../../../agent/media/segment-share-protocol.ts';
import { createShareOperations, type ShareOperations } from '../../../agent/media/share-operations.ts';
import { ShareOperationError } from '../../../agent/media/share-process.ts';
import type { SegmentStore } from '../../../agent/render/segment-cache.ts';
import { openSharedTier, type SharedTierOptions } from '../../../agent/render/segment-cache-shared.ts';
import { openSegmentStore } from '../../../agent/render/segment-store.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const checked = { frames: 60, samples: 96_000, joinClass: 'c1' };
const origin = { source: '\\\\nas\\Clips\\a.mp4' };

function key(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

interface Pc {
  readonly store: SegmentStore;
  readonly troubles: string[];
  /** Makes a segment of that key with this content, as a job of its own. */
  readonly keep: (name: string, content: string) => Promise<void>;
  readonly target: () => string;
}

async function studio(t: TestContext) {
  const folder = await tempFolder(t);
  const root = path.join(folder, 'share', 'segments');
  await mkdir(root, { recursive: true });
  const pc = (agentId: string, options: Partial<SharedTierOptions> = {}): Pc => {
    const operations = createShareOperations({ concurrency: 4 });
    const troubles: string[] = [];
    const onTrouble = (message: string, error?: unknown): void =>
      void troubles.push(`${message}${error instanceof Error ? ` ${error.message}` : ''}`);
    const shared = openSharedTier({
      ...{ root, bytesMax: 1e9, owner: agentId, operations, onTrouble, silenceMs: 10_000 },
      ...options,
    });
    const own = path.join(folder, agentId);
    const store = openSegmentStore({ folder: own, bytesMax: 1e9, madeBy: agentId, shared, onTrouble });
    t.after(async () => {
      await store.close();
      await operations.stop();
    });
    let files = 0;
    const target = (): string => path.join(folder, `${agentId}-${(files += 1)}`);
    return {
      ...{ store, troubles, target },
      async keep(name, content) {
        const file = target();
        await writeFile(file, content);
        await store.open({ jobId: `job of ${agentId}` }).keep(key(name), file, checked, origin);
      },
    };
  };
  return { folder, root, pc };
}

async function partsIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.part'));
}

test('What one agent has rendered another takes, once over the share and then from its own disk', async (t) => {
  const { root, pc } = await studio(t);
  const [one, two] = [pc('pc1'), pc('pc2')];
  await one.keep('a', 'content');
  assert.equal(await one.store.offered(key('a'), 'c1'), true);
  assert.equal(await one.store.offered(key('b'), 'c1'), false, 'was never made');
  assert.deepEqual(
    [await two.store.has(key('a')), await two.store.hasShared(key('a')), await two.store.hasShared(key('b'))],
    [false, true, false],
  );
  const job = two.store.open({ jobId: 'j2' });
  const to = two.target();
  assert.deepEqual(await job.take({ key: key('a') }, to), { ...checked, from: 'shared' });
  assert.equal(await readFile(to, 'utf8'), 'content');
  assert.equal((await job.take({ key: key('a') }, two.target()))?.from, 'local');
  assert.equal(await job.take({ key: key('a'), joinClass: 'other' }, two.target()), undefined);
  assert.equal(await two.store.sharedId(), await one.store.sharedId());
  assert.notEqual(await one.store.sharedId(), undefined);
  assert.deepEqual(await partsIn(root), []);
  const { shared } = two.store.statistics();
  assert.deepEqual([shared?.hits, shared?.misses, shared?.corrupt, shared?.failed], [1, 1, 0, 0]);
  assert.deepEqual([...one.troubles, ...two.troubles], []);
});

test('Other bytes than the record says are found when they are taken, and dropped for all', async (t) => {
  const { folder, root, pc } = await studio(t);
  const [one, two] = [pc('pc1'), pc('pc2')];
  for (const name of ['flipped', 'cut', 'gone']) {
    await one.keep(name, `content of ${name}`);
    assert.equal(await one.store.offered(key(name), 'c1'), true);
  }
  const mediaOf = async (name: string): Promise<string> => {
    const [record] = await findRecords(root, key(name));
    return record === undefined ? '' : mediaPath(root, record);
  };
  await writeFile(await mediaOf('flipped'), 'content of flippeD');
  await writeFile(await mediaOf('cut'), 'con');
  await rm(await mediaOf('gone'));
  const job = two.store.open({ jobId: 'j2' });
  for (const name of ['flipped', 'cut', 'gone']) {
    assert.equal(await job.take({ key: key(name) }, two.target()), undefined, name);
    assert.deepEqual(await findRecords(root, key(name)), [], name);
  }
  assert.equal(two.store.statistics().shared?.corrupt, 2);
  assert.deepEqual(await partsIn(path.join(folder, 'pc2')), [], 'what came is not left lying');
  assert.equal(two.store.sharedState(), 'ready', 'a broken segment is no broken share');
  await one.keep('cut', 'content again');
  assert.equal(await one.store.offered(key('cut'), 'c1'), true);
  assert.equal((await job.take({ key: key('cut') }, two.target()))?.from, 'shared');
});

test('Many agents write the same segments at the same time, and every one is whole', async (t) => {
  const { root, pc } = await studio(t);
  const pcs = ['pc1', 'pc10', 'pc2', 'pc3'].map((agentId) => pc(agentId));
  const names = Array.from({ length: 12 }, (_, index) => `segment ${index}`);
  await Promise.all(
    pcs.map(async ({ keep }, index) => {
      // Of every third one each agent made other bytes: an encoder need not give the same ones twice.
      for (const [place, name] of names.entries()) {
        await keep(name, 'x'.repeat(10_000) + (place % 3 === 0 ? `${name} by ${index}` : name));
      }
    }),
  );
  for (const { store } of pcs)
    for (const name of names) assert.equal(await store.offered(key(name), 'c1'), true);
  for (const name of names) {
    const [record, ...more] = await findRecords(root, key(name));
    assert.ok(record !== undefined && more.length === 0);
    assert.equal((await hashFile(mediaPath(root, record))).sha256, record.sha256);
  }
  assert.deepEqual(await partsIn(root), []);
  assert.deepEqual(
    pcs.flatMap(({ troubles }) => troubles),
    [],
  );
});

test('A folder that is missing is never made; it is told once, left alone, and used when it is back', async (t) => {
  const { root, pc } = await studio(t);
  await rm(root, { recursive: true });
  const clock = { nowMs: 0 };
  const one = pc('pc1', { nowMs: () => clock.nowMs, restMs: 1000 });
  await one.keep('a', 'content');
  assert.equal(await one.store.offered(key('a'), 'c1'), false);
  const job = one.store.open({ jobId: 'j' });
  assert.equal(await job.take({ key: key('b') }, one.target()), undefined);
  assert.equal(one.store.sharedState(), 'resting');
  clock.nowMs = 2000;
  assert.equal(await job.take({ key: key('b') }, one.target()), undefined);
  assert.equal(one.troubles.length, 1, one.troubles.join('\n'));
  assert.match(one.troubles[0] ?? '', /shared segment cache .* cannot be used .*ENOENT/u);
  await assert.rejects(stat(root), { code: 'ENOENT' });

  await mkdir(root);
  assert.equal(await job.take({ key: key('b') }, one.target()), undefined);
  assert.equal(one.store.sharedState(), 'resting');
  clock.nowMs = 4000;
  await one.keep('b', 'content');
  assert.equal(await one.store.offered(key('b'), 'c1'), true);
  assert.match(one.troubles[1] ?? '', /is used again/u);
  assert.equal(one.troubles.length, 2);
  assert.ok((one.store.statistics().shared?.failed ?? 0) >= 2);
});

test('A hung folder holds a render up for one short silence, and then not at all', async (t) => {
  const { pc } = await studio(t);
  const hung = createShareOperations({
    command: { file: process.execPath, args: ['-e', 'process.stdin.resume()'] },
  });
  t.after(() => hung.stop());
  const asked: string[] = [];
  const operations: ShareOperations = {
    ...hung,
    call: (request, options) => {
      asked.push(request.op);
      return hung.call(request, options);
    },
  };
  const one = pc('pc1', { operations, silenceMs: 300 });
  await one.keep('a', 'content');
  assert.equal(await one.store.offered(key('a'), 'c1'), false);
  const job = one.store.open({ jobId: 'j' });
  for (let index = 0; index < 100; index += 1) {
    assert.equal(await job.take({ key: key(`${index}`) }, one.target()), undefined);
  }
  assert.equal((await job.take({ key: key('a') }, one.target()))?.from, 'local');
  assert.ok(asked.length <= 3, `nobody asks what does not answer: ${asked.join(', ')}`);
  assert.equal(one.troubles.length, 1);
});

test('A folder that is full takes nothing for a while, and gives all the same', async (t) => {
  const { pc } = await studio(t);
  const real = createShareOperations();
  t.after(() => real.stop());
  const disk = { isFull: true };
  const operations: ShareOperations = {
    ...real,
    call: (request, options) =>
      disk.isFull && request.op === 'place-segment'
        ? Promise.reject(new ShareOperationError('ENOSPC', 'no space left on device', 'target'))
        : real.call(request, options),
  };
  const clock = { nowMs: 0 };
  const [one, two] = [pc('pc1'), pc('pc2', { operations, nowMs: () => clock.nowMs, restMs: 1000 })];
  await one.keep('a', 'content');
  assert.equal(await one.store.offered(key('a'), 'c1'), true);
  for (const name of ['b', 'c']) {
    await two.keep(name, 'content');
    assert.equal(await two.store.offered(key(name), 'c1'), false);
  }
  assert.equal(two.store.sharedState(), 'resting');
  assert.equal((await two.store.open({ jobId: 'j' }).take({ key: key('a') }, two.target()))?.from, 'shared');
  assert.match(two.troubles.join('\n'), /^the shared segment cache .* takes nothing .*no space left[^\n]*$/u);
  Object.assign(disk, { isFull: false });
  clock.nowMs = 2000;
  await two.keep('d', 'content');
  assert.equal(await two.store.offered(key('d'), 'c1'), true);
  assert.equal(two.troubles.length, 1);
});

test('The shared folder is kept below its limit by one cleaner at a time, the least recently used first', async (t) => {
  const { root, pc } = await studio(t);
  const one = pc('pc1');
  for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
    await one.keep(name, name.repeat(10_000));
    assert.equal(await one.store.offered(key(name), 'c1'), true);
    await utimes(recordPath(root, { key: key(name), joinClass: 'c1' }), 1000 + index, 1000 + index);
  }
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const two = pc('pc2');
  assert.equal((await two.store.open({ jobId: 'j' }).take({ key: key('a') }, two.target()))?.from, 'shared');
  const own = path.join(root, 'incoming', 'pc9~1.part');
  const foreign = path.join(root, 'incoming', 'pc99~1.part');
  for (const part of [own, foreign]) await writeFile(part, 'half');
  await operations.call({ op: 'prepare-segments', root, owner: 'pc9' });
  assert.deepEqual(await partsIn(root), [path.join('incoming', 'pc99~1.part')]);
  await utimes(foreign, 1000, 1000);
  const orphan = path.join(root, key('e').slice(0, 2), `${key('e')}.c1-0123456789abcdef.media`);
  await mkdir(path.dirname(orphan), { recursive: true });
  await writeFile(orphan, 'no record');
  await utimes(orphan, 1000, 1000);

  const request: CleanSegmentsRequest = {
    ...{ op: 'clean-segments', root, owner: 'pc9', bytesMax: 30_000 },
    ...{ idleMs: 60_000, abandonedMs: 3_600_000 },
  };
  const lock = path.join(root, 'cleaning.lock');
  await writeFile(lock, 'another');
  assert.equal((await operations.call(request)).isOther, true);
  assert.equal((await scanSegments(root)).length, 5);
  await utimes(lock, 1000, 1000);
  const cleaned = await operations.call(request);
  assert.deepEqual([cleaned.isOther, cleaned.entries, cleaned.evicted], [false, 2, 2]);
  assert.ok(cleaned.bytes < 30_000 * 0.9);
  const there = (await scanSegments(root)).map(({ key: one }) => one);
  assert.deepEqual(there.toSorted(), [key('a'), key('d')].toSorted(), 'a was used a moment ago');
  assert.deepEqual(await partsIn(root), []);
  await assert.rejects(stat(lock), { code: 'ENOENT' });
  const none = await operations.call({ ...request, bytesMax: 1, idleMs: 3_600_000 * 24 * 36_500 });
  assert.deepEqual([none.entries, none.evicted], [2, 0], 'what is in use stays, though it is too much');
});
