import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FarmError } from '../../../controller/domain/errors.ts';
import { webApp } from '../../../controller/web/server.ts';
import { agentView, FakeFarm, noLogs } from '../../helpers/fake-farm.ts';
import { storedRows } from '../../helpers/stored-rows.ts';

const jobId = '0b7c2f0e-6f2b-4b5e-9d5e-3f6f1d2c4a10';
const job = {
  user_id: 'user-1',
  channel_name: 'Kids',
  enable_4k: false,
  items: [
    {
      position: 0,
      item_type: 'video',
      video_id: 'v1',
      path: null,
      title: 'One',
      duration: 4.5,
      text_animation_text: null,
      text_animation_words: ['so', 'it', 'is'],
      resolution: '1920x1080',
      is_4k: false,
      path_available: true,
      // What /verify adds, and nobody reads.
      file_size: 123,
    },
  ],
};

type App = Awaited<ReturnType<typeof webApp>>;

/** The routes over a farm that remembers, without a socket. */
async function open(access: Parameters<typeof webApp>[0]['access'] = { origins: [] }) {
  const farm = new FakeFarm();
  const logged: object[] = [];
  const note = (fields: object): void => void logged.push(fields);
  const logger = { info: note, warn: note, error: note };
  const app = await webApp({
    farm,
    logger,
    access,
    isInSourceShare: () => true,
    reads: noLogs,
    ...storedRows,
    nowMs: () => 1_000,
  });
  const call = async (method: 'GET' | 'POST', url: string, payload?: object | string, headers = {}) => {
    const host = { host: '127.0.0.1:8000', ...headers };
    const reply = await app.inject({ method, url, headers: host, ...(payload !== undefined && { payload }) });
    return { status: reply.statusCode, headers: reply.headers, body: reply.json<Record<string, unknown>>() };
  };
  return { farm, app, call, logged };
}

