import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { type Durability, StoreIncompatible, StoreUnavailable } from '../../../controller/store/port.ts';
import type { RedisStoreOptions } from '../../../controller/store/redis/redis-store.ts';
import { startRedisServer } from '../../helpers/redis-server.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { newFarm, openOn } from './redis-harness.ts';
import { lead } from './store-harness.ts';

const server = await startRedisServer({ after });

async function durabilityWith(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
  more: Partial<RedisStoreOptions> = {},
): Promise<Durability> {
  for (const [name, value] of Object.entries(settings)) await server.command('CONFIG', 'SET', name, value);
  const store = openOn(server, newFarm(), more);
  t.after(() => store.close());
  return await store.durability();
}

test('Redis: with appendfsync always nothing acknowledged can be lost, and it says what it found', async (t) => {
  const { description, warnings } = await durabilityWith(t, { appendfsync: 'always' });
  assert.deepEqual(warnings, []);
  for (const words of [
    server.path,
    'role master',
    'appendonly yes',
    'appendfsync always',
    'min-replicas-to-write 0',
    'maxmemory-policy noeviction',
  ]) {
    assert.ok(description.includes(words), `${words}: ${description}`);
  }
});

test('Redis: every setting by which an acknowledged job could be lost is a warning of its own', async (t) => {
  const settings: readonly (readonly [string, string, string, RegExp])[] = [
    ['appendfsync', 'everysec', 'always', /everysec: a power cut loses the last second/u],
    ['appendfsync', 'no', 'always', /appendfsync is no/u],
    ['no-appendfsync-on-rewrite', 'yes', 'no', /no-appendfsync-on-rewrite is yes/u],
    ['appendonly', 'no', 'yes', /appendonly is off: when Redis ends, everything is lost/u],
  ];
  for (const [name, value, otherwise, warning] of settings) {
    const { warnings } = await durabilityWith(t, { [name]: value });
    assert.equal(warnings.length, 1, `${name} ${value}: ${warnings.join('; ')}`);
    assert.match(warnings[0] ?? '', warning);
    await server.command('CONFIG', 'SET', name, otherwise);
  }
});

test('Redis: one that may throw records away is refused before anything is written there', async (t) => {
  const farmName = newFarm();
  await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  t.after(() => server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'));
  const store = openOn(server, farmName);
  t.after(() => store.close());
  await assert.rejects(lead(store), (error: Error) => {
    assert.ok(error instanceof StoreIncompatible);
    assert.match(error.message, /maxmemory-policy is allkeys-lru.*noeviction/u);
    return true;
  });
  assert.equal(await server.command('EXISTS', `{renderfarm:${farmName}}:farm`), ':0\r\n');
});

test('Redis: a managed one that forbids CONFIG and INFO is used, and what is unknown is said', async (t) => {
  await server.command(
    'ACL',
    'SETUSER',
    'managed',
    'on',
    '>managed-password',
    '~*',
    '&*',
    '+@all',
    '-config',
  );
  const login = { username: 'managed', password: 'managed-password' };
  const config = await durabilityWith(t, {}, { login });
  assert.match(config.description, /role master, appendonly yes, appendfsync unknown/u);
  assert.equal(config.warnings.length, 1);
  assert.match(config.warnings[0] ?? '', /CONFIG is forbidden here/u);
  await server.command('ACL', 'SETUSER', 'managed', '-info');
  const store = openOn(server, newFarm(), { login });
  t.after(() => store.close());
  assert.equal((await lead(store)).term, 1);
  const { warnings } = await store.durability();
  assert.deepEqual(
    warnings.map((warning) => warning.split(' ')[0]),
    ['CONFIG', 'INFO', 'maxmemory-policy'],
  );
});

test('Redis: a wrong password is named as such, and stands in no error', async (t) => {
  await server.command('ACL', 'SETUSER', 'farm', 'on', '>right-password', '~*', '&*', '+@all');
  const right = openOn(server, newFarm(), { login: { username: 'farm', password: 'right-password' } });
  const wrong = openOn(server, newFarm(), { login: { username: 'farm', password: 'wrong-password' } });
  t.after(() => Promise.all([right.close(), wrong.close()]));
  assert.equal((await lead(right)).term, 1);
  await assert.rejects(lead(wrong), (error: Error) => {
    assert.ok(error instanceof StoreUnavailable);
    assert.match(error.message, /WRONGPASS/u);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /wrong-password/u);
    return true;
  });
});

test('Redis: one that is not there is named with its address', async (t) => {
  const path = join(await tempFolder(t), 'nobody.sock');
  const store = openOn({ path }, 'farm');
  t.after(() => store.close());
  await assert.rejects(lead(store), (error: Error) => {
    assert.ok(error instanceof StoreUnavailable);
    assert.ok(error.message.includes(path) && error.message.includes('ENOENT'), error.message);
    return true;
  });
});

test('Redis: something that is no Redis is unavailable in time', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), '');
  const store = openOn({ path: join(folder, 'file') }, 'farm', { callMs: 300 });
  t.after(() => store.close());
  await assert.rejects(lead(store), StoreUnavailable);
});

test('Redis: keys of a later release are refused untouched', async (t) => {
  const farmName = newFarm();
  const key = `{renderfarm:${farmName}}:farm`;
  await server.command('HSET', key, 'schema', '99', 'farmId', 'later');
  const store = openOn(server, farmName);
  t.after(() => store.close());
  for (const call of [() => lead(store), () => store.load()]) {
    await assert.rejects(call(), (error: Error) => {
      assert.ok(error instanceof StoreIncompatible);
      assert.match(error.message, /schema 99; this release knows 1/u);
      return true;
    });
  }
  assert.equal(await server.command('HLEN', key), ':2\r\n');
});
