import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { agentIdKey, agentWire, type LogServiceClient } from '../../proto/index.ts';
import { oneJobId } from '../helpers/fake-farm.ts';
import { ask, startHarness } from './rpc-harness.ts';

function target(file: agentWire.LogFile = agentWire.LogFile.JOB_LOG, counter = 1): agentWire.LogTarget {
  return { jobId: oneJobId, fence: { term: 1, counter }, file };
}

/** What the owner of the fake farm's attempts says of itself. */
function saying(agentId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(agentIdKey, agentId);
  return metadata;
}

const owner = saying('pc1');

function upload(
  client: LogServiceClient,
  parts: readonly agentWire.UploadLogRequest['part'][],
  metadata = owner,
): Promise<agentWire.UploadLogResponse> {
  return new Promise((resolve, reject) => {
    const call = client.uploadLog(metadata, (error: ServiceError | null, response) =>
      error ? reject(error) : resolve(response),
    );
    for (const part of parts) call.write({ part });
    call.end();
  });
}

function data(offsetBytes: number, text: string): agentWire.UploadLogRequest['part'] {
  return { $case: 'data', value: { offsetBytes, data: Buffer.from(text) } };
}

suite('uploading a log', () => {
  test('goes on from what the controller has', async () => {
    await using rpc = await startHarness();
    const client = rpc.logs();
    const offset = () => ask(client.getLogOffset.bind(client), { target: target() }, owner);
    assert.deepStrictEqual(await offset(), { offsetBytes: 0 });
    const first = await upload(client, [{ $case: 'target', value: target() }, data(0, 'hel')]);
    assert.deepStrictEqual(first, { sizeBytes: 3 });
    assert.deepStrictEqual(await offset(), { offsetBytes: 3 });
    const parts = [{ $case: 'target', value: target() }, data(1, 'ello'), data(5, ' world')] as const;
    assert.deepStrictEqual(await upload(client, parts), { sizeBytes: 11 });
    const path = join(rpc.root, `2026-11-22/ann/jobs/Chan_${oneJobId}/job.log`);
    assert.equal(await readFile(path, 'utf8'), 'hello world');
  });

  test('takes more than fits into a message, and into a queue, in order', async () => {
    await using rpc = await startHarness();
    const text = 'x'.repeat(100_000);
    const parts = Array.from({ length: 30 }, (_, index) => data(index * text.length, text));
    const file = agentWire.LogFile.FFMPEG_STDERR;
    const reply = await upload(rpc.logs(), [{ $case: 'target', value: target(file, 2) }, ...parts]);
    assert.deepStrictEqual(reply, { sizeBytes: 3_000_000 });
  });

  const refusals = [
    ['without a target', [data(0, 'x')], status.INVALID_ARGUMENT, /target: must come first/],
    ['with two targets', [target(), target()], status.INVALID_ARGUMENT, /target: must come once/],
    ['with a gap', [target(), data(5, 'x')], status.OUT_OF_RANGE, /has 0 bytes, not the 5/],
    ['of no known file', [target(9 as 1)], status.INVALID_ARGUMENT, /target\.file: must be one of job\.log/],
    [
      'of no known job',
      [{ ...target(), jobId: oneJobId.replace('a', 'b') }],
      status.NOT_FOUND,
      /^Job not found/,
    ],
    [
      'in too large pieces',
      [target(), data(0, 'x'.repeat(262_145))],
      status.INVALID_ARGUMENT,
      /at most 262144 bytes/,
    ],
  ] as const;
  for (const [what, parts, code, text] of refusals) {
    test(`${what} is refused`, async () => {
      await using rpc = await startHarness();
      const sent = parts.map((part) =>
        part !== undefined && 'jobId' in part ? { $case: 'target' as const, value: part } : part,
      );
      const error: unknown = await upload(rpc.logs(), sent).catch((cause: unknown) => cause);
      assert.equal((error as ServiceError).code, code);
      assert.match((error as ServiceError).details, text);
    });
  }

  test('of another agent’s attempt, or by nobody, is refused: its size too', async () => {
    await using rpc = await startHarness();
    const client = rpc.logs();
    for (const [metadata, text] of [
      [saying('pc2'), /written by pc1: not by pc2$/],
      [new Metadata(), /written by pc1: the caller does not say who it is \(renderfarm-agent-id\)$/],
    ] as const) {
      const part = { $case: 'target', value: target() } as const;
      const sent: unknown = await upload(client, [part, data(0, 'x')], metadata).catch((e: unknown) => e);
      assert.equal((sent as ServiceError).code, status.UNAUTHENTICATED);
      assert.match((sent as ServiceError).details, text);
      const asked: unknown = await ask(
        client.getLogOffset.bind(client),
        { target: target() },
        metadata,
      ).catch((e: unknown) => e);
      assert.equal((asked as ServiceError).code, status.UNAUTHENTICATED);
    }
  });

  test('that falls silent is ended', async () => {
    await using rpc = await startHarness({ limits: { uploadIdleMs: 20 } });
    const error = await new Promise<ServiceError | null>((resolve) => {
      rpc
        .logs()
        .uploadLog(owner, resolve)
        .write({ part: { $case: 'target', value: target() } });
    });
    assert.match(String(error?.details), /sent nothing for 20 ms/);
  });
});
