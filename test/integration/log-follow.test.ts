import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { suite, type TestContext, test } from 'node:test';
import { connect } from '../../client/renderfarm-client.ts';
import { systemClock } from '../../controller/system-clock.ts';
import { startWebServer } from '../../controller/web/server.ts';
import { jobWire } from '../../proto/index.ts';
import { startCli } from '../helpers/cli-process.ts';
import { FakeFarm, oneJobId } from '../helpers/fake-farm.ts';
import { openLogReader } from '../helpers/log-reader.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { startStoppedReader } from '../helpers/stopped-reader.ts';
import { startHarness } from './rpc-harness.ts';

/** A logs folder with one open job, served over gRPC and HTTP. */
async function serve(t: TestContext, limits: { watchDrainMs?: number } = {}) {
  const room = await openLogReader(t, { clock: systemClock(), pollMs: 20, readersMax: 30 });
  const rpc = await startHarness({ reads: room.reads, limits: { endMs: 100, stopMs: 1_000, ...limits } });
  t.after(() => rpc[Symbol.asyncDispose]());
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const web = await startWebServer({
    ...{ farm: new FakeFarm(), reads: room.reads, logger: silent, access: { origins: [] } },
    ...{ addresses: ['127.0.0.1:0'], isInSourceShare: () => true, nowMs: Date.now, stopMs: 1_000 },
    logDrainMs: limits.watchDrainMs ?? 10_000,
  });
  t.after(() => web.stop());
  const client = connect({ addresses: [rpc.address] });
  t.after(() => client.close());
  const url = `http://${web.addresses[0]}/api/jobs/${oneJobId}/log`;
  return { ...room, rpc, web, client, url };
}

async function textOf(pieces: AsyncIterable<{ readonly data: Uint8Array }>): Promise<string> {
  let text = '';
  for await (const { data } of pieces) text += Buffer.from(data).toString();
  return text;
}

suite('a log, followed over gRPC', () => {
  test('comes to many readers at once, each from where he likes, and ends with the job', async (t) => {
    const farm = await serve(t);
    await farm.add('one\ntwo\n');
    const followers = Array.from({ length: 20 }, (_, index) =>
      textOf(farm.client.log(oneJobId, { follow: true, ...(index % 2 === 1 && { tailLines: 1 }) })),
    );
    await farm.add('three\n');
    farm.stands({ hasEnded: true });
    await farm.end();
    const texts = await Promise.all(followers);
    texts.forEach((text, index) => {
      // A follower may have come before or after the third line was there.
      if (index % 2 === 0) assert.equal(text, 'one\ntwo\nthree\n');
      else assert.ok(['two\nthree\n', 'three\n'].includes(text), text);
    });
  });

  test('is refused with what is wrong', async (t) => {
    const farm = await serve(t);
    await assert.rejects(textOf(farm.client.log('no-uuid')), { code: 'INVALID_REQUEST', message: /job_id/u });
    await assert.rejects(textOf(farm.client.log(oneJobId.replace('a', 'b'))), { code: 'JOB_NOT_FOUND' });
    await assert.rejects(textOf(farm.client.log(oneJobId)), { code: 'LOG_NOT_FOUND' });
    const bad = {
      jobId: oneJobId,
      file: 0,
      attempt: -1,
      offsetBytes: 0,
      offsetAttempt: 0,
      tailLines: 0,
      follow: false,
    } as const;
    const call = farm.rpc.jobs().followLog(jobWire.FollowLogRequest.fromPartial(bad));
    const [error] = (await once(call, 'error')) as [Error];
    assert.match(error.message, /attempt: must be 0 to/u);
  });

  test('goes on at the same byte when the connection breaks', async (t) => {
    const farm = await serve(t);
    await farm.add('before ');
    await using proxy = await startStoppedReader(farm.rpc.server.port);
    const client = connect({ addresses: [proxy.address, farm.rpc.address] });
    t.after(() => client.close());
    const interruptions: string[] = [];
    const pieces = client.log(oneJobId, {
      follow: true,
      onInterruption: ({ code }) => interruptions.push(code),
    });
    const first = await pieces.next();
    assert.equal(Buffer.from(first.value?.data ?? []).toString(), 'before ');
    await proxy[Symbol.asyncDispose]();
    await farm.add('after');
    farm.stands({ hasEnded: true });
    await farm.end();
    assert.equal(await textOf(pieces), 'after');
    assert.deepEqual(interruptions, ['CONTROLLER_UNREACHABLE']);
  });

  test('is asked for again at the controller that found its reader too slow: that one leads', async () => {
    const asked: number[] = [];
    await using leader = await startScriptedJobs({
      followLog: (call) => {
        asked.push(call.request.offsetBytes);
        const piece = { data: Buffer.from('one\n'), offsetBytes: 0, attempt: 0 };
        const isFirst = asked.length === 1;
        call.write(jobWire.FollowLogResponse.fromPartial(isFirst ? piece : { isLast: true }));
        if (isFirst) call.emit('error', rpcError('ABORTED', 'slow', { code: 'WATCHER_TOO_SLOW' }));
        else call.end();
      },
    });
    await using standby = await startScriptedJobs({
      followLog: (call) => call.emit('error', rpcError('NOT_FOUND', 'a standby', { code: 'JOB_NOT_FOUND' })),
    });
    using client = connect({ addresses: [leader.address, standby.address], backoffFirstMs: 1 });
    assert.equal(await textOf(client.log(oneJobId, { follow: true })), 'one\n');
    assert.deepEqual(asked, [0, 4]);
  });

  test('begins anew where the controller that leads has less of it than was read', async (t) => {
    const farm = await serve(t);
    await farm.add('a line that was read');
    const pieces = farm.client.log(oneJobId, { follow: true });
    await pieces.next();
    const other = await serve(t);
    await other.add('a line');
    other.stands({ hasEnded: true });
    await other.end();
    const client = connect({ addresses: [farm.rpc.address, other.rpc.address] });
    t.after(() => client.close());
    const both = client.log(oneJobId, { follow: true });
    await both.next();
    await farm.rpc.server.stop();
    const { value } = await both.next();
    assert.deepEqual([Buffer.from(value?.data ?? []).toString(), value?.beginsAnew], ['a line', true]);
    assert.equal(await textOf(both), '');
  });

  test('to a reader that takes nothing is cut off, and his place is free again', async (t) => {
    const farm = await serve(t, { watchDrainMs: 100 });
    await farm.add('x'.repeat(20_000_000), 'ffmpeg_stderr.txt');
    await using proxy = await startStoppedReader(farm.rpc.server.port);
    const stuck = connect({ addresses: [proxy.address] });
    t.after(() => stuck.close());
    for (let reader = 0; reader < 30; reader += 1) {
      const pieces = stuck.log(oneJobId, { file: 'ffmpeg_stderr.txt' });
      t.after(() => void pieces.return().catch(() => undefined));
      await pieces.next();
    }
    proxy.stopReading();
    // All 30 places are taken until they are cut off; then others can read.
    assert.equal(
      (await textOf(farm.client.log(oneJobId, { file: 'ffmpeg_stderr.txt', tailLines: 1 }))).length > 0,
      true,
    );
  });
});

