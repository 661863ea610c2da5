import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ServerCredentials } from '@grpc/grpc-js';
import { connect } from '../../client/renderfarm-client.ts';
import { startCli } from '../helpers/cli-process.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';

// Made for a hundred years, for 127.0.0.1 only; the authority's key is gone.
const folder = new URL('../fixtures/tls/', import.meta.url);
const [ca, cert, key, serverCert, serverKey] = await Promise.all(
  ['ca.pem', 'client.pem', 'client.key', 'server.pem', 'server.key'].map((name) =>
    readFile(new URL(name, folder), 'utf8'),
  ),
);
assert(ca !== undefined && cert !== undefined && key !== undefined);

function credentials(asksForCertificate: boolean): ServerCredentials {
  const pair = { cert_chain: Buffer.from(serverCert ?? ''), private_key: Buffer.from(serverKey ?? '') };
  return ServerCredentials.createSsl(Buffer.from(ca ?? ''), [pair], asksForCertificate);
}

const script = { listQueues: () => ({ queues: [] }) };

test('Both ends prove themselves with certificates', async () => {
  await using server = await startScriptedJobs(script, 0, credentials(true));
  using client = connect({ addresses: [server.address], tls: { ca, cert, key }, token: 'secret' });
  assert.deepEqual(await client.queues(), []);
});

test('An authority that we do not know is named as the reason', async () => {
  await using server = await startScriptedJobs(script, 0, credentials(false));
  using client = connect({ addresses: [server.address], tls: true, callTimeoutMs: 2_000 });
  await assert.rejects(client.queues(), /certificate/);
});

test('A certificate for another host is refused, also where the host is an IP address', async () => {
  await using server = await startScriptedJobs(script, 0, credentials(false), '127.0.0.2');
  using other = connect({ addresses: [server.address], tls: { ca }, callTimeoutMs: 2_000 });
  await assert.rejects(other.queues(), /127\.0\.0\.2 is not in the cert's list/);
});

test('A certificate for a name is accepted for that name', async () => {
  await using server = await startScriptedJobs(script, 0, credentials(false));
  using client = connect({ addresses: [`localhost:${server.port}`], tls: { ca } });
  assert.deepEqual(await client.queues(), []);
});

test('Certificates that are none are INVALID_OPTIONS', async () => {
  using client = connect({ addresses: ['127.0.0.1:1'], tls: { ca, cert: 'x', key: 'y' } });
  await assert.rejects(client.queues(), { code: 'INVALID_OPTIONS' });
});

test('The command line takes certificates from options and from the environment', async () => {
  await using server = await startScriptedJobs(script, 0, credentials(true));
  const path = (name: string) => fileURLToPath(new URL(name, folder));
  const env = { RENDERFARM_TLS_CA: path('ca.pem'), RENDERFARM_TLS_CERT: path('client.pem') };
  const run = startCli(['queues', '--tls-key', path('client.key'), '--address', server.address], { env });
  const { code, stderr } = await run.ended;
  assert.deepEqual([code, stderr], [0, '']);
});
