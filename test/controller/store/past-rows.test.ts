import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { memoryPast } from '../../../controller/store/memory/memory-past-rows.ts';
import type { PastTables } from '../../../controller/store/past-rows.ts';
import { openRedisPast } from '../../../controller/store/redis/redis-past-rows.ts';
import { openSqlitePast } from '../../../controller/store/sqlite/sqlite-past-rows.ts';
import { startRedisServer } from '../../helpers/redis-server.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { idOf, pastRow, pastRowsConformance } from './past-rows-conformance.ts';

pastRowsConformance('memory', () => {
  const tables = memoryPast();
  return Promise.resolve(() => tables);
});

pastRowsConformance('sqlite', async (t) => {
  const file = join(await tempFolder(t), 'deep', 'history.sqlite');
  return () => opened(t, openSqlitePast({ file }));
});

pastRowsConformance('redis', async (t) => {
  const server = await startRedisServer(t);
  return () => opened(t, redisPast(server.path));
});

test('a file that is none fails each call, and another one in its place is taken', async (t) => {
  const file = join(await tempFolder(t), 'history.sqlite');
  await writeFile(file, 'this is no database, however long one looks at it; '.repeat(100));
  const rows = opened(t, openSqlitePast({ file })).table('history');
  await assert.rejects(rows.put([pastRow(1)]), { name: 'StoreIncompatible' });
  await assert.rejects(rows.list({}, 1), { name: 'StoreIncompatible' });
  await rm(file);
  await rows.put([pastRow(1)]);
  assert.ok(await rows.get(idOf(1)));
});

test('a file that is full takes nothing more, and gives what it has', async (t) => {
  const file = join(await tempFolder(t), 'history.sqlite');
  const rows = opened(t, openSqlitePast({ file, fileBytesMax: 256 * 1024 })).table('history');
  await rows.put([pastRow(1)]);
  await assert.rejects(rows.put([pastRow(2, { detail: 'x'.repeat(400_000) })]), {
    name: 'StoreUnavailable',
    message: /database or disk is full/u,
  });
  assert.equal(await rows.get(idOf(2)), undefined);
  assert.ok(await rows.get(idOf(1)));
});

test('a Redis that is away fails calls, and is used again when it is back', async (t) => {
  const server = await startRedisServer(t);
  const rows = opened(t, redisPast(server.path)).table('history');
  await rows.put([pastRow(1)]);
  await server.kill();
  await assert.rejects(rows.list({}, 1), { name: 'StoreUnavailable' });
  await server.start();
  assert.ok(await rows.get(idOf(1)));
});

function redisPast(path: string): PastTables {
  const address = { kind: 'socket' as const, path, db: 0 };
  return openRedisPast({ address, login: {}, farmName: 'farm', keyPrefix: 'test', callMs: 5_000 });
}

function opened(t: TestContext, tables: PastTables): PastTables {
  t.after(() => tables.close());
  return tables;
}
