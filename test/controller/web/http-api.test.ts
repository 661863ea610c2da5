import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FarmError } from '../../../controller/domain/errors.ts';
import { webJob as job, webJobId as jobId, openWebApp } from '../../helpers/web-app.ts';

describe('the old HTTP API', () => {
  let web: Awaited<ReturnType<typeof openWebApp>>;
  before(async () => (web = await openWebApp()));
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
    const text = 'must have at most 512 printable characters';
    const time = 'must be a time with its zone, such as 2026-03-01T18:00:00Z';
    const refusals = {
      'channel=%00': `channel: ${text}`,
      'user_id=a%0Ab': `user_id: ${text}`,
      [`queue=${'x'.repeat(513)}`]: `queue: ${text}`,
      'ended_from=yesterday': `ended_from: ${time}`,
      'ended_before=2026-03-01T18:00': `ended_before: ${time}`,
      'status=queued': 'status: must be one of completed, failed, cancelled',
    };
    for (const [bad, detail] of Object.entries(refusals)) {
      const refused = await web.call('GET', `/api/history?${bad}`);
      assert.deepEqual([refused.status, refused.body['detail']], [400, detail]);
    }
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
    const { app, call } = await openWebApp({ origins: ['http://localhost:3000'] });
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
    const { app, call, farm } = await openWebApp({ origins: [], token: 'a-token-of-16-chars' });
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
