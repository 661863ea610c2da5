import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Catalog } from '../../../controller/catalog/catalog.ts';
import { type FolderCatalogOptions, folderCatalog } from '../../../controller/catalog/folder-catalog.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const root = String.raw`\\nas\Clips\all`;

async function open(t: TestContext, files: readonly string[], changes: Partial<FolderCatalogOptions> = {}) {
  const path = join(await tempFolder(t), 'all');
  const add = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), 'x');
    }
  };
  await add(...files);
  const logged: { readonly fields: object; readonly message: string }[] = [];
  const say = (fields: object, message: string) => void logged.push({ fields, message });
  const log = { info: say, warn: say };
  const limits = { rescanMs: 300_000, rescanMinMs: 0, filesMax: 100, depthMax: 3 };
  return { path, add, logged, catalog: folderCatalog({ path, root, ...limits, log, ...changes }) };
}

async function resolve(catalog: Catalog, ids: readonly string[], how?: 'anew') {
  const { found, notes } = await catalog.resolve(ids, new AbortController().signal, how);
  return { found: Object.fromEntries([...found].map(([id, { path }]) => [id, path])), notes };
}

test('Videos are known by their names without extension, wherever they lie below the folder', async (t) => {
  const { catalog, logged } = await open(t, [
    'a.mp4',
    'x/y/b.c.MOV',
    'x/notes.txt',
    'x/.hidden.mp4',
    '.trash/d.mp4',
  ]);
  const { found } = await resolve(catalog, ['a', 'b.c', 'notes', '.hidden', 'd', '../a', 'x/y/b.c']);
  assert.deepEqual(found, { a: `${root}\\a.mp4`, 'b.c': `${root}\\x\\y\\b.c.MOV` });
  assert.equal(logged.length, 1);
  assert.equal((logged[0]?.fields as { videos?: number }).videos, 2);
});

test('An id that two files have is not guessed: it is unknown, and both are named', async (t) => {
  const { catalog, logged } = await open(t, ['a.mp4', 'x/a.mkv', 'y/a.mp4', 'b.mp4']);
  const { found, notes } = await resolve(catalog, ['a', 'b']);
  assert.deepEqual(Object.keys(found), ['b']);
  const note = notes?.get('a') ?? '';
  assert.match(note, /^more than one file has this name: /u);
  for (const path of ['a.mp4', 'x\\a.mkv', 'y\\a.mp4']) assert.ok(note.includes(`${root}\\${path}`), note);
  assert.equal(logged[0]?.message, 'the folder of the catalogue has files that no job can name');
});

test('An umlaut is the same however it is written', async (t) => {
  const { catalog } = await open(t, [`${'ü'.normalize('NFD')}.mp4`]);
  const { found } = await resolve(catalog, ['ü'.normalize('NFC'), 'ü'.normalize('NFD')]);
  assert.equal(Object.keys(found).length, 2);
});

test('Links are not followed, not even to a folder above', async (t) => {
  const { catalog, path } = await open(t, ['x/a.mp4']);
  const outside = await tempFolder(t);
  await writeFile(join(outside, 'secret.mp4'), 'x');
  await symlink(outside, join(path, 'link'));
  await symlink(join(outside, 'secret.mp4'), join(path, 'direct.mp4'));
  await symlink('..', join(path, 'x', 'up'));
  assert.deepEqual(Object.keys((await resolve(catalog, ['a', 'secret', 'direct'])).found), ['a']);
});

test('A file that is new is found at once, one that has moved when it is asked for anew', async (t) => {
  const { catalog, path, add } = await open(t, ['a.mp4']);
  assert.deepEqual(Object.keys((await resolve(catalog, ['a'])).found), ['a']);
  await add('new.mp4');
  await rename(join(path, 'a.mp4'), join(path, 'a.mov'));
  assert.deepEqual(Object.keys((await resolve(catalog, ['new'])).found), ['new']);
  await rename(join(path, 'a.mov'), join(path, 'a.mkv'));
  assert.equal(
    (await resolve(catalog, ['a'])).found['a'],
    `${root}\\a.mov`,
    'what is known is not scanned for',
  );
  assert.equal((await resolve(catalog, ['a'], 'anew')).found['a'], `${root}\\a.mkv`);
});

test('What is known is answered from an old scan, and a new one begins by itself', {
  timeout: 60_000,
}, async (t) => {
  const { catalog, path } = await open(t, ['a.mp4'], { rescanMs: 0 });
  await resolve(catalog, ['a']);
  await rename(join(path, 'a.mp4'), join(path, 'a.mov'));
  const pathOf = async () => (await resolve(catalog, ['a'])).found['a'];
  while ((await pathOf()) !== `${root}\\a.mov`) await nextTurn();
});

test('With an id that is not there it is not scanned over and over again', async (t) => {
  const { catalog, add } = await open(t, ['a.mp4'], { rescanMinMs: 600_000 });
  await resolve(catalog, ['new']);
  await add('new.mp4');
  assert.deepEqual((await resolve(catalog, ['new'])).found, {});
});

test('A folder that cannot be read is away, and knows what it knew before', async (t) => {
  const { catalog, path, add, logged } = await open(t, ['a.mp4']);
  await resolve(catalog, ['a']);
  await rename(path, `${path}-away`);
  await assert.rejects(resolve(catalog, ['b']), { code: 'CATALOG_UNAVAILABLE' });
  await assert.rejects(resolve(catalog, ['a'], 'anew'), { code: 'CATALOG_UNAVAILABLE' });
  assert.deepEqual(Object.keys((await resolve(catalog, ['a'])).found), ['a']);
  assert.deepEqual(
    logged.map(({ message }) => message),
    [
      'the folder of the catalogue was scanned',
      'the folder of the catalogue cannot be scanned; going on with what it had',
    ],
  );
  await rename(`${path}-away`, path);
  await add('b.mp4');
  assert.deepEqual(Object.keys((await resolve(catalog, ['b'])).found), ['b']);
  assert.equal(logged.length, 3, 'that it is back is told');
});

test('An empty folder is a share that is not mounted, not a catalogue of nothing', async (t) => {
  const { catalog, path } = await open(t, ['a.mp4']);
  await resolve(catalog, ['a']);
  await rm(join(path, 'a.mp4'));
  await assert.rejects(resolve(catalog, ['b']), {
    code: 'CATALOG_UNAVAILABLE',
    message: `The folder ${path} has no video in it: is its share mounted?`,
  });
});

test('It starts without its folder, and has limits on names and depth', async (t) => {
  const gone = await open(t, [], { path: '/nonexistent/clips' });
  await assert.rejects(resolve(gone.catalog, ['a']), {
    message: /^The folder \/nonexistent\/clips cannot be read: ENOENT/u,
  });
  const many = await open(t, ['a.mp4', 'b.txt', 'c.mp4'], { filesMax: 2 });
  await assert.rejects(resolve(many.catalog, ['a']), { message: /has more than 2 names$/u });
  const deep = await open(t, ['a.mp4', '1/b.mp4', '1/2/c.mp4'], { depthMax: 1 });
  assert.deepEqual(Object.keys((await resolve(deep.catalog, ['a', 'b', 'c'])).found), ['a', 'b']);
});

test('A name that no agent can open is left out', async (t) => {
  const { catalog, logged } = await open(t, ['a.mp4', 'con/b.mp4', 'x ', 'y:z.mp4']);
  assert.deepEqual(Object.keys((await resolve(catalog, ['a', 'b', 'y:z'])).found), ['a']);
  assert.equal((logged[0]?.fields as { unusable?: number }).unusable, 2);
});
