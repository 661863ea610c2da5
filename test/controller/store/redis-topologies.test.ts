import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Store } from '../../../controller/store/port.ts';
import type { RedisAddress } from '../../../controller/store/redis/redis-address.ts';
import { openRedisStore } from '../../../controller/store/redis/redis-store.ts';
import { type RedisServer, startRedisServer } from '../../helpers/redis-server.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { eventually, testLease, untilItWorks } from './redis-harness.ts';
import { batch, lead, record, takeLead } from './store-harness.ts';

const committed = { result: 'committed' } as const;

function openAt(t: TestContext, address: RedisAddress): Store {
  const store = openRedisStore({ address, farmName: 'farm', lease: testLease, leadRetryMs: 10 });
  t.after(() => store.close());
  return store;
}

/** A port that nobody has at the moment; Redis wants its ports to be named. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

test('Redis Cluster: all keys of a farm lie in one slot, through a whole life of the store', async (t) => {
  const port = await freePort();
  const server = await startRedisServer(t, {
    port,
    settings: {
      'cluster-enabled': 'yes',
      'cluster-port': String(await freePort()),
      'cluster-announce-ip': '127.0.0.1',
    },
  });
  await server.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await eventually(async () => (await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  const store = openAt(t, { kind: 'cluster', nodes: [{ host: '127.0.0.1', port }] });
  const epoch = await untilItWorks(() => lead(store));
  assert.deepEqual(await store.commit(batch(1, [record('a'), record('b')]), epoch), committed);
  const whole = { farmId: 'f', number: 2, records: [record('c')] };
  assert.deepEqual(await store.rewrite(whole, epoch), committed);
  assert.deepEqual(await store.load(), { farmId: 'f', lastBatch: 2, records: [record('c')] });
  assert.deepEqual((await store.leader())?.epoch, epoch);
  const { warnings } = await store.durability();
  assert.ok(warnings.some((warning) => warning.includes('failover')));
  const slots = new Set<string>();
  for (const name of ['farm', 'lease', 'records', 'staged']) {
    slots.add(await server.command('CLUSTER', 'KEYSLOT', `{renderfarm:farm}:${name}`));
  }
  assert.equal(slots.size, 1);
});

interface Watched {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinelPort: number;
}

/** A master, a replica in sync with it, and one Sentinel that watches both. */
async function startWatched(t: TestContext): Promise<Watched> {
  const [masterPort, replicaPort, sentinelPort] = [await freePort(), await freePort(), await freePort()];
  const master = await startRedisServer(t, { port: masterPort });
  const replica = await startRedisServer(t, {
    port: replicaPort,
    settings: { replicaof: `127.0.0.1 ${masterPort}`, 'repl-diskless-sync-delay': '0' },
  });
  await eventually(async () =>
    (await replica.command('INFO', 'replication')).includes('master_link_status:up'),
  );
  const folder = join(await tempFolder(t), 'sentinel');
  await mkdir(folder);
  await writeFile(
    join(folder, 'sentinel.conf'),
    [
      `sentinel monitor farm 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds farm 300',
      'sentinel failover-timeout farm 3000',
      '',
    ].join('\n'),
  );
  await startRedisServer(t, { folder, port: sentinelPort, sentinelFile: join(folder, 'sentinel.conf') });
  return { master, replica, sentinelPort };
}

test('Redis Sentinel: when the master dies the store goes on at the replica', async (t) => {
  const { master, replica, sentinelPort } = await startWatched(t);
  const store = openAt(t, {
    kind: 'sentinel',
    sentinels: [{ host: '127.0.0.1', port: sentinelPort }],
    master: 'farm',
    db: 0,
  });
  const { epoch } = await untilItWorks(() => takeLead(store, 'leader'));
  assert.deepEqual(await store.commit(batch(1, [record('a')]), epoch), committed);
  const { description, warnings } = await store.durability();
  assert.match(description, /redis master farm of sentinels 127\.0\.0\.1/u);
  assert.ok(warnings.some((warning) => warning.includes('min-replicas-to-write is 0')));
  // As the protocol says it: nothing would be `$-1`, which has a 1 in it too.
  await eventually(
    async () => (await replica.command('HGET', '{renderfarm:farm}:farm', 'lastBatch')) === '$1\r\n1\r\n',
  );
  await master.kill();
  const again = await untilItWorks(() => takeLead(store, 'leader'));
  assert.ok(again.epoch.term > epoch.term);
  assert.deepEqual(await untilItWorks(() => store.commit(batch(2, [record('b')]), again.epoch)), committed);
  assert.match(await replica.command('ROLE'), /master/u);
  assert.deepEqual((await store.load()).records.map(({ id }) => id).toSorted(), ['a', 'b']);
});
