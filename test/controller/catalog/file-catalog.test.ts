import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { CatalogUnavailable } from '../../../controller/catalog/catalog.ts';
import { openFileCatalog } from '../../../controller/catalog/file-catalog.ts';
import { readCatalogFile } from '../../../controller/catalog/read-catalog-file.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

async function fileWith(t: TestContext, text: string, name = 'catalogue.csv'): Promise<string> {
  const file = join(await tempFolder(t), name);
  await writeFile(file, text);
  return file;
}

async function resolve(catalog: Awaited<ReturnType<typeof openFileCatalog>>, ...ids: readonly string[]) {
  return Object.fromEntries((await catalog.resolve(ids, new AbortController().signal)).found);
}

const clip = String.raw`\\nas\Share\a, b.mp4`;

test('A CSV file is read with its columns in any order, quotes, a byte order mark and empty lines', async (t) => {
  const file = await fileWith(
    t,
    `\uFEFFpath,is_4k,video_id,resolution\r\n"${clip}",true,v1,3840x2160\r\n\r\nx,,v2,\r\n`,
  );
  const catalog = await openFileCatalog({ file });
  assert.deepEqual(await resolve(catalog, 'v1', 'v2', 'v3'), {
    v1: { path: clip, is4k: true, resolution: '3840x2160' },
    v2: { path: 'x' },
  });
});

test('A JSON file is a list of the same', async (t) => {
  const rows = [
    { video_id: 'v1', path: clip, is_4k: false },
    { video_id: 'v2', path: 'x' },
  ];
  const catalog = await openFileCatalog({ file: await fileWith(t, JSON.stringify(rows), 'catalogue.json') });
  assert.deepEqual(await resolve(catalog, 'v1', 'v2'), {
    v1: { path: clip, is4k: false },
    v2: { path: 'x' },
  });
});

test('Every bad row is named with its line', async (t) => {
  const file = await fileWith(t, 'video_id,path,is_4k\nv1,x,\n,x,\nv3,,\nv4,x,perhaps\nv1,y,\n');
  await assert.rejects(readCatalogFile(file), (error: Error) => {
    assert.ok(error instanceof CatalogUnavailable);
    for (const part of [
      file,
      'line 3: video_id is empty',
      'line 4: path is empty',
      'line 5: is_4k is neither true nor false',
      'line 6: video_id v1 is already in line 2',
    ]) {
      assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
    }
    return true;
  });
});

test('A column that is missing, a broken quote, too many rows and no file at all are said', async (t) => {
  for (const [text, message] of [
    ['video_id\nv1\n', /line 2: path is missing/u],
    ['video_id,path\nv1,"x\n', /cannot be read: .*quot/iu],
    ['video_id,path\nv1,x,more\n', /cannot be read: .*line 2/u],
  ] as const) {
    await assert.rejects(openFileCatalog({ file: await fileWith(t, text) }), message);
  }
  const file = await fileWith(t, 'video_id,path\nv1,x\nv2,x\n');
  await assert.rejects(readCatalogFile(file, 1), /more than 1 rows/u);
  await assert.rejects(openFileCatalog({ file: `${file}.gone` }), CatalogUnavailable);
});

test('Without a file no id is known', async () => {
  assert.deepEqual(await resolve(await openFileCatalog({}), 'v1'), {});
});

test('A file that has changed is read again, and one that became unusable is reported and not believed', async (t) => {
  const file = await fileWith(t, 'video_id,path\nv1,x\n');
  const problems: string[] = [];
  const catalog = await openFileCatalog({ file, onProblem: (error) => problems.push(error.message) });
  await change(file, 'video_id,path\nv1,y\n', 1);
  assert.deepEqual(await resolve(catalog, 'v1'), { v1: { path: 'y' } });
  await change(file, 'video_id,path\n,z\n', 2);
  assert.deepEqual(await resolve(catalog, 'v1'), { v1: { path: 'y' } });
  assert.deepEqual(await resolve(catalog, 'v1'), { v1: { path: 'y' } });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /line 2/u);
  await change(file, 'video_id,path\nv1,z\n', 3);
  assert.deepEqual(await resolve(catalog, 'v1'), { v1: { path: 'z' } });
});

test('A caller who gave up hears it', async () => {
  const catalog = await openFileCatalog({});
  await assert.rejects(catalog.resolve(['v1'], AbortSignal.abort(new Error('gone'))), /gone/u);
});

/** Writes the file with a time of its own: two writes may fall into one tick of the file system's clock. */
async function change(file: string, text: string, seconds: number): Promise<void> {
  await writeFile(file, text);
  await utimes(file, seconds, seconds);
}
