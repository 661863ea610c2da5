import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { problems, read, shares } from '../helpers/read-config.ts';

test('The HTTP API is served where it is asked for, on loopback at first', async (t) => {
  assert.equal((await read(t, shares)).web, undefined);
  assert.deepEqual((await read(t, `${shares}\nweb: {}`)).web, { listen: ['127.0.0.1:8000'], origins: [] });
  assert.deepEqual(Object.keys(await problems(t, `${shares}\nweb: { listen: [here], origins: [all] }`)), [
    'web.listen[0]',
    'web.origins[0]',
  ]);
});

test('BigQuery has its project and its table; what would change the query is refused', async (t) => {
  const where = 'projectId: studio-1, table: studio-1.media.videos';
  const config = await read(t, `${shares}\nbigQuery: { ${where}, keyFile: key.json }`);
  assert.deepEqual(config.bigQuery, {
    projectId: 'studio-1',
    table: 'studio-1.media.videos',
    idColumn: 'video_id',
    pathColumn: 'path',
    keyFile: join(config.folder, 'key.json'),
    timeoutMs: 15_000,
    cacheMs: 300_000,
    cacheEntriesMax: 100_000,
    resultsFeatures: 'array',
  });
  const hostile = `bigQuery: { projectId: 'Ä', table: 'a.b.c\` WHERE 1', idColumn: 'x\`', pathColumn: '1' }`;
  assert.deepEqual(Object.keys(await problems(t, `${shares}\n${hostile}`)), [
    'bigQuery.projectId',
    'bigQuery.table',
    'bigQuery.idColumn',
    'bigQuery.pathColumn',
  ]);
  assert.deepEqual(await problems(t, `${shares}\ncatalogFile: a.csv\nbigQuery: { ${where} }`), {
    bigQuery: 'cannot stand beside catalogFile',
  });
});

test('The catalogue can be a folder in a source share, and is one thing only', async (t) => {
  const folder = `catalogFolder: { path: clips, root: '//nas/Share/all/' }`;
  const config = await read(t, `${shares}\n${folder}`);
  assert.deepEqual(config.catalogFolder, {
    path: join(config.folder, 'clips'),
    root: '\\\\nas\\Share\\all',
    rescanMs: 300_000,
    rescanMinMs: 5_000,
    filesMax: 200_000,
    depthMax: 16,
  });
  assert.deepEqual(await problems(t, `${shares}\n${folder}\ncatalogFile: a.csv`), {
    catalogFolder: 'cannot stand beside catalogFile',
  });
  assert.deepEqual(await problems(t, `${shares}\ncatalogFolder: { path: x, root: '//other/x' }`), {
    'catalogFolder.root': 'must lie in a share whose role is source',
  });
});

test('The key of Supabase comes from its file or the environment, and is in no other setting', async (t) => {
  const yaml = `${shares}\nsupabase: { url: 'https://x.supabase.co', keyFile: key }`;
  const config = await read(t, yaml, { files: { key: 'from-the-file\n' } });
  assert.deepEqual(config.supabase, {
    url: 'https://x.supabase.co',
    key: 'from-the-file',
    timeoutMs: 3_000,
    cacheMs: 600_000,
  });
  const env = { FARM_SUPABASE_KEY: 'from-the-environment' };
  assert.equal((await read(t, yaml, { env })).supabase?.key, 'from-the-environment');
  const rule = 'must name the file of the key, one line without spaces; or give it in FARM_SUPABASE_KEY';
  const twoLines = { files: { key: 'two\nlines' } };
  assert.deepEqual(await problems(t, yaml, twoLines), { 'supabase.keyFile': rule });
  const none = `${shares}\nsupabase: { url: 'https://x.supabase.co' }`;
  assert.deepEqual(await problems(t, none), { 'supabase.keyFile': rule });
  const ftp = `${shares}\nsupabase: { url: 'ftp://x' }`;
  assert.deepEqual(Object.keys(await problems(t, ftp, { env })), ['supabase.url']);
});

test('Polling needs a name to claim by and a mirror that writes; in shadow mode it only reads', async (t) => {
  const supabase = (poll: string) => `supabase: { url: 'http://127.0.0.1:9', ${poll} }\n`;
  const env = { FARM_SUPABASE_KEY: 'k' };
  const found = await problems(t, `${shares}${supabase('poll: {}')}`, { env });
  assert.match(found['farm'] ?? '', /name of its own/u);
  assert.match(found['supabase.poll'] ?? '', /needs supabase.mirror/u);
  const named = await read(t, `farm: north\n${shares}${supabase('poll: {}, mirror: {}')}`, { env });
  assert.deepEqual(named.supabase?.poll, { everyMs: 10_000, pageRows: 50 });
  assert.equal(named.farm.shadow, undefined);
  const shadow = await read(t, `shadow: true\n${shares}${supabase('poll: { everyMs: 500 }')}`, { env });
  assert.deepEqual([shadow.farm.shadow, shadow.supabase?.poll?.everyMs], [true, 500]);
});
