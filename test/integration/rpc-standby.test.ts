import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { detailsOf } from '../../client/error-details.ts';
import { notLeading } from '../../controller/engine/leadership-errors.ts';
import type { ControllerMessage } from '../../proto/agent-link.ts';
import type { StreamLink } from '../../proto/index.ts';
import { ask, hello, startHarness } from './rpc-harness.ts';

const leader = '192.0.2.7:7070';

/** A server over a farm that somebody else leads. */
async function startStandby(leaderAddresses: readonly string[]) {
  const rpc = await startHarness();
  rpc.farm.role = 'standby';
  rpc.farm.leaderAddresses = leaderAddresses;
  rpc.farm.failure = notLeading(leaderAddresses);
  rpc.farm.setServing(false);
  return rpc;
}

async function all(link: Pick<StreamLink<never, ControllerMessage>, 'received'>): Promise<unknown[]> {
  const got: unknown[] = [];
  for await (const message of link.received) got.push(message);
  return got;
}

suite('a standby', () => {
  test('sends an agent to the leader, before its Hello and after it, and ends the stream cleanly', async () => {
    await using rpc = await startStandby([leader, '192.0.2.8:7070']);
    const redirect = { kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0, address: leader };
    const silent = rpc.attach();
    assert.deepEqual(await all(silent), [redirect]);
    assert.deepEqual(await silent.closed, { by: 'them' });
    const eager = rpc.attach();
    eager.send(hello);
    assert.deepEqual(await all(eager), [redirect]);
    assert.equal(rpc.farm.sessions.length, 0);
  });

  test('that does not know the leader sends agents on without an address', async () => {
    await using rpc = await startStandby([]);
    const [goodbye] = await all(rpc.attach());
    assert.deepEqual(goodbye, { kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0 });
  });

  test('sends an agent on whose attach was overtaken by the loss of the leadership', async () => {
    await using rpc = await startHarness();
    const link = rpc.attach();
    const received = all(link);
    rpc.farm.failure = notLeading([]);
    const { failure } = rpc.farm;
    Object.defineProperty(rpc.farm, 'failure', {
      get() {
        rpc.farm.role = 'lost';
        rpc.farm.leaderAddresses = [];
        return failure;
      },
    });
    link.send(hello);
    assert.deepEqual(await received, [{ kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0 }]);
  });

  test('tells every other caller where the leader is, and when to try again', async () => {
    await using rpc = await startStandby([leader]);
    const jobs = rpc.jobs();
    const refused = (error: unknown) => {
      const { code, metadata } = error as ServiceError;
      assert.equal(code, status.UNAVAILABLE);
      assert.deepEqual(detailsOf(metadata), { code: 'NOT_LEADING', leader, retryAfterMs: 1_000 });
      return true;
    };
    await assert.rejects(
      ask(jobs.listJobs.bind(jobs), { pageSize: 0, pageToken: '', userId: '', queue: '', states: [] }),
      refused,
    );
    const farms = rpc.farms();
    await assert.rejects(ask(farms.listQueues.bind(farms), {}), refused);
  });
});
