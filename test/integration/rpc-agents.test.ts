import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { suite, test } from 'node:test';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { FarmError } from '../../controller/domain/errors.ts';
import type { AgentMessage, ControllerMessage, ResolvedItem } from '../../proto/agent-link.ts';
import { attachToController, LinkError, type StreamLink } from '../../proto/index.ts';
import { restart } from '../helpers/fake-farm.ts';
import { hello, startHarness } from './rpc-harness.ts';

const ref = { jobId: 'j', fence: { term: 1, counter: 1 } };
const progress: AgentMessage = {
  kind: 'progress',
  ref,
  state: 'running',
  percent: 1,
  framesDone: 1,
  framesTotal: 100,
};

async function collect<T>(messages: AsyncIterable<T>): Promise<{ got: T[]; error: unknown }> {
  const got: T[] = [];
  try {
    for await (const message of messages) got.push(message);
    return { got, error: undefined };
  } catch (error) {
    return { got, error };
  }
}

function announce(count: number, path: string): ControllerMessage {
  const items: ResolvedItem[] = Array.from({ length: count }, (_, position) => ({
    position,
    itemType: 'video',
    path,
  }));
  return { kind: 'announce', announcementId: 'a', jobId: 'j', channelName: 'c', items };
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error ? Number(error.code) : undefined;
}

suite('an agent’s stream', () => {
  test('is a session from Hello to Goodbye, with messages in order both ways', async () => {
    await using rpc = await startHarness();
    const link = rpc.attach();
    const attached = rpc.farm.nextSession();
    link.send(hello);
    const session = await attached;
    link.send(progress);
    const goodbye: AgentMessage = { kind: 'goodbye', reason: 'shutdown', givesBack: [ref] };
    link.send(goodbye);
    link.close();
    const { got, error } = await collect(link.received);
    assert.equal(error, undefined);
    assert.deepStrictEqual(
      got.map(({ kind }) => kind),
      [],
    );
    assert.equal(await session.ended, 'goodbye');
    assert.deepStrictEqual(session.hello, hello);
    assert.deepStrictEqual(session.delivered, [progress, goodbye]);
    assert.deepStrictEqual(await link.closed, { by: 'us' });
  });

  test('that ends without a Goodbye is closed, half-closed or broken', async () => {
    await using rpc = await startHarness();
    for (const leave of [
      (link: StreamLink<AgentMessage, ControllerMessage>) => link.close(),
      (link: StreamLink<AgentMessage, ControllerMessage>) => link.close(new Error('away')),
    ]) {
      const attached = rpc.farm.nextSession();
      const link = rpc.attach();
      link.send(hello);
      const session = await attached;
      leave(link);
      assert.equal(await session.ended, 'closed');
    }
  });

  test('that the farm ends gives the agent its Goodbye and a clean end', async () => {
    await using rpc = await startHarness();
    const attached = rpc.farm.nextSession();
    const link = rpc.attach();
    link.send(hello);
    const session = await attached;
    session.outlet.end(restart);
    session.outlet.end(restart);
    session.outlet.send({ kind: 'probe', probeId: 'never sent' });
    const { got, error } = await collect(link.received);
    assert.equal(error, undefined);
    assert.deepStrictEqual(
      got.map(({ kind }) => kind),
      ['welcome', 'goodbye'],
    );
    assert.equal(await session.ended, 'ours');
    assert.deepStrictEqual(await link.closed, { by: 'them' });
  });

  test('waits while the farm’s inbox is full, and loses nothing', async () => {
    await using rpc = await startHarness();
    rpc.farm.room = false;
    const attached = rpc.farm.nextSession();
    const link = rpc.attach();
    link.send(hello);
    const session = await attached;
    for (let percent = 0; percent < 100; percent += 1) {
      if (!link.send({ ...progress, percent })) await link.drained();
    }
    const goodbye: AgentMessage = { kind: 'goodbye', reason: 'sleep', givesBack: [] };
    link.send(goodbye);
    assert.ok(session.delivered.length <= 1);
    rpc.farm.makeRoom();
    link.close();
    assert.equal(await session.ended, 'goodbye');
    assert.equal(session.delivered.length, 101);
  });
});

suite('a refused stream', () => {
  const refusals = [
    { first: progress, code: status.INVALID_ARGUMENT, text: /first message is progress, not hello/ },
    {
      first: { ...hello, agentId: '' },
      code: status.INVALID_ARGUMENT,
      text: /^hello\.agent_id: must be given/,
    },
  ] as const;
  for (const { first, code, text } of refusals) {
    test(`is told ${String(text)}`, async () => {
      await using rpc = await startHarness();
      const link = rpc.attach();
      link.send(first);
      const { error } = await collect(link.received);
      assert.equal(codeOf(error), code);
      assert.match((error as ServiceError).details, text);
    });
  }

  test('is told so when no Hello comes', async () => {
    await using rpc = await startHarness({ limits: { helloMs: 20 } });
    const { error } = await collect(rpc.attach().received);
    assert.match((error as ServiceError).details, /No Hello came within 20 ms/);
  });

  test('has the farm’s own error', async () => {
    await using rpc = await startHarness();
    rpc.farm.failure = new FarmError('PROTOCOL_VERSION', 'This controller speaks 1 to 1, the agent 2 to 3');
    const link = rpc.attach();
    link.send(hello);
    const { error } = await collect(link.received);
    assert.equal(codeOf(error), status.FAILED_PRECONDITION);
    assert.match((error as ServiceError).details, /speaks 1 to 1/);
  });

  test('ends the session when a second Hello comes', async () => {
    await using rpc = await startHarness();
    const attached = rpc.farm.nextSession();
    const link = rpc.attach();
    link.send(hello);
    const session = await attached;
    link.send(hello);
    assert.equal(await session.ended, 'ours');
    const { error } = await collect(link.received);
    assert.match((error as ServiceError).details, /second Hello/);
  });
});