describe('the old HTTP API', () => {
  let web: Awaited<ReturnType<typeof open>>;
  before(async () => (web = await open()));
  after(() => web.app.close());

  test('takes a job as the old web application sends it', async () => {
    const { status, body } = await web.call('POST', '/api/jobs/submit', { ...job, job_id: jobId });
    assert.equal(status, 200);
    assert.deepEqual(body, {
      job_id: jobId,
      status: 'queued',
      message: 'Job submitted successfully to default_queue',
      queue: 'default_queue',
      existed: false,
    });
    const submitted = web.farm.submitted.at(-1);
    assert.equal(submitted?.jobIdMade, false);
    assert.deepEqual(submitted.spec.items[0], {
      position: 0,
      itemType: 'video',
      videoId: 'v1',
      title: 'One',
      durationMs: 4_500,
      text: 'so it is',
      resolution: '1920x1080',
      is4k: false,
      pathAvailable: true,
    });
  });

  test('prefers the text to the words, and makes an id where none is given', async () => {
    const [item] = job.items;
    const items = [{ ...item, text_animation_text: 'Hello' }];
    const { status } = await web.call(
      'POST',
      '/api/jobs/submit',
      { ...job, items },
      { 'idempotency-key': 'k1' },
    );
    assert.equal(status, 200);
    const submitted = web.farm.submitted.at(-1);
    assert.equal(submitted?.spec.items[0]?.text, 'Hello');
    assert.equal(submitted.jobIdMade, true);
    assert.equal(submitted.requestId, 'k1');
  });

  test('names every bad field of a job at once, those of its shape and those of its meaning', async () => {
    const before = web.farm.submitted.length;
    const shape = { ...job, user_id: 7, items: [{ position: 'x', item_type: 'film' }] };
    const wrong = await web.call('POST', '/api/jobs/submit', shape);
    assert.equal(wrong.status, 400);
    assert.equal(wrong.body['code'], 'INVALID_REQUEST');
    const fieldsOf = (body: Record<string, unknown>) =>
      (body['violations'] as { field: string }[]).map(({ field }) => field);
    assert.deepEqual(fieldsOf(wrong.body), ['user_id', 'items[0].position', 'items[0].item_type']);

    const meaning = { ...job, job_id: 'no-uuid', items: [{ position: 0, item_type: 'image', duration: -1 }] };
    const refused = await web.call('POST', '/api/jobs/submit', meaning);
    assert.equal(refused.status, 400);
    assert.equal(refused.body['code'], 'INVALID_JOB');
    const fields = fieldsOf(refused.body);
    for (const field of ['job_id', 'items[0].duration']) assert.ok(fields.includes(field), fields.join());
    assert.equal(web.farm.submitted.length, before);
  });

  test('answers with the columns of the jobs table', async () => {
    const { status, body } = await web.call('GET', `/api/jobs/${jobId.toUpperCase()}`);
    assert.equal(status, 200);
    assert.equal(body['job_id'], jobId);
    for (const column of ['status', 'progress', 'worker_id', 'queue_name', 'output_path', 'error_message'])
      assert.ok(column in body, column);
  });

  test('asks the farm for jobs of a status by all of its states', async () => {
    const url = '/api/jobs?user_id=u&queue=gpu_queue&status=failed&page_size=7&page_token=t';
    const { body } = await web.call('GET', url);
    assert.deepEqual(web.farm.listed.at(-1), {
      filter: { userId: 'u', queue: 'gpu_queue', states: ['failed', 'quarantined'] },
      page: { size: 7, token: 't' },
    });
    assert.equal((body['jobs'] as object[]).length, 1);
    assert.equal(body['next_page_token'], 'next');
    for (const bad of ['page_size=0', 'page_size=1001', 'page_size=x', 'status=waiting'])
      assert.equal((await web.call('GET', `/api/jobs?${bad}`)).status, 400, bad);
  });

  test('asks history by everything that it can be asked by, and an empty field means any', async () => {
    const query =
      'user_id=u&queue=q&status=failed&worker_id=pc1&channel=Kids%25&ended_from=2026-03-01T00:00:00Z' +
      '&ended_before=2026-03-02T01:00:00%2B01:00&page_size=7&page_token=t';
    const { body } = await web.call('GET', `/api/history?${query}`);
    assert.deepEqual(web.farm.pastListed.at(-1), {
      filter: {
        userId: 'u',
        queue: 'q',
        agentId: 'pc1',
        channelText: 'Kids%',
        states: ['failed', 'quarantined'],
        endedFromMs: Date.UTC(2026, 2, 1),
        endedBeforeMs: Date.UTC(2026, 2, 2),
      },
      page: { size: 7, token: 't' },
    });
    assert.equal(body['next_page_token'], 'next');
    await web.call('GET', '/api/history?user_id=&status=&ended_from=&channel=');
    assert.deepEqual(web.farm.pastListed.at(-1)?.filter, {});
    const controls = [
      'channel=%00',
      'user_id=a%0Ab',
      `queue=${'x'.repeat(513)}`,
      'ended_from=yesterday',
      'status=queued',
    ];
    for (const bad of controls) assert.equal((await web.call('GET', `/api/history?${bad}`)).status, 400, bad);
  });

  test('hands on what people order, with and without a body', async () => {
    const orders = async (url: string, body?: object | string, headers = {}) => {
      const { status } = await web.call('POST', url, body, headers);
      assert.equal(status, 200, url);
      return web.farm.orders.at(-1);
    };
    const base = { requestId: '', reason: '' };
    const ofJob = { ...base, jobId };
    assert.deepEqual(await orders(`/api/jobs/${jobId}/cancel`), { ...ofJob, kind: 'cancel' });
    const json = { 'content-type': 'application/json' };
    assert.deepEqual(await orders(`/api/jobs/${jobId}/retry`, '', json), { ...ofJob, kind: 'retry' });
    assert.deepEqual(await orders(`/api/jobs/${jobId}/priority`, { priority: 'urgent', reason: 'now' }), {
      ...ofJob,
      kind: 'priority',
      priority: 'urgent',
      reason: 'now',
    });
    assert.deepEqual(await orders('/api/queues/gpu_queue/pause', { by: 'ann', reason: null }), {
      ...base,
      kind: 'pause',
      queue: 'gpu_queue',
      by: 'ann',
    });
    for (const kind of ['cordon', 'drain', 'uncordon'])
      assert.deepEqual(await orders(`/api/admin/agents/pc1/${kind}`), {
        ...base,
        kind,
        agentId: 'pc1',
        by: '',
      });
    assert.equal((await web.call('POST', `/api/jobs/${jobId}/priority`)).status, 400);
  });

  test('tells errors of the farm by status, code and when to come back', async () => {
    const cases = [
      [new FarmError('JOB_NOT_FOUND', 'Job not found: x'), 404, undefined],
      [new FarmError('JOB_ENDED', 'ended'), 409, undefined],
      [new FarmError('TOO_MANY_JOBS', 'full', { retryAfterMs: 1_500 }), 429, '2'],
      [new FarmError('NOT_LEADING', 'standby', { info: { leader: '10.0.0.1:7070' } }), 503, '5'],
    ] as const;
    for (const [failure, expected, retryAfter] of cases) {
      web.farm.failure = failure;
      const { status, headers, body } = await web.call('GET', `/api/jobs/${jobId}`);
      assert.equal(status, expected);
      assert.equal(headers['retry-after'], retryAfter);
      assert.deepEqual([body['detail'], body['code']], [failure.message, failure.code]);
    }
    assert.deepEqual((await web.call('GET', `/api/jobs/${jobId}`)).body['info'], { leader: '10.0.0.1:7070' });
    web.farm.failure = new Error('secret of the store');
    const { status, body } = await web.call('GET', `/api/jobs/${jobId}`);
    web.farm.failure = undefined;
    assert.equal(status, 500);
    assert.ok(!JSON.stringify(body).includes('secret'));
    assert.match(JSON.stringify(web.logged.at(-1)), /errorId/u);
  });

  test('refuses what is no JSON, too large, no route or no UUID, with a code', async () => {
    const submit = '/api/jobs/submit';
    const json = { 'content-type': 'application/json' };
    const codeOf = async (...call: Parameters<typeof web.call>) => {
      const { status, body } = await web.call(...call);
      return [status, body['code']];
    };
    assert.deepEqual(await codeOf('POST', submit, '{"user_id":', json), [400, 'BAD_REQUEST']);
    assert.deepEqual(await codeOf('POST', submit, '{"__proto__":{"x":1}}', json), [400, 'BAD_REQUEST']);
    assert.deepEqual(await codeOf('POST', submit, 'a=b', { 'content-type': 'text/plain' }), [
      415,
      'NOT_JSON',
    ]);
    const large = JSON.stringify({ ...job, note: 'x'.repeat(2 * 1024 * 1024) });
    assert.deepEqual(await codeOf('POST', submit, large, json), [413, 'BODY_TOO_LARGE']);
    assert.deepEqual(await codeOf('GET', '/api/nothing'), [404, 'NO_SUCH_ROUTE']);
    assert.deepEqual(await codeOf('GET', '/api/jobs/..%2f..%2fetc'), [400, 'INVALID_REQUEST']);
    assert.deepEqual(await codeOf('POST', '/api/queues/a%00b/pause'), [400, 'INVALID_REQUEST']);
  });
});

