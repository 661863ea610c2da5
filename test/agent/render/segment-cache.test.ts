import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import type { SegmentStore } from '../../../agent/render/segment-cache.ts';
import { openSegmentStore } from '../../../agent/render/segment-store.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const checked = { frames: 60, samples: 96_000, joinClass: 'c1' };
const origin = { source: '\\\\nas\\Clips\\a.mp4', videoId: 'v1' };

/** A key is a hash. */
function key(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

interface Site {
  readonly folder: string;
  readonly troubles: string[];
  /** A file of that content, outside of the cache. */
  readonly file: (content: string) => Promise<string>;
  readonly target: () => string;
  readonly open: (bytesMax?: number) => SegmentStore;
}

async function site(t: TestContext): Promise<Site> {
  const folder = await tempFolder(t);
  const troubles: string[] = [];
  let files = 0;
  const next = (): string => path.join(folder, `file-${(files += 1)}`);
  const cacheFolder = path.join(folder, 'cache');
  return {
    folder: cacheFolder,
    troubles,
    async file(content) {
      const file = next();
      await writeFile(file, content);
      return file;
    },
    target: next,
    open: (bytesMax = 1e9) =>
      openSegmentStore({
        ...{ folder: cacheFolder, bytesMax, madeBy: 'pc1' },
        onTrouble: (message, error) => troubles.push(`${message} ${String(error)}`),
      }),
  };
}

async function filesOf(folder: string, ending: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((one) => one.isFile() && one.name.endsWith(ending))
    .map((one) => path.join(one.parentPath, one.name));
}

test('What is kept is taken again as a link, by key and class, also after a start', async (t) => {
  const { folder, file, target, open, troubles } = await site(t);
  const store = open();
  const job = store.open({ jobId: 'j1' });
  assert.equal(await job.take({ key: key('a') }, target()), undefined);
  const made = await file('content');
  await job.keep(key('a'), made, checked, origin);
  await job.keep(key('a'), await file('other class'), { ...checked, joinClass: 'c2' }, origin);
  const to = target();
  assert.deepEqual(await job.take({ key: key('a'), joinClass: 'c1' }, to), { ...checked, from: 'local' });
  assert.equal(await readFile(to, 'utf8'), 'content');
  assert.equal((await stat(to)).ino, (await stat(made)).ino, 'nothing was copied');
  assert.equal(await job.take({ key: key('a'), joinClass: 'c3' }, target()), undefined);
  assert.deepEqual([await store.has(key('a')), await store.has(key('b'))], [true, false]);
  job.close();
  await store.close();

  const later = open();
  const next = later.open({ jobId: 'j2' });
  await next.take({ key: key('a'), joinClass: 'c1' }, target());
  const any = await next.take({ key: key('a') }, target());
  assert.equal(any?.joinClass, 'c1', 'of two classes the one that was used last');
  await next.keep(key('b'), await file('b'), { ...checked, joinClass: 'c2' }, origin);
  assert.equal(
    (await next.take({ key: key('a') }, target()))?.joinClass,
    'c2',
    'or the one that this PC makes',
  );
  const { local } = later.statistics();
  assert.deepEqual([local.entries, local.hits, local.misses, local.kept], [3, 3, 0, 1]);
  assert.deepEqual(await filesOf(folder, '.part'), []);
  assert.deepEqual(troubles, []);
});

test('A segment of another size, or after a start of other bytes, is dropped and counted', async (t) => {
  const { folder, file, target, open } = await site(t);
  const store = open();
  const job = store.open({ jobId: 'j1' });
  for (const name of ['cut', 'flipped', 'no record', 'whole']) {
    await job.keep(key(name), await file(`content of ${name}`), checked, origin);
  }
  await store.close();
  const mediaOf = async (name: string): Promise<string> =>
    (await filesOf(folder, '.media')).find((one) => path.basename(one).startsWith(key(name))) ?? '';
  await truncate(await mediaOf('cut'), 3);
  const flipped = await mediaOf('flipped');
  const bytes = await readFile(flipped);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await rm(flipped);
  await writeFile(flipped, bytes);
  for (const one of await filesOf(folder, '.json')) {
    if (path.basename(one).startsWith(key('no record'))) await writeFile(one, '{"key":');
  }
  await writeFile(path.join(folder, 'incoming', 'kept~9.part'), 'half');

  const later = open();
  const next = later.open({ jobId: 'j2' });
  for (const name of ['cut', 'flipped', 'no record']) {
    assert.equal(await next.take({ key: key(name) }, target()), undefined, name);
  }
  assert.notEqual(await next.take({ key: key('whole') }, target()), undefined);
  assert.equal(later.statistics().local.corrupt, 2);
  assert.equal(await mediaOf('cut'), '');
  assert.equal(await mediaOf('flipped'), '');
  assert.deepEqual(await filesOf(folder, '.part'), []);
});

test('The least recently used go when there are too many bytes, but never what a job uses', async (t) => {
  const { file, target, open, folder: cacheFolder } = await site(t);
  const folder = path.dirname(cacheFolder);
  const store = open(25);
  const [first, second] = [store.open({ jobId: 'j1' }), store.open({ jobId: 'j2' })];
  for (const name of ['a', 'b'])
    await first.keep(key(name), await file(`0123456789${name}`), checked, origin);
  await first.take({ key: key('a') }, target());
  first.close();
  await second.keep(key('c'), await file('0123456789c'), checked, origin);
  const there = async () => await Promise.all(['a', 'b', 'c'].map((name) => store.has(key(name))));
  assert.deepEqual(await there(), [true, false, true]);

  const third = store.open({ jobId: 'j3' });
  await third.take({ key: key('a') }, target());
  await third.keep(key('d'), await file('0123456789d'), checked, origin);
  assert.deepEqual(await there(), [true, false, true], 'all of it is in use: there is too much for a while');
  assert.equal(store.spareBytes(), 0);
  assert.equal(await store.giveUp(), false);
  second.close();
  await store.close();
  assert.deepEqual(await there(), [true, false, false], 'what is too much goes when it may');
  third.close();
  assert.equal(store.spareBytes(), 22);
  assert.equal(await store.giveUp(), false, 'other files are links of these: nothing would be free');
  for (const name of await readdir(folder)) if (name.startsWith('file-')) await rm(path.join(folder, name));
  assert.equal(store.spareBytes(), 22);
  assert.equal(await store.giveUp(), true);
  assert.equal(store.spareBytes(), 0);
  assert.equal(store.statistics().local.evicted, 4);
});

test('What is still taken or kept when its job is over is held by nobody', async (t) => {
  const { file, target, open } = await site(t);
  const store = open();
  const first = store.open({ jobId: 'j1' });
  await first.keep(key('a'), await file('0123456789'), checked, origin);
  first.close();
  const job = store.open({ jobId: 'j2' });
  const late = [
    job.take({ key: key('a') }, target()),
    job.keep(key('b'), await file('12345'), checked, origin),
  ];
  job.close();
  assert.notEqual((await Promise.all(late))[0], undefined);
  assert.equal(store.spareBytes(), 15);
  await store.close();
});

test('A segment that cannot be removed just now keeps no other one from going, then or later', async (t) => {
  const { folder, file, open, troubles } = await site(t);
  const store = open(15);
  const keep = async (name: string): Promise<void> => {
    const job = store.open({ jobId: name });
    await job.keep(key(name), await file(`0123456789${name}`), checked, origin);
    job.close();
  };
  await keep('a');
  const record = (await filesOf(folder, '.json'))[0] ?? '';
  await rm(record);
  // No file system removes a folder as a file: it stands for a file that somebody reads on Windows.
  await mkdir(record);
  await keep('b');
  assert.notEqual(troubles.length, 0);
  await keep('c');
  await keep('d');
  await store.close();
  assert.deepEqual([await store.has(key('b')), await store.has(key('d'))], [false, true]);
});

test('A job without the cache takes only what was made for itself, and what it makes replaces what was there', async (t) => {
  const { folder, file, target, open } = await site(t);
  const store = open();
  await store.open({ jobId: 'old' }).keep(key('a'), await file('doubtful'), checked, origin);
  const job = store.open({ jobId: 'new', noCache: true });
  assert.equal(await job.take({ key: key('a') }, target()), undefined);
  await job.keep(key('a'), await file('fresh'), checked, origin);
  assert.notEqual(await job.take({ key: key('a') }, target()), undefined, 'it goes on after a crash');
  const to = target();
  await store.open({ jobId: 'next' }).take({ key: key('a') }, to);
  assert.equal(await readFile(to, 'utf8'), 'fresh');
  assert.equal((await filesOf(folder, '.media')).length, 1);
});

test('A folder that cannot be written fails no job', async (t) => {
  const { folder, file, target, open, troubles } = await site(t);
  await writeFile(folder, 'a file where the folder should be');
  const job = open().open({ jobId: 'j1' });
  await job.keep(key('a'), await file('x'), checked, origin);
  assert.equal(await job.take({ key: key('a') }, target()), undefined);
  assert.match(troubles.join('\n'), /could not be kept/u);
});
