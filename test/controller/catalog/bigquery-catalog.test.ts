import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bigQueryCatalog } from '../../../controller/catalog/bigquery-catalog.ts';
import type { BigQueryCatalogSettings } from '../../../controller/domain/settings.ts';
import { BigQueryServer, type SentQuery } from '../../helpers/bigquery-server.ts';
import { RestError } from '../../helpers/bigquery-words.ts';

const never = new AbortController().signal;

async function open(t: TestContext, changes: Partial<BigQueryCatalogSettings> = {}) {
  const server = await BigQueryServer.open(t);
  server.answer = (query) => idsOf(query).map((id) => ({ video_id: id, path: `\\\\nas\\Clips\\${id}.mp4` }));
  const catalog = bigQueryCatalog({
    projectId: 'studio-1',
    table: 'studio-1.media.videos',
    idColumn: 'video_id',
    pathColumn: 'unc_path',
    apiEndpoint: server.url,
    timeoutMs: 10_000,
    cacheMs: 300_000,
    cacheEntriesMax: 1_000,
    ...changes,
  });
  return { server, catalog };
}

function idsOf({ queryParameters }: SentQuery): readonly string[] {
  return queryParameters[0]?.parameterValue.arrayValues?.map(({ value }) => value) ?? [];
}

test('All ids of a job are asked in one query, as parameters of the right type', async (t) => {
  const { server, catalog } = await open(t, { location: 'EU' });
  const hostile = "x') OR 1=1; DROP TABLE videos; --`";
  const ids = ['a', 'b', hostile];
  const { found } = await catalog.resolve(ids, never);
  assert.deepEqual([...found.keys()], ids);
  assert.equal(found.get('a')?.path, '\\\\nas\\Clips\\a.mp4');
  assert.equal(server.sent.length, 1);
  const [query] = server.sent;
  assert.equal(
    query?.query,
    'SELECT `video_id` AS video_id, MIN(`unc_path`) AS path FROM `studio-1.media.videos` ' +
      'WHERE `video_id` IN UNNEST(@video_ids) GROUP BY video_id',
  );
  assert.deepEqual(idsOf(query), ids);
  const [parameter] = query.queryParameters;
  assert.equal(parameter?.name, 'video_ids');
  assert.deepEqual(parameter.parameterType, { type: 'ARRAY', arrayType: { type: 'STRING' } });
  assert.deepEqual(
    [query.project, query.parameterMode, query.useLegacySql, query.location, query.timeoutMs],
    ['studio-1', 'named', false, 'EU', 10_000],
  );
  assert.equal(query.authorization, undefined, 'an emulator gets no credentials');
});

test('Jobs that are submitted together share a query, and what was found is not asked again', async (t) => {
  const { server, catalog } = await open(t);
  const jobs = [
    ['a', 'b'],
    ['b', 'c'],
  ];
  await Promise.all(jobs.map((ids) => catalog.resolve(ids, never)));
  assert.deepEqual(server.sent.map(idsOf), [['a', 'b', 'c']]);
  const { found } = await catalog.resolve(['c', 'd'], never);
  assert.deepEqual([...found.keys()], ['c', 'd']);
  assert.deepEqual(server.sent.map(idsOf).at(-1), ['d']);
});

test('What is remembered has a limit and an end', async (t) => {
  const { server, catalog } = await open(t, { cacheEntriesMax: 1, cacheMs: 60_000 });
  await catalog.resolve(['a'], never);
  await catalog.resolve(['b'], never);
  await catalog.resolve(['a'], never);
  assert.equal(server.sent.length, 3, 'b has driven a out');
  const short = await open(t, { cacheMs: 1 });
  // The time of an entry begins when it is asked for, and a query gathers ids for longer than that.
  for (const times of [1, 2]) {
    await short.catalog.resolve(['a'], never);
    assert.equal(short.server.sent.length, times);
  }
});

test('An id that is unknown is missing in the answer, and is asked for again', async (t) => {
  const { server, catalog } = await open(t);
  const all = server.answer;
  server.answer = (query) =>
    (all(query) as { video_id: string }[]).filter(({ video_id }) => video_id !== 'new');
  assert.deepEqual([...(await catalog.resolve(['a', 'new'], never)).found.keys()], ['a']);
  server.answer = all;
  assert.deepEqual([...(await catalog.resolve(['a', 'new'], never)).found.keys()], ['a', 'new']);
  assert.deepEqual(server.sent.map(idsOf), [['a', 'new'], ['new']]);
});