describe('access', () => {
  const submit = ['POST', '/api/jobs/submit', job] as const;

  test('without a token is for pages of this PC, and for those that are named', async (t) => {
    const { app, call } = await open({ origins: ['http://localhost:3000'] });
    t.after(() => app.close());
    const statusOf = async (headers: object) => (await call(...submit, headers)).status;
    assert.equal(await statusOf({ host: 'evil.example:8000' }), 403);
    assert.equal(await statusOf({ origin: 'http://evil.example' }), 403);
    assert.equal(await statusOf({ origin: 'null' }), 403);
    for (const origin of ['http://127.0.0.1:8000', 'http://localhost:3000'])
      assert.equal(await statusOf({ origin }), 200, origin);
    const asked = await app.inject({
      method: 'OPTIONS',
      url: '/api/jobs/submit',
      headers: { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' },
    });
    assert.equal(asked.headers['access-control-allow-origin'], 'http://localhost:3000');
  });

  test('with a token needs it in every request, by either header', async (t) => {
    const { app, call, farm } = await open({ origins: [], token: 'a-token-of-16-chars' });
    t.after(() => app.close());
    const statusOf = async (headers: object) => (await call(...submit, headers)).status;
    for (const headers of [{}, { authorization: 'Bearer other' }, { 'x-api-key': '' }])
      assert.equal(await statusOf(headers), 401);
    assert.equal(farm.submitted.length, 0);
    assert.equal(await statusOf({ authorization: 'bearer a-token-of-16-chars', host: 'farm:8000' }), 200);
    assert.equal(await statusOf({ 'x-api-key': 'a-token-of-16-chars' }), 200);
    assert.equal((await call('GET', '/api/openapi.json')).status, 401);
  });
});

interface Operation {
  readonly responses: Record<string, { content: { 'application/json': { schema: object } } }>;
}

test('The OpenAPI document has every route, and what they answer is what it says', async (t) => {
  const { app, call, farm } = await open();
  t.after(() => app.close());
  farm.agentViews = [agentView('pc1')];
  const { body } = await call('GET', '/api/openapi.json');
  const paths = body['paths'] as Record<string, Record<string, Operation>>;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(new Set(documented), new Set(routesOf(app)));
  const ajv = new Ajv2020({ strict: false });
  const names: Record<string, string> = { '{job_id}': jobId, '{name}': 'gpu_queue', '{id}': 'pc1' };
  for (const [path, methods] of Object.entries(paths)) {
    const url = path.replace(/\{.*?\}/u, (name) => names[name] ?? name);
    for (const [method, { responses }] of Object.entries(methods)) {
      if (path.endsWith('/log')) {
        // What it answers is no JSON: log-routes.test.ts.
        assert.deepEqual(Object.keys(responses['200']?.content ?? {}), ['text/plain']);
        continue;
      }
      const payload = path.endsWith('priority')
        ? { priority: 'low' }
        : /\/(?:submit|verify)$/u.test(path)
          ? job
          : undefined;
      const reply = await call(method === 'get' ? 'GET' : 'POST', url, payload);
      assert.equal(reply.status, 200, `${method} ${url}`);
      const check = ajv.compile(responses['200']?.content['application/json'].schema ?? false);
      assert.ok(check(reply.body), `${method} ${url}: ${ajv.errorsText(check.errors)}`);
    }
  }
});

/** As fastify itself lists them: `POST /api/queues/{name}/pause`. */
function routesOf(app: App): readonly string[] {
  const stack: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] =
        /^([\s│]*)[├└]── (\S+)(?: \((.*)\))?$/u.exec(line) ?? [];
      if (part === '') return [];
      const depth = indent.length / 4;
      stack.length = depth;
      stack.push(part);
      const path = stack.join('').replace(/:(\w+)/gu, '{$1}');
      return methods
        .split(', ')
        .filter((method) => ['GET', 'POST'].includes(method))
        .map((method) => `${method} ${path}`);
    })
    .filter((route) => !['GET /api/openapi.json', 'GET /metrics'].includes(route));
}