suite('traps of grpc-js that links rely on', () => {
  test('a message over the limit is refused at the sender, and the stream lives on', async () => {
    await using rpc = await startHarness();
    const attached = rpc.farm.nextSession();
    const link = rpc.attach();
    link.send(hello);
    const session = await attached;
    session.outlet.send(announce(2_000, 'x'.repeat(600)));
    session.outlet.send({ kind: 'probe', probeId: 'still here' });
    session.outlet.end();
    const { got, error } = await collect(link.received);
    assert.equal(error, undefined);
    assert.deepStrictEqual(
      got.map(({ kind }) => kind),
      ['welcome', 'probe'],
    );
    const [entry] = rpc.logged.filter(({ message }) => message === 'Not sent');
    assert.ok(entry && 'err' in entry.fields && entry.fields.err instanceof LinkError);
    assert.equal(entry.fields.err.code, 'MESSAGE_TOO_LARGE');
  });

  test('an agent that takes nothing is cut off, and its stream is reset', async () => {
    await using rpc = await startHarness({ limits: { endMs: 50 } });
    const attached = rpc.farm.nextSession();
    const link = rpc.attach({ unreadMax: 1 });
    link.send(hello);
    const session = await attached;
    // 400 KiB each: far more than the connection takes on its own.
    const large = announce(1_000, 'x'.repeat(400));
    for (let count = 0; count < 400; count += 1) session.outlet.send(large);
    assert.equal(await session.ended, 'ours');
    const { got, error } = await collect(link.received);
    assert.ok(got.length < 256, `${got.length} messages came through`);
    assert.match(String(error), /CANCELLED|ABORTED/);
  });

  test('a broken connection ends the session as closed', async () => {
    await using rpc = await startHarness();
    const sockets = new Set<ReturnType<typeof connect>>();
    const proxy = createServer((near) => {
      const far = connect(rpc.server.port, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const bound = proxy.address();
    assert.ok(typeof bound === 'object' && bound !== null);
    const client = new Client(`127.0.0.1:${bound.port}`, credentials.createInsecure());
    const attached = rpc.farm.nextSession();
    const link = attachToController(client, { metadata: new Metadata() });
    link.send(hello);
    const session = await attached;
    proxy.close();
    for (const socket of sockets) socket.resetAndDestroy();
    assert.equal(await session.ended, 'closed');
    assert.equal(codeOf((await collect(link.received)).error), status.UNAVAILABLE);
    client.close();
  });

  test('a server that accepts and stays silent leaves the link to its caller’s watchdog', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const accepted = once(silent, 'connection');
    const bound = silent.address();
    assert.ok(typeof bound === 'object' && bound !== null);
    const client = new Client(`127.0.0.1:${bound.port}`, credentials.createInsecure());
    const watchdog = new AbortController();
    const link = attachToController(client, { metadata: new Metadata(), signal: watchdog.signal });
    link.send(hello);
    const [socket] = (await accepted) as [ReturnType<typeof connect>];
    assert.equal(link.end, undefined);
    watchdog.abort(new Error('no connection within 5 s'));
    const { error } = await collect(link.received);
    assert.match(String(error), /no connection within 5 s/);
    client.close();
    socket.destroy();
    silent.close();
  });
});

suite('stopping the server', () => {
  test('with open streams says Goodbye, ends them all and leaks nothing', async () => {
    await using rpc = await startHarness({ limits: { stopMs: 60_000 } });
    const attached = rpc.farm.nextSession();
    const link = rpc.attach();
    link.send(hello);
    const session = await attached;
    const watch = rpc.jobs().watchJobs({ jobIds: [], userId: '', resumeToken: '', untilEnded: false });
    const watchOver = once(watch, 'error') as Promise<[ServiceError]>;
    await once(watch, 'data');
    const watchMore = watch.resume();
    // It would take 60 s if anything stayed open.
    await rpc.server.stop();
    const { got } = await collect(link.received);
    assert.deepStrictEqual(
      got.map(({ kind }) => kind),
      ['welcome', 'goodbye'],
    );
    assert.equal(await session.ended, 'ours');
    assert.equal((await watchOver)[0].code, status.UNAVAILABLE);
    assert.ok(watchMore.destroyed || watchMore.readableEnded);
    assert.equal(rpc.farm.listenerCount, 0);
    await rpc.server.stop();
  });

  test('cuts a stream whose reader takes nothing', async () => {
    await using rpc = await startHarness({ limits: { stopMs: 100, endMs: 60_000 } });
    const attached = rpc.farm.nextSession();
    const link = rpc.attach({ unreadMax: 1 });
    link.send(hello);
    const session = await attached;
    for (let count = 0; count < 100; count += 1) session.outlet.send(announce(1_000, 'x'.repeat(400)));
    await rpc.server.stop();
    assert.equal(await session.ended, 'ours');
    assert.notEqual((await collect(link.received)).error, undefined);
  });
});