suite('a log over HTTP', () => {
  test('is plain text with its length, from any byte, and in a range', async (t) => {
    const farm = await serve(t);
    await farm.add('one\ntwo\n\u001b[2Jthree\n');
    const ask = async (query: string, headers = {}) => {
      const reply = await fetch(`${farm.url}${query}`, { headers });
      return { reply, text: await reply.text() };
    };
    const { reply, text } = await ask('');
    assert.deepEqual([reply.status, text], [200, 'one\ntwo\n\u001b[2Jthree\n']);
    assert.equal(reply.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(reply.headers.get('content-length'), String(text.length));
    assert.equal((await ask('?offset=4')).text, text.slice(4));
    const part = await ask('', { range: 'bytes=8-' });
    assert.deepEqual([part.reply.status, part.text], [206, text.slice(8)]);
    assert.equal(part.reply.headers.get('content-range'), `bytes 8-${text.length - 1}/${text.length}`);
    assert.equal((await ask('?tail=1')).text, '\u001b[2Jthree\n');
    const refused = [
      await ask('?offset=99'),
      await ask('?file=/etc/passwd'),
      await ask('?file=ffmpeg_cmd.txt'),
    ];
    assert.deepEqual(
      refused.map((one) => one.reply.status),
      [400, 400, 404],
    );
    assert.match(refused[2]?.text ?? '', /"code":"LOG_NOT_FOUND"/u);
  });

  test('is followed to its end', async (t) => {
    const farm = await serve(t);
    await farm.add('one\n');
    const reply = await fetch(`${farm.url}?follow=1`);
    const text = reply.text();
    await farm.add('two\n');
    farm.stands({ hasEnded: true });
    await farm.end();
    assert.equal(await text, 'one\ntwo\n');
  });

  test('ends when the server stops, and is cut off when its reader takes nothing', async (t) => {
    const farm = await serve(t, { watchDrainMs: 100 });
    await farm.add('x'.repeat(20_000_000), 'ffmpeg_stderr.txt');
    await farm.add('one\n');
    const slow = Array.from({ length: 30 }, () => get(`${farm.url}?follow=1&file=ffmpeg_stderr.txt`));
    t.after(() => slow.forEach((one) => one.destroy()));
    // All at once: they come in any order.
    await Promise.all(slow.map((one) => once(one, 'response')));
    // All places are taken by readers that take nothing, until they are cut off.
    while ((await fetch(farm.url)).status === 429);
    const followed = await fetch(`${farm.url}?follow=1`);
    const text = followed.text();
    await farm.web.stop();
    assert.equal(await text, 'one\n');
  });
});

test('The CLI prints a log as lines that move no cursor, and follows it', async (t) => {
  const farm = await serve(t);
  await farm.add('10:00:00 - INFO - ok\t\u001b[2J\u202Eevil\r\n', 'job.log');
  const env = ['--address', farm.rpc.address];
  const shown = await startCli(['logs', oneJobId, ...env]).ended;
  assert.deepEqual([shown.code, shown.lines], [0, ['10:00:00 - INFO - ok\t\uFFFD[2J\uFFFDevil']]);
  const following = startCli(['logs', oneJobId, '-f', '--tail', '1', '--json', ...env]).ended;
  await farm.add('last');
  farm.stands({ hasEnded: true });
  await farm.end();
  const { code, lines } = await following;
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), { event: 'log', attempt: 0, line: 'last' });
  const unknown = await startCli(['logs', oneJobId.replace('a', 'b'), ...env]).ended;
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /Job not found: .* \[JOB_NOT_FOUND\]/u);
  const wrong = await startCli(['logs', oneJobId, '--file', '../x', ...env]).ended;
  assert.equal(wrong.code, 2);
});
