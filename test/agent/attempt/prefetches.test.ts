import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createFetchLane } from '../../../agent/attempt/fetch-lane.ts';
import { createPrefetches } from '../../../agent/attempt/prefetches.ts';
import { createScratchRoom } from '../../../agent/attempt/scratch-room.ts';
import { fetchItems } from '../../../agent/media/fetch.ts';
import type { ShareOperations } from '../../../agent/media/share-operations.ts';
import type { Announce, PrefetchReport } from '../../../proto/index.ts';
import { assignment, jobRef } from '../../helpers/agent-core.ts';
import { makeCacheRoom } from '../media/cache-room.ts';

const mib = 1024 ** 2;

type Report = Omit<PrefetchReport, 'kind'>;

/** Prefetches over a real share and cache; the probe takes anything for a film. */
async function prefetchRoom(t: TestContext) {
  const room = await makeCacheRoom();
  t.after(() => room[Symbol.asyncDispose]());
  const copied = new Map<string, number>();
  const call: ShareOperations['call'] = (request, options) =>
    room.operations.call(request, {
      ...options,
      onBytes: (bytes) => void copied.set('path' in request ? request.path : '', bytes),
    });
  const disk = { freeBytes: 1e12 };
  const cache = await room.open({
    operations: { ...room.operations, call },
    freeBytes: () => Promise.resolve(disk.freeBytes),
  });
  const ffprobe = join(room.folder, 'ffprobe');
  const probed = join(room.folder, 'probed');
  // Says when it begins and when it ends; long enough for another one to begin meanwhile, were it allowed to.
  const script = `echo begin >>'${probed}'; sleep 0.3; echo end >>'${probed}'; echo "no film" >&2; exit 1`;
  await writeFile(ffprobe, `#!/bin/sh\n${script}\n`);
  await chmod(ffprobe, 0o755);
  const lane = createFetchLane({ copies: 5 });
  const reports: Report[] = [];
  const prefetches = createPrefetches(
    {
      ...{ mounts: room.mounts, cache, fetchLane: lane, ffprobeVersion: 'x' },
      concurrency: { copy: 5, probe: 8, segments: 1 },
      ffmpeg: { ffmpeg: 'ffmpeg', ffprobe, versionText: 'x' },
      nowMs: () => performance.now(),
    },
    (report) => reports.push(report),
  );
  t.after(() => prefetches.stopAll());
  const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isSo())) await setImmediate();
  };
  const bytesOf = (name: string): number => copied.get(room.locate(name).localPath) ?? 0;
  const probes = async () => (await readFile(probed, 'utf8')).trim().split('\n');
  return { room, disk, cache, lane, prefetches, reports, until, bytesOf, probes };
}

function announce(jobId: string, ...names: readonly string[]): Announce {
  return {
    ...{ kind: 'announce', announcementId: `of-${jobId}`, jobId, channelName: 'C' },
    items: names.map((name, position) => ({ position, itemType: 'video', path: `\\\\nas\\Share\\${name}` })),
  };
}

test('an announcement that comes in the middle of a render is fetched at once: no clock has to move', async (t) => {
  const { room, lane, prefetches, reports, until, cache } = await prefetchRoom(t);
  await room.put('a.mp4', Buffer.alloc(8 * mib, 'a'));
  await room.put('b.mp4', Buffer.alloc(4 * mib, 'b'));
  lane.render();
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  prefetches.start(announce('late', 'a.mp4', 'b.mp4', 'a.mp4'));
  await until(() => reports.some(({ state }) => state !== 'fetching'));
  const { files, bytes, totalBytes } = reports.at(-1) ?? {};
  assert.deepEqual({ files, bytes, totalBytes }, { files: 3, bytes: 12 * mib, totalBytes: 12 * mib });
  assert.equal(cache.usedBytes(), 12 * mib);
  t.mock.timers.reset();
});

test('beside a render that began while the files came, they are probed one at a time', async (t) => {
  const { room, lane, prefetches, reports, until, bytesOf, probes } = await prefetchRoom(t);
  await room.put('a.mp4', Buffer.alloc(64 * mib, 'a'));
  await room.put('b.mp4', Buffer.alloc(mib, 'b'));
  prefetches.start(announce('next', 'a.mp4', 'b.mp4'));
  await until(() => bytesOf('a.mp4') > 0);
  lane.render();
  await until(() => reports.some(({ state }) => state !== 'fetching'));
  assert.deepEqual(await probes(), ['begin', 'end', 'begin', 'end']);
});

