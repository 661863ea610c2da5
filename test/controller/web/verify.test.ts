import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { webApp } from '../../../controller/web/server.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

suite('POST /api/jobs/verify', () => {
  const farm = new FakeFarm();
  let app: Awaited<ReturnType<typeof webApp>>;
  before(async () => {
    const world = { isInSourceShare: () => true, reads: noLogs, nowMs: () => 1_000 };
    app = await webApp({ farm, logger: silent, access: { origins: [] }, ...world });
  });
  after(() => app.close());

  const post = async (payload: object) => {
    const headers = { host: '127.0.0.1:8000' };
    const reply = await app.inject({ method: 'POST', url: '/api/jobs/verify', headers, payload });
    return { status: reply.statusCode, body: reply.json<Record<string, unknown>>() };
  };

  test('gives what it was given, and what was found out, in fields that a submit takes', async () => {
    farm.verification = {
      ...{ accepted: true, renderable: false, existed: false, queue: 'default_queue', routeRule: 'default' },
      ...{ faults: [], videoCount: 2, lengthMs: 7_212_500, lengthKnown: true },
      items: [
        {
          ...{ position: 0, itemType: 'video', videoId: 'v1', path: '\\\\nas\\Clips\\a.mp4' },
          ...{ pathAvailable: true, durationMs: 12_500, measured: true, width: 1_920, height: 1_080 },
          ...{ is4k: false, codec: 'h264', sizeBytes: 7, faults: [], warnings: ['pc1 cannot'] },
        },
        {
          ...{ position: 1, itemType: 'video', videoId: '', path: '\\\\nas\\Clips\\long.mp4' },
          ...{ pathAvailable: true, durationMs: 7_200_000, measured: true, warnings: [] },
          faults: [{ field: 'path', code: 'PICTURE_MISSING', message: 'no picture' }],
        },
      ],
      forecast: {
        summary: 'starts now on pc1',
        agentId: 'pc1',
        startMs: 0,
        endMs: 9_000,
        basis: '',
        agents: [],
      },
    };
    const given = [
      {
        position: 0,
        item_type: 'video',
        video_id: 'v1',
        path: '\\\\nas\\Clips\\x.mp4',
        text_animation_words: ['a'],
      },
      { position: 1, item_type: 'video', path: '\\\\nas\\Clips\\long.mp4', duration: 3 },
    ];
    const { status, body } = await post({ user_id: 'ann', channel_name: 'C', queue: '', items: given });
    assert.equal(status, 200, JSON.stringify(body));
    const items = body['items'] as Record<string, unknown>[];
    const fields = [
      'path',
      'duration',
      'resolution',
      'is_4k',
      'path_available',
      'measured_duration',
    ] as const;
    assert.deepEqual(
      items.map((item) => fields.map((field) => item[field])),
      [
        ['\\\\nas\\Clips\\a.mp4', 12.5, '1920x1080', false, true, 12.5],
        // An estimate of two hours is none that a submit takes.
        ['\\\\nas\\Clips\\long.mp4', null, null, null, true, 7_200],
      ],
    );
    assert.deepEqual(
      [body['queue'], body['queue_name'], body['expected_end_seconds']],
      ['', 'default_queue', 9],
    );
    const headers = { host: '127.0.0.1:8000' };
    const submitted = await app.inject({ method: 'POST', url: '/api/jobs/submit', headers, payload: body });
    assert.equal(submitted.statusCode, 200, submitted.body);
    const spec = farm.submitted.at(-1)?.spec;
    assert.deepEqual(
      [spec?.items[0]?.videoId, spec?.items[0]?.durationMs, spec?.items[0]?.text, spec?.queue],
      ['v1', 12_500, 'a', undefined],
    );
  });

  test('refuses no value that it can report, and nothing is submitted', async () => {
    const before = farm.submitted.length;
    const { status } = await post({
      ...{ user_id: null, priority: 'never' },
      items: [{ position: 0.5, item_type: 'something' }],
    });
    assert.equal(status, 200);
    const draft = farm.verified.at(-1);
    assert.deepEqual([draft?.userId, draft?.priority, draft?.items[0]?.itemType], ['', undefined, undefined]);
    assert.equal(farm.submitted.length, before);
    assert.equal((await post({ user_id: 'ann' })).status, 400, 'no list of items is no job');
    assert.equal((await post({ items: [{ position: 'first' }] })).status, 400);
  });

  test('answers as the document says', async () => {
    const headers = { host: '127.0.0.1:8000' };
    const document = (await app.inject({ url: '/api/openapi.json', headers })).json<{
      paths: Record<
        string,
        { post: { responses: Record<string, { content: Record<string, { schema: object }> }> } }
      >;
    }>();
    const schema =
      document.paths['/api/jobs/verify']?.post.responses['200']?.content['application/json']?.schema;
    assert.ok(schema);
    const validate = new Ajv2020({ strict: false }).compile(schema);
    const { body } = await post({ items: [] });
    assert.ok(validate(body), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...body, accepted: 'yes' }), 'a schema that takes anything says nothing');
  });
});
