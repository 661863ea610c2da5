import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { oneJobId } from '../helpers/fake-farm.ts';
import { startHarness } from './rpc-harness.ts';

const run = promisify(execFile);
// The binary itself, without its Node launcher: a watch is ended by a signal.
const buf = join(import.meta.dirname, '../../node_modules/.bin/buf');

/** `buf curl` knows nothing of our .proto files here: all it has is reflection. */
function curlArgs(address: string, method: string, ...more: string[]): string[] {
  return ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...more, `http://${address}/${method}`];
}

async function curl(address: string, method: string, ...more: string[]): Promise<string> {
  const { stdout } = await run(buf, curlArgs(address, method, ...more), { cwd: '/' });
  return stdout;
}

suite('buf curl, with nothing but reflection', () => {
  for (const version of ['grpc-v1', 'grpc-v1alpha']) {
    test(`lists and describes the services over ${version}`, async () => {
      await using rpc = await startHarness();
      const reflect = ['--reflect-protocol', version];
      const services = await curl(rpc.address, '', '--list-services', ...reflect);
      assert.deepStrictEqual(services.trim().split('\n').sort(), [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'renderfarm.v1.AgentService',
        'renderfarm.v1.FarmService',
        'renderfarm.v1.JobService',
        'renderfarm.v1.LogService',
      ]);
      const methods = await curl(rpc.address, '', '--list-methods', ...reflect);
      assert.match(methods, /^renderfarm\.v1\.JobService\/WatchJobs$/m);
      assert.match(methods, /^grpc\.health\.v1\.Health\/Check$/m);
    });
  }

  test('calls a method whose messages have Timestamp and Duration', async () => {
    await using rpc = await startHarness();
    const got: unknown = JSON.parse(
      await curl(
        rpc.address,
        'renderfarm.v1.JobService/GetJob',
        '--data',
        JSON.stringify({ jobId: oneJobId }),
      ),
    );
    assert.partialDeepStrictEqual(got, { job: { jobId: oneJobId, submittedAt: '2023-11-14T22:13:20Z' } });
    const queues: unknown = JSON.parse(await curl(rpc.address, 'renderfarm.v1.FarmService/ListQueues'));
    assert.partialDeepStrictEqual(queues, { queues: [{ oldestWait: '1.500s' }] });
  });

  test('submits a job and is told what is wrong with it', async () => {
    await using rpc = await startHarness();
    const job = { userId: 'u', channelName: 'c', items: [{ itemType: 'ITEM_TYPE_IMAGE', duration: '-1s' }] };
    const call = curl(rpc.address, 'renderfarm.v1.JobService/SubmitJob', '--data', JSON.stringify({ job }));
    const error: unknown = await call.catch((cause: unknown) => cause);
    assert.ok(error instanceof Error && 'stderr' in error);
    assert.match(String(error.stderr), /No path for image at position 0/);
    assert.match(String(error.stderr), /google\.rpc\.BadRequest/);
  });

  test('watches jobs', async () => {
    await using rpc = await startHarness();
    const args = curlArgs(rpc.address, 'renderfarm.v1.JobService/WatchJobs', '--data', '{}');
    const child = spawn(buf, args, { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    const over = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    const seen: string[] = [];
    for await (const line of lines) {
      seen.push(line);
      if (line.includes('resumeToken')) break;
    }
    assert.match(seen.join('\n'), new RegExp(oneJobId));
    // The watch lasts until the server ends it.
    await rpc.server.stop();
    await over;
  });
});

suite('health', () => {
  const check = async (address: string, service: string): Promise<unknown> =>
    JSON.parse(
      await curl(address, 'grpc.health.v1.Health/Check', '--data', JSON.stringify({ service })).catch(
        (error: unknown) => JSON.stringify({ error: String(error) }),
      ),
    );

  test('follows whether the farm serves, and asks for no token', async () => {
    await using rpc = await startHarness({ token: 't' });
    const local = ['--schema', join(import.meta.dirname, '../../controller/rpc/proto-standard')];
    const ask = async () =>
      JSON.parse(await curl(rpc.address, 'grpc.health.v1.Health/Check', ...local)) as unknown;
    assert.deepStrictEqual(await ask(), { status: 'SERVING' });
    rpc.farm.setServing(false);
    assert.deepStrictEqual(await ask(), { status: 'NOT_SERVING' });
  });

  test('knows our services and no others', async () => {
    await using rpc = await startHarness();
    assert.deepStrictEqual(await check(rpc.address, 'renderfarm.v1.JobService'), { status: 'SERVING' });
    const unknown = await check(rpc.address, 'nothing.Here');
    assert.match(JSON.stringify(unknown), /not_found/);
  });

  test('tells watchers each change, and the end', async () => {
    await using rpc = await startHarness();
    const args = curlArgs(rpc.address, 'grpc.health.v1.Health/Watch');
    const child = spawn(buf, args, { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    const over = once(child, 'exit') as Promise<[number | null]>;
    const states: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const state = /"status": *"(\w+)"/.exec(line)?.[1];
      if (state === undefined) continue;
      states.push(state);
      if (states.length === 1) rpc.farm.setServing(false);
      if (states.length === 2) rpc.farm.setServing(true);
      if (states.length === 3) void rpc.server.stop();
    }
    assert.deepStrictEqual(states, ['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
    assert.deepStrictEqual((await over)[0], 0);
    assert.equal(rpc.farm.listenerCount, 0);
  });
});