test('a prefetch under way stands still while an assigned job fetches, and goes on behind it', async (t) => {
  const { room, cache, lane, prefetches, reports, until, bytesOf } = await prefetchRoom(t);
  await room.put('next.mp4', Buffer.alloc(160 * mib));
  await room.put('mine.mp4', Buffer.alloc(32 * mib));
  prefetches.start(announce('next', 'next.mp4'));
  await until(() => bytesOf('next.mp4') > 0);
  const leave = lane.enter();
  const mine = await cache.acquire(room.locate('mine.mp4'));
  const [before] = [bytesOf('next.mp4')];
  await cache.acquire(await room.put('more.mp4', Buffer.alloc(32 * mib, 'm')));
  assert.equal(bytesOf('next.mp4'), before, 'not a byte while the job copied 32 MiB more');
  assert.ok(before < 160 * mib);
  leave();
  await until(() => reports.at(-1)?.bytes === 160 * mib);
  mine.release();
});

test('a withdrawn announcement ends its copies, gives the partial files back, and leaves whole ones unpinned', async (t) => {
  const { room, cache, prefetches, reports, until, bytesOf } = await prefetchRoom(t);
  await room.put('small.mp4', Buffer.alloc(mib));
  await room.put('large.mp4', Buffer.alloc(160 * mib));
  prefetches.start(announce('job', 'small.mp4', 'large.mp4'));
  await until(() => bytesOf('large.mp4') > 0 && cache.spareBytes() === mib);
  const told = reports.length;
  prefetches.stop('of-job', 'withdrawn');
  await cache.givenUp();
  await until(async () => (await room.parts()).length === 0);
  assert.equal(cache.usedBytes(), mib);
  assert.equal(cache.spareBytes(), mib);
  assert.equal(reports.length, told, 'the core has answered the withdrawal');
});

test('an assigned job that needs the room has it: the prefetch is stopped, and says why', async (t) => {
  const { room, disk, cache, prefetches, reports, until, bytesOf } = await prefetchRoom(t);
  await room.put('next.mp4', Buffer.alloc(160 * mib));
  const scratch = createScratchRoom({
    ...{ cache, workFolder: '/work', freeBytesMin: 0 },
    freeBytes: () => Promise.resolve(disk.freeBytes),
    otherSpareBytes: () => Promise.resolve(0),
    endHints: () => prefetches.giveWay(),
  });
  prefetches.start(announce('next', 'next.mp4'));
  await until(() => bytesOf('next.mp4') > 0);
  disk.freeBytes = 0;
  await assert.rejects(scratch.open(assignment(jobRef('job-a', 1))).demandSources(1), /too little room/u);
  assert.deepEqual(await room.parts(), []);
  assert.equal(reports.at(-1)?.state, 'failed');
  assert.match(reports.at(-1)?.message ?? '', /a job needs the room/u);
  assert.equal(await prefetches.giveWay(), false, 'there is nobody left to ask');
});

test('an assigned job takes over the copy of its announcement, at full speed', async (t) => {
  const { room, cache, lane, prefetches, until, bytesOf } = await prefetchRoom(t);
  await room.put('next.mp4', Buffer.alloc(160 * mib));
  const announced = announce('next', 'next.mp4');
  lane.render();
  prefetches.start(announced);
  await until(() => bytesOf('next.mp4') > 0);
  const leave = lane.enter();
  const fetching = fetchItems(announced.items, { mounts: room.mounts, cache });
  prefetches.stop('of-next', 'assigned');
  const fetched = await fetching;
  assert.equal(fetched.files[0]?.reused, true, 'nothing was copied twice');
  leave();
});

test('what was assigned and whose attempt has ended early gives its room back too', async (t) => {
  const { room, lane, prefetches, until, bytesOf } = await prefetchRoom(t);
  await room.put('next.mp4', Buffer.alloc(160 * mib));
  lane.render();
  prefetches.start(announce('next', 'next.mp4'));
  await until(() => bytesOf('next.mp4') > 0);
  prefetches.stop('of-next', 'assigned');
  assert.equal(await prefetches.giveWay(), true);
  // Nobody shares the copy: it is given up, and its file goes.
  while ((await room.parts()).length > 0) await setImmediate();
  assert.equal(await prefetches.giveWay(), false);
});