test('A row without a path, or with another type, is no answer', async (t) => {
  const { server, catalog } = await open(t);
  server.answer = () => [
    { video_id: 'a', path: null },
    { video_id: null, path: 'x' },
    { video_id: 'c', path: 'y' },
  ];
  assert.deepEqual([...(await catalog.resolve(['a', 'c'], never)).found.keys()], ['c']);
});

test('BigQuery that fails for a moment is asked again; one that refuses is told of, and asked at the next job', async (t) => {
  const { server, catalog } = await open(t);
  const all = server.answer;
  let failures = 1;
  server.answer = (query) => {
    if (failures-- > 0) throw new RestError(503, 'backendError', 'try again');
    return all(query);
  };
  assert.equal((await catalog.resolve(['a'], never)).found.size, 1);
  assert.equal(server.sent.length, 2);

  server.answer = () => {
    throw new RestError(403, 'accessDenied', 'Access Denied: Table studio-1:media.videos\n<html>long</html>');
  };
  await assert.rejects(catalog.resolve(['b'], never), {
    code: 'CATALOG_UNAVAILABLE',
    message: 'BigQuery cannot be asked: Access Denied: Table studio-1:media.videos',
  });
  server.answer = all;
  assert.equal((await catalog.resolve(['b'], never)).found.size, 1);
});

test('Who waits for an answer that does not come is told so; who gives up is left alone', async (t) => {
  const { server, catalog } = await open(t, { timeoutMs: 250 });
  server.answer = () => 'hang';
  await assert.rejects(catalog.resolve(['a'], never), {
    code: 'CATALOG_UNAVAILABLE',
    message: 'BigQuery has not answered within 0.25 s',
  });
  server.answer = (query) => idsOf(query).map((id) => ({ video_id: id, path: 'x' }));
  assert.equal(
    (await catalog.resolve(['a'], never)).found.size,
    1,
    'the next one does not wait for that query',
  );
  server.answer = () => 'hang';
  const reason = new Error('no longer wanted');
  const over = new AbortController();
  const asked = catalog.resolve(['b'], over.signal);
  over.abort(reason);
  await assert.rejects(asked, reason);
});

test('Asked anew, what is remembered does not count, and what is found is remembered', async (t) => {
  const { server, catalog } = await open(t);
  await catalog.resolve(['a', 'b'], never);
  server.answer = () => [{ video_id: 'a', path: 'moved' }];
  const { found } = await catalog.resolve(['a', 'b'], never, 'anew');
  assert.deepEqual([...found], [['a', { path: 'moved' }]]);
  assert.deepEqual(server.sent.map(idsOf).at(-1), ['a', 'b']);
  assert.equal((await catalog.resolve(['a'], never)).found.get('a')?.path, 'moved');
  assert.equal(server.sent.length, 2);
  assert.equal((await catalog.resolve(['b'], never)).found.size, 0, 'b is gone, and not remembered');
});

test('A catalogue that has just kept somebody waiting in vain keeps nobody else, until it is asked anew', async (t) => {
  const { server, catalog } = await open(t, { timeoutMs: 1_000 });
  server.answer = (query) => idsOf(query).map((id) => ({ video_id: id, path: 'x' }));
  await catalog.resolve(['a'], never);
  server.answer = () => 'hang';
  await assert.rejects(catalog.resolve(['b'], never), { code: 'CATALOG_UNAVAILABLE' });
  assert.equal((await catalog.resolve(['a'], never)).found.size, 1, 'what is remembered is known');
  await assert.rejects(catalog.resolve(['c'], never), {
    code: 'CATALOG_UNAVAILABLE',
    message: 'BigQuery has not answered within 1 s',
  });
  assert.equal(server.sent.length, 2, 'it was not asked');
  server.answer = (query) => idsOf(query).map((id) => ({ video_id: id, path: 'x' }));
  assert.equal((await catalog.resolve(['c'], never, 'anew')).found.size, 1);
  assert.equal((await catalog.resolve(['d'], never)).found.size, 1);
  assert.equal(server.sent.length, 4);
});
