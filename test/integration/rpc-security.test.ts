import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  AgentServiceClient,
  agentIdKey,
  agentWire,
  attachToController,
  FarmServiceClient,
  JobServiceClient,
  LogServiceClient,
} from '../../proto/index.ts';
import { type Certificates, makeCertificates } from '../helpers/certificates.ts';
import { oneJobId } from '../helpers/fake-farm.ts';
import { ask, bearer, hello, startHarness } from './rpc-harness.ts';

const token = 'correct horse battery staple';

function codeOf(call: Promise<unknown>): Promise<number | string> {
  return call.then(
    () => 'answered',
    (error: unknown) => (error as ServiceError).code,
  );
}

suite('a token', () => {
  test('is asked for by every call but health, and compared whole', async () => {
    await using rpc = await startHarness({ token });
    const client = rpc.jobs();
    const get = (metadata: Metadata) =>
      codeOf(ask(client.getJob.bind(client), { jobId: oneJobId }, metadata));
    assert.equal(await get(new Metadata()), status.UNAUTHENTICATED);
    assert.equal(await get(bearer(`${token}x`)), status.UNAUTHENTICATED);
    assert.equal(await get(bearer(token.slice(1))), status.UNAUTHENTICATED);
    assert.equal(await get(bearer(token)), 'answered');
  });

  test('is asked for by streams too', async () => {
    await using rpc = await startHarness({ token });
    const refused = rpc.attach();
    refused.send(hello);
    await assert.rejects(refused.received[Symbol.asyncIterator]().next(), { code: status.UNAUTHENTICATED });
    assert.equal(rpc.farm.sessions.length, 0);
    const welcome = rpc.attach({}, bearer(token));
    welcome.send(hello);
    const first = await welcome.received[Symbol.asyncIterator]().next();
    assert.equal(first.done === true ? undefined : first.value.kind, 'welcome');
    const watch = rpc.jobs().watchJobs({ jobIds: [], userId: '', resumeToken: '', untilEnded: false });
    const error = await new Promise<ServiceError>((resolve) => watch.resume().once('error', resolve));
    assert.equal(error.code, status.UNAUTHENTICATED);
    assert.equal(rpc.farm.watches.length, 0);
  });
});

suite('an address beyond this PC', () => {
  const tls = { cert: 'unused', key: 'unused' };
  const unsafe = [
    ['0.0.0.0:0', {}, /needs TLS \(certificate and key\) and a token/],
    ['[::]:0', { tls }, /needs a token/],
    ['render.example:7000', { token }, /needs TLS/],
  ] as const;
  for (const [address, options, message] of unsafe) {
    test(`${address} is refused: ${String(message)}`, async () => {
      const start = startHarness({ addresses: ['127.0.0.1:0', address], ...options });
      await assert.rejects(start, { code: 'INSECURE_LISTEN', message });
    });
  }

  test('that is none is refused', async () => {
    await assert.rejects(startHarness({ addresses: ['here'] }), { code: 'BAD_ADDRESS' });
    await assert.rejects(startHarness({ addresses: [] }), { code: 'BAD_ADDRESS' });
  });

  test('that is taken is refused', async () => {
    await using rpc = await startHarness();
    await assert.rejects(startHarness({ addresses: [rpc.address] }), { code: 'LISTEN_FAILED' });
  });
});

suite('TLS', () => {
  let certificates: Certificates;
  before(async () => {
    certificates = await makeCertificates();
  });
  after(() => rm(certificates.folder, { recursive: true }));

  test('lets in who trusts our certificate and brings the token', async () => {
    const { ca, server } = certificates;
    await using rpc = await startHarness({ token, tls: server, addresses: ['0.0.0.0:0'] });
    const client = new JobServiceClient(rpc.address, credentials.createSsl(Buffer.from(ca)));
    const get = (metadata: Metadata) =>
      codeOf(ask(client.getJob.bind(client), { jobId: oneJobId }, metadata));
    assert.equal(await get(bearer(token)), 'answered');
    assert.equal(await get(new Metadata()), status.UNAUTHENTICATED);
    client.close();
    const inTheClear = rpc.jobs();
    assert.equal(
      await codeOf(ask(inTheClear.getJob.bind(inTheClear), { jobId: oneJobId }, bearer(token))),
      status.UNAVAILABLE,
    );
  });

  test('with a CA asks for a certificate, and an agent for its own name', async () => {
    const { ca, server, pc1 } = certificates;
    await using rpc = await startHarness({ tls: { ...server, ca } });
    const roots = Buffer.from(ca);
    const pair = [Buffer.from(pc1.key), Buffer.from(pc1.cert)] as const;
    const nobody = new JobServiceClient(rpc.address, credentials.createSsl(roots));
    assert.equal(await codeOf(ask(nobody.getJob.bind(nobody), { jobId: oneJobId })), status.UNAVAILABLE);
    nobody.close();
    const client = new AgentServiceClient(rpc.address, credentials.createSsl(roots, ...pair));
    const firstOf = async (agentId: string) => {
      const link = attachToController(client, { metadata: new Metadata() });
      link.send({ ...hello, agentId });
      try {
        const first = await link.received[Symbol.asyncIterator]().next();
        return first.done === true ? 'ended' : first.value.kind;
      } finally {
        link.close();
        await link.closed;
      }
    };
    assert.equal(await firstOf('pc1'), 'welcome');
    await assert.rejects(firstOf('pc2'), {
      code: status.UNAUTHENTICATED,
      details: 'Agent pc2 brings the certificate of pc1',
    });
    client.close();
  });

  test('with a CA believes the certificate, not what a caller says: whose log it is, and who gives an order', async () => {
    const { ca, server, pc1 } = certificates;
    await using rpc = await startHarness({ tls: { ...server, ca } });
    const channel = credentials.createSsl(Buffer.from(ca), Buffer.from(pc1.key), Buffer.from(pc1.cert));
    const logs = new LogServiceClient(rpc.address, channel);
    const lying = new Metadata();
    lying.set(agentIdKey, 'pc2');
    const target = { jobId: oneJobId, fence: { term: 1, counter: 1 }, file: agentWire.LogFile.JOB_LOG };
    assert.equal(await codeOf(ask(logs.getLogOffset.bind(logs), { target }, lying)), 'answered');
    rpc.farm.logOwner = 'pc2';
    assert.equal(await codeOf(ask(logs.getLogOffset.bind(logs), { target }, lying)), status.UNAUTHENTICATED);
    logs.close();
    const farm = new FarmServiceClient(rpc.address, channel);
    const order = { requestId: '', agentId: 'pc7', reason: '', by: 'somebody else' };
    await ask(farm.cordonAgent.bind(farm), order);
    assert.deepEqual(rpc.farm.orders, [{ ...order, kind: 'cordon', by: 'pc1' }]);
    farm.close();
  });

  test('that cannot be used is refused at the start', async () => {
    const { server } = certificates;
    await assert.rejects(startHarness({ tls: { ...server, key: 'no key' } }), { code: 'BAD_TLS' });
    await assert.rejects(startHarness({ tls: { ...server, ca: 'no certificate' } }), { code: 'BAD_TLS' });
  });
});
