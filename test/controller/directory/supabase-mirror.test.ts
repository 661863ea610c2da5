import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { supabaseMirror } from '../../../controller/directory/supabase-mirror.ts';
import type { JobState } from '../../../controller/domain/job.ts';
import { DestinationAway } from '../../../controller/outbox/destination.ts';
import { serveOnLoopback } from '../../helpers/http-stand-in.ts';
import { MirrorStudio, onBoth, timeOf } from '../../helpers/mirror-studio.ts';
import { later, oneItem, outboxItem, published, ran, revision } from '../../helpers/mirrored-job.ts';
import type { Fault } from '../../helpers/supabase-server.ts';

const never = new AbortController().signal;
const delivered = { result: 'delivered' };

onBoth(test, 'The mirror', async (each) => {
  await each('A job is inserted with its items, then updated to its end', async (studio) => {
    const items = [
      {
        ...oneItem,
        position: 7,
        title: 'b',
        durationMs: 2_500,
        text: 'Hi',
        logoPath: '\\\\nas\\Clips\\l.png',
      },
      { position: 2, itemType: 'image', videoId: 'v1', is4k: true, resolution: '4k', pathAvailable: false },
    ] as const;
    const item = outboxItem({ items });
    const { jobId } = item.job;
    assert.deepEqual(await studio.tell(item), [delivered]);
    const first = await studio.row(jobId);
    assert.partialDeepStrictEqual(first, {
      ...{ user_id: 'u1', channel_name: 'Chan', enable_4k: false, status: 'queued', progress: 0 },
      ...{ queue_name: 'default_queue', worker_id: null, started_at: null, completed_at: null },
      ...{ output_path: null, final_duration: null, error_message: null },
      ...{ farm: 'renderfarm', claimed_by: 'farm', farm_state: 'waiting' },
    });
    assert.equal(timeOf(first['created_at']), item.job.submittedAtMs);
    const [image, video] = await studio.items(jobId);
    assert.partialDeepStrictEqual(image, {
      ...{ position: 2, item_type: 'image', video_id: 'v1', path: null, resolution: '4k' },
      ...{ is_4k: true, path_available: false },
    });
    assert.partialDeepStrictEqual(video, {
      ...{ position: 7, path: oneItem.path, title: 'b', duration: 2.5, text_animation_text: 'Hi' },
      ...{ logo_path: '\\\\nas\\Clips\\l.png', is_4k: null },
    });
    assert.deepEqual(await studio.tell(later(item, 2, ran, 42.9)), [delivered]);
    const second = await studio.row(jobId);
    assert.partialDeepStrictEqual(second, { status: 'processing', progress: 42, worker_id: 'pc1' });
    assert.equal(timeOf(second['started_at']), ran.startedAtMs);
    assert.deepEqual(await studio.tell(later(item, 3, published, 99)), [delivered]);
    const last = await studio.row(jobId);
    assert.partialDeepStrictEqual(last, {
      ...{ status: 'completed', progress: 100, output_path: published.outputPath, final_duration: 120.5 },
      farm_state: 'published',
    });
    assert.equal(timeOf(last['completed_at']), published.endedAtMs);
    assert.equal((await studio.items(jobId)).length, 2);
  });

  await each(
    'Each state is the status that people see, and 100 percent is for what was published',
    async (studio) => {
      const ended = { endedAtMs: 1_700_000_070_000 };
      const expected: [JobState, string, number][] = [
        ['held', 'queued', 0],
        ['assigned', 'processing', 55],
        ['publishing', 'processing', 99],
        ['failed', 'failed', 55],
        ['quarantined', 'failed', 55],
      ];
      const item = outboxItem();
      await studio.tell(item);
      for (const [index, [state, status, percent]] of expected.entries()) {
        const told = later(
          item,
          10 + index,
          { state, ...ended, errorMessage: `it is ${state}` },
          percent === 99 ? 100 : percent,
        );
        assert.deepEqual(await studio.tell(told), [delivered]);
        const row = await studio.row(item.job.jobId);
        assert.deepEqual([row['status'], row['progress'], row['farm_state']], [status, percent, state]);
        assert.equal(row['completed_at'] !== null, status === 'failed', state);
      }
    },
  );

  await each('Writes in any order end with the newest, and with each item once', async (studio, t) => {
    const seed = randomInt(2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const item = outboxItem({ items: [oneItem, { ...oneItem, position: 1 }] });
    const writes = Array.from({ length: 12 }, (_, n) =>
      later(item, n + 1, { ...ran, agentId: `pc${n + 1}` }, n),
    );
    for (const write of shuffled([...writes, ...writes], seed)) await studio.tell(write);
    const row = await studio.row(item.job.jobId);
    assert.deepEqual([row['worker_id'], row['progress']], ['pc12', 11], `seed ${seed}`);
    assert.equal((await studio.items(item.job.jobId)).length, 2);
  });

  await each('Writes that come at once end with the newest', async (studio) => {
    const item = outboxItem();
    await studio.tell(item);
    const writes = Array.from({ length: 6 }, (_, n) =>
      later(item, n + 2, { ...ran, agentId: `pc${n + 2}` }, n),
    );
    await Promise.all(shuffled(writes, 7).map((write) => studio.tell(write)));
    assert.equal((await studio.row(item.job.jobId))['worker_id'], 'pc7');
  });

  await each('A late write of an old leader changes nothing, and says why', async (studio) => {
    const item = outboxItem({ revision: revision(5, 2), job: published });
    assert.deepEqual(await studio.tell(item), [delivered]);
    const before = await studio.row(item.job.jobId);
    const [late] = await studio.tell(later(item, 900, ran, 3));
    assert.equal(late?.result, 'refused');
    assert.match(late.reason, /2000000000000000005, above 1000000000000000900/u);
    assert.deepEqual(await studio.row(item.job.jobId), before);
  });

  await each(
    'A write that was overtaken between its look and its statement changes nothing',
    async (studio) => {
      const item = outboxItem();
      await studio.tell(item);
      let overtaken = false;
      studio.server.before = async ({ method }) => {
        if (method !== 'PATCH' || overtaken) return;
        overtaken = true;
        await studio.tell(later(item, 9, published));
      };
      await studio.tell(later(item, 8, ran, 50));
      assert.equal(overtaken, true);
      assert.equal((await studio.row(item.job.jobId))['status'], 'completed');
    },
  );

  await each('Answers that are lost are no loss, wherever that happens', async (studio) => {
    for (const lost of [0, 1, 2, 3, 4]) {
      const item = outboxItem({ job: { state: 'failed', endedAtMs: 5, errorMessage: 'no' } });
      studio.faults(...Array.from({ length: lost }, () => 'none' as const), 'lose-reply');
      await studio.tell(item).catch((error: unknown) => assert.ok(error instanceof DestinationAway));
      studio.faults();
      assert.deepEqual(await studio.tell({ ...item, revision: revision(2) }), [delivered]);
      assert.partialDeepStrictEqual(await studio.row(item.job.jobId), {
        status: 'failed',
        error_message: 'no',
      });
      assert.equal((await studio.items(item.job.jobId)).length, 1, `answer ${lost} was lost`);
    }
  });

  await each(
    'Away, slow, refusing and full it is away, and told when it wants to be asked again',
    async (studio) => {
      const item = outboxItem();
      const hasty = new MirrorStudio(studio.server, 100);
      const faults: [Fault, RegExp, number | undefined][] = [
        ['hang', /not answered for 100 ms/u, undefined],
        [{ status: 500 }, /HTTP 500/u, undefined],
        [{ status: 503, headers: { 'retry-after': '7' } }, /HTTP 503/u, 7_000],
        [{ status: 429, headers: { 'retry-after': '12' } }, /HTTP 429/u, 12_000],
        [{ status: 429, headers: { 'retry-after': 'soon' } }, /HTTP 429/u, undefined],
        [{ status: 429, headers: { 'retry-after': '999999' } }, /HTTP 429/u, 3_600_000],
        [{ status: 401 }, /does not accept the key \(HTTP 401\)/u, undefined],
        [{ status: 403 }, /service role/u, undefined],
        [{ status: 404 }, /migrations/u, undefined],
      ];
      for (const [fault, message, retryAfterMs] of faults) {
        studio.server.fault = () => fault;
        await assert.rejects((fault === 'hang' ? hasty : studio).tell(item), (error) => {
          assert.ok(error instanceof DestinationAway, String(error));
          assert.match(error.message, message);
          assert.equal(error.retryAfterMs, retryAfterMs);
          return true;
        });
      }
      studio.server.fault = () => 'none';
      assert.deepEqual(await studio.tell(item), [delivered]);
    },
  );

  await each('Where nobody listens it is away', async () => {
    const nowhere = supabaseMirror({
      url: 'http://127.0.0.1:1',
      key: 'k',
      requestMs: 5_000,
      farmName: 'farm',
    });
    await assert.rejects(nowhere.deliver([outboxItem()], never), DestinationAway);
  });

  await each('Who gives up is told so, and the request is given up', async (studio) => {
    studio.server.fault = () => 'hang';
    const call = new AbortController();
    const reason = new Error('no longer the leader');
    studio.server.before = () => {
      call.abort(reason);
      return Promise.resolve();
    };
    await assert.rejects(studio.mirror.deliver([outboxItem()], call.signal), reason);
  });

  await each('A row that is there is kept: only what is ours is written', async (studio) => {
    const jobId = randomUUID();
    const theirs = { job_id: jobId, user_id: 'web', channel_name: 'Theirs', status: 'queued' };
    await studio.insert('jobs', { ...theirs, created_at: '2020-01-01T00:00:00.000Z' });
    await studio.insert('job_items', { job_id: jobId, position: 0, item_type: 'video', title: 'Theirs' });
    const item = outboxItem({ job: { ...ran, jobId }, percent: 10 });
    assert.deepEqual(await studio.tell(item), [delivered]);
    const row = await studio.row(jobId);
    assert.partialDeepStrictEqual(row, {
      user_id: 'web',
      channel_name: 'Theirs',
      status: 'processing',
      claimed_by: 'farm',
    });
    assert.equal(timeOf(row['created_at']), Date.UTC(2020, 0, 1));
    assert.deepEqual(
      (await studio.items(jobId)).map(({ title }) => title),
      ['Theirs'],
    );
  });

  await each('An insert of which half was done is completed', async (studio) => {
    const items = Array.from({ length: 5 }, (_, position) => ({ ...oneItem, position }));
    const item = outboxItem({ items });
    // The look, the row; its items are not heard.
    studio.faults('none', 'none', { status: 500 });
    await assert.rejects(studio.tell(item), DestinationAway);
    assert.equal((await studio.row(item.job.jobId))['status'], 'queued');
    await studio.insert('job_items', { job_id: item.job.jobId, position: 3, item_type: 'video' });
    assert.deepEqual(await studio.tell({ ...item, revision: revision(2) }), [delivered]);
    assert.deepEqual(
      (await studio.items(item.job.jobId)).map(({ position }) => position),
      [0, 1, 2, 3, 4],
    );
  });

  await each('Hostile names are names', async (studio) => {
    const name = `'"; drop table jobs; --\n\r\t\\ * % _ , ) ( . eq.x \u{202e}`;
    const hostile = `${name}\0\ud800${'🎬'.repeat(64)}`;
    const item = outboxItem({
      job: {
        userId: hostile,
        channelName: hostile,
        queue: hostile,
        errorMessage: hostile,
        state: 'failed',
        endedAtMs: 1,
      },
      items: [{ ...oneItem, title: hostile, text: hostile }],
    });
    assert.deepEqual(await studio.tell(item), [delivered]);
    const kept = `${name}\u{fffd}\u{fffd}${'🎬'.repeat(64)}`;
    assert.partialDeepStrictEqual(await studio.row(item.job.jobId), {
      ...{ user_id: kept, channel_name: kept, queue_name: kept, error_message: kept, status: 'failed' },
    });
    const [stored] = await studio.items(item.job.jobId);
    assert.deepEqual([stored?.['title'], stored?.['text_animation_text']], [kept, kept]);
  });

  await each('A row whose revision is no number is refused, and stops no other', async (studio) => {
    const items = [outboxItem(), outboxItem(), outboxItem()] as const;
    await studio.tell(...items);
    await studio.change(items[0].job.jobId, { revision: 'NaN' });
    await studio.change(items[1].job.jobId, { revision: 'Infinity' });
    const answers = await studio.tell(...items.map((item) => later(item, 2, ran)));
    assert.deepEqual(
      answers.map(({ result }) => result),
      ['refused', 'refused', 'delivered'],
    );
    assert.match(JSON.stringify(answers[0]), /is no whole number: set it to 0/u);
  });

  await each('Many jobs of one call are told in their order, whatever they are', async (studio) => {
    const other = outboxItem();
    await studio.tell(other);
    await studio.change(other.job.jobId, { claimed_by: 'another' });
    const items = Array.from({ length: 5 }, () => outboxItem());
    const answers = await studio.tell(...items.slice(0, 3), later(other, 2, ran), ...items.slice(3));
    assert.deepEqual(
      answers.map(({ result }) => result),
      ['delivered', 'delivered', 'delivered', 'refused', 'delivered', 'delivered'],
    );
    assert.match(JSON.stringify(answers[3]), /belongs to farm another/u);
    for (const { job } of items) assert.equal((await studio.items(job.jobId)).length, 1);
  });
});

test('What a proxy says for Supabase is no refusal of a row, unless it is about the size of the request', async (t) => {
  let answer: { readonly status: number; readonly body: string } = { status: 200, body: '' };
  const url = await serveOnLoopback(t, (_request, response) => {
    response.writeHead(answer.status).end(answer.body);
    return Promise.resolve();
  });
  const mirror = supabaseMirror({ url, key: 'key', requestMs: 5_000, farmName: 'farm' });
  for (const status of [200, 400, 418])
    for (const body of ['<html>Please log in</html>', '{"message":"no"}', '{}', '[1]', '7']) {
      answer = { status, body };
      await assert.rejects(mirror.deliver([outboxItem()], never), DestinationAway, JSON.stringify(answer));
    }
  answer = { status: 413, body: '<html>too large</html>' };
  const [told] = await mirror.deliver([outboxItem()], never);
  assert.match(JSON.stringify(told), /refused.*no request of this size \(HTTP 413\)/u);
});

function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  return list
    .map((value) => ({ value, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
