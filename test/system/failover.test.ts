import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobInput } from '../../client/job-input.ts';
import { connect } from '../../client/renderfarm-client.ts';
import { fenceText } from '../../proto/agent-link.ts';
import { RedisProxy } from '../controller/store/redis-proxy.ts';
import { startRedisServer } from '../helpers/redis-server.ts';
import { ControllerRoom, type SpawnedController } from '../helpers/two-controllers.ts';
import { WaitingAgent } from '../helpers/waiting-agent.ts';

const job: JobInput = {
  userId: 'ann',
  channelName: 'Kids TV',
  items: [{ position: 0, itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' }],
};

test('Whatever ends a leader, the standby leads, and no render is lost, repeated or published twice', async (t) => {
  const redis = await startRedisServer(t);
  const room = await ControllerRoom.open(t);
  const proxies = {
    a: await RedisProxy.start(t, redis.folder, redis.path),
    b: await RedisProxy.start(t, redis.folder, redis.path),
  };
  const storeOf = (name: 'a' | 'b') => ({ kind: 'redis', url: `unix://${proxies[name].path}` });
  const otherFarm = await room.start('other', { kind: 'redis', url: redis.url }, { farm: 'other' });
  await otherFarm.program.saw('leading the farm');
  let a = await room.start('a', storeOf('a'));
  await a.program.saw('leading the farm');
  let b = await room.start('b', storeOf('b'));
  await b.program.saw('another controller leads');
  const addresses = [a.address, b.address];
  const agents = ['pc1', 'pc2'].map(
    (agentId) => new WaitingAgent({ agentId, slots: 3, controllers: addresses }),
  );
  t.after(() => Promise.all(agents.map((agent) => agent.stop())));
  const client = connect({ addresses, backoffFirstMs: 100, backoffMaxMs: 500 });
  t.after(() => client.close());
  const jobIds = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => (await client.submit(job)).jobId));
  for (const agent of agents) await agent.until(({ started }) => started.length === 3);

  /** Every agent is with a leader of a higher term than before. */
  const nextTerm = async (leader: SpawnedController): Promise<void> => {
    await leader.program.saw('leading the farm');
    const before = Math.max(...reigns);
    for (const agent of agents) await agent.until(({ welcomes }) => (welcomes.at(-1)?.term ?? 0) > before);
    const terms = new Set(agents.map(({ welcomes }) => welcomes.at(-1)?.term ?? 0));
    assert.equal(terms.size, 1, 'all of them are with the same leader');
    reigns.push(...terms);
  };
  const reigns = agents.map(({ welcomes }) => welcomes[0]?.term ?? 0).slice(0, 1);

  await t.test('asked to stop (SIGTERM), it resigns', async () => {
    assert.equal(await a.program.kill('SIGTERM'), 0);
    await nextTerm(b);
    a = await room.start('a', storeOf('a'), { listen: [a.address] });
    await a.program.saw('another controller leads');
  });

  await t.test('killed (kill -9), its lease runs out', async () => {
    await b.program.kill('SIGKILL');
    await nextTerm(a);
    b = await room.start('b', storeOf('b'), { listen: [b.address] });
    await b.program.saw('another controller leads');
  });

  await t.test(
    'frozen (SIGSTOP), it holds nobody, and knows that it leads no more when it wakes up',
    async () => {
      a.program.child.kill('SIGSTOP');
      await nextTerm(b);
      a.program.child.kill('SIGCONT');
      await a.program.saw('the leadership is lost');
      await a.program.saw('another controller leads');
      assert.equal(a.program.count('leading the farm'), 1);
    },
  );

  await t.test('cut off from Redis, it stands down; what it had sent arrives too late', async () => {
    proxies.b.plan = () => 'hold';
    // Somebody asks it for a change that cannot become durable there; it will, at whoever leads next.
    const late = client.submit({ ...job, jobId: lateJobId, channelName: 'Late' });
    await nextTerm(a);
    assert.equal((await late).jobId, lateJobId);
    await b.program.saw('the leadership is lost');
    proxies.b.plan = () => undefined;
    proxies.b.release();
    await b.program.saw('another controller leads');
    assert.equal(a.program.count('the leadership is lost'), 1);
  });

  const watching = ended(client, [...jobIds, lateJobId]);
  for (const agent of agents) agent.finish();
  assert.deepEqual(await watching, new Set(['published']));
  for (const jobId of jobIds) {
    const attempts = await Array.fromAsync(client.attempts(jobId));
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['published'],
      'it was rendered once',
    );
  }
  const published = agents.flatMap(({ publishedJobIds }) => publishedJobIds);
  assert.deepEqual(published.toSorted(), [...jobIds, lateJobId].toSorted());
  const fences = agents.flatMap(({ started }) => started.map(({ fence }) => fenceText(fence)));
  assert.equal(new Set(fences).size, 7, 'no fence was issued twice');
  assert.deepEqual(
    agents.flatMap(({ stopped }) => stopped),
    [],
  );
  assert.deepEqual(
    agents.flatMap(({ alarms }) => alarms),
    [],
    'nobody ever showed a term that is too low',
  );
  assert.deepEqual(
    reigns,
    [...new Set(reigns)].toSorted((x, y) => x - y),
    'terms strictly rise',
  );
  assert.equal(otherFarm.program.count('the leadership is lost'), 0, 'the other farm has noticed nothing');
});

const lateJobId = 'aaaaaaaa-0000-4000-8000-000000000001';

async function ended(
  client: ReturnType<typeof connect>,
  jobIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const states = new Map<string, string>();
  for await (const { job: now } of client.watch({ jobIds })) states.set(now.jobId, now.state);
  return new Set(states.values());
}
