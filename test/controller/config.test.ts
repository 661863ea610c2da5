import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { readConfig } from '../../controller/config.ts';
import { routingPresets } from '../../controller/domain/routing.ts';
import { defaultTimes } from '../../controller/domain/times.ts';
import { problems, read, shares } from '../helpers/read-config.ts';

test('What is not said has its default, paths begin at the file, roots are normalised', async (t) => {
  const config = await read(t, shares);
  assert.deepEqual(config.listen, ['127.0.0.1:7070']);
  assert.deepEqual(config.store, { kind: 'sqlite', file: join(config.folder, 'data', 'farm.sqlite') });
  assert.equal(config.logsDir, join(config.folder, 'logs'));
  assert.equal(config.token, undefined);
  assert.deepEqual(config.farm.times, defaultTimes);
  assert.deepEqual(config.farm.routing, routingPresets['by-feature']);
  assert.deepEqual(config.farm.shares[0]?.roots, [String.raw`\\nas\Share`, String.raw`\\192.168.1.6\Share`]);
  assert.deepEqual(config.farm.output, { share: 'results', folder: String.raw`\\nas\Out\Renders\2026` });
  assert.deepEqual(
    config.farm.queues.map(({ name, softRunMs, hardRunMs }) => [name, softRunMs, hardRunMs]),
    ['4k_queue', 'gpu_queue', 'default_queue'].map((name) => [name, 10_200_000, 10_800_000]),
  );
});

test('Flags win over the file, and the token of the environment over both', async (t) => {
  const yaml = `${shares}\nlisten: [127.0.0.1:1]\nlogsDir: there\ntls: { cert: a.pem, key: b.pem }\ntokenFile: gone`;
  const config = await read(t, yaml, {
    argv: [
      '--listen',
      '127.0.0.1:2',
      '--listen',
      '[::1]:3',
      '--logs',
      'here',
      '--data',
      'd',
      '--tls-key',
      'c.pem',
    ],
    env: { FARM_TOKEN: 'a-token-of-the-environment' },
    files: { 'a.pem': 'A', 'c.pem': 'C' },
  });
  assert.deepEqual(config.listen, ['127.0.0.1:2', '[::1]:3']);
  assert.equal(config.logsDir, join(config.folder, 'here'));
  assert.deepEqual(config.store, { kind: 'sqlite', file: join(config.folder, 'd', 'farm.sqlite') });
  assert.deepEqual(config.tls, { cert: 'A', key: 'C' });
  assert.equal(config.token, 'a-token-of-the-environment');
});

test('A token is read from its file', async (t) => {
  const config = await read(t, `${shares}\ntokenFile: token`, { files: { token: '0123456789abcdef\n' } });
  assert.equal(config.token, '0123456789abcdef');
  assert.deepEqual(await problems(t, `${shares}\ntokenFile: token`, { files: { token: 'short\n' } }), {
    tokenFile: 'must be 16 to 256 printable characters without spaces',
  });
});

test('One factor scales every time, those of queues too', async (t) => {
  const yaml = `${shares}\ntimeScale: 0.1\ntimes: { heartbeatMs: 3000 }\nqueues: [{ name: q, softRunMs: 5000 }]`;
  const { farm } = await read(t, yaml);
  assert.equal(farm.times.heartbeatMs, 300);
  assert.equal(farm.times.ffmpegStallMs, 15_000);
  assert.deepEqual([farm.queues[0]?.softRunMs, farm.queues[0]?.hardRunMs], [500, 1_080_000]);
  assert.equal((await read(t, yaml, { argv: ['--time-scale', '1'] })).farm.times.heartbeatMs, 3_000);
});

test("A site's own rules are taken as they are written", async (t) => {
  const table = { rules: [{ name: 'many', when: { videosMoreThan: 3 }, queue: 'a' }], defaultQueue: 'b' };
  const yaml = `${shares}\nqueues: [{ name: a }, { name: b }]\nrouting: ${JSON.stringify(table)}`;
  assert.deepEqual((await read(t, yaml)).farm.routing, table);
});

test('All problems are reported at once, each with the path of its field', async (t) => {
  const found = await problems(
    t,
    String.raw`
shares:
  - { name: clips, role: input, roots: ['C:\x'] }
  - { name: clips, role: source, roots: ['\\nas\a'], colour: red }
output: { share: 'no share', folder: '../up' }
queues: []
colour: red
timeZone: Mars/Olympus
timeScale: -1
times: { heartbeatMs: 20000, warpMs: 1 }
listen: 7070
token: short`,
  );
  const fields = Object.keys(found).toSorted();
  assert.deepEqual(fields, [
    'colour',
    'listen',
    'output.folder',
    'output.share',
    'queues',
    'shares[0].role',
    'shares[0].roots[0]',
    'shares[1].colour',
    'timeScale',
    'timeZone',
    'times.warpMs',
    'token',
  ]);
  assert.equal(found['colour'], 'is not a setting');
  assert.match(found['shares[0].roots[0]'] ?? '', /UNC path/u);
});

test('What is right by itself and wrong together is found', async (t) => {
  const found = await problems(
    t,
    String.raw`
shares:
  - { name: clips, role: source, roots: ['\\nas\a'] }
  - { name: clips, role: source, roots: ['//NAS/A'] }
output: { share: clips }
queues: [{ name: q, softRunMs: 9, hardRunMs: 8 }]
routing: { rules: [{ name: r, when: {}, queue: x }], defaultQueue: y }
times: { heartbeatMs: 20000 }
token: 0123456789abcdef
tokenFile: token`,
  );
  assert.deepEqual(Object.keys(found).toSorted(), [
    'output.share',
    'queues[0].hardRunMs',
    'routing.defaultQueue',
    'routing.rules[0].queue',
    'shares[1].name',
    'shares[1].roots[0]',
    'times.suspectMs',
    'tokenFile',
  ]);
});

test('Without shares and output nothing starts', async (t) => {
  assert.deepEqual(await problems(t, ''), { shares: 'is missing', output: 'is missing' });
});

test('Files that are not there, YAML that is none and flags that are none are named', async (t) => {
  assert.match((await problems(t, `${shares}\ntls: { cert: a, key: b }`))['tls.key'] ?? '', /ENOENT/u);
  assert.match(Object.values(await problems(t, 'a: [1'))[0] ?? '', /line/u);
  assert.match((await problems(t, shares, { argv: ['--what'] }))['command line'] ?? '', /--what/u);
  assert.match(Object.values(await problems(t, shares, { argv: ['--config', 'gone'] }))[0] ?? '', /gone/u);
});

test('The configuration cannot be changed', async (t) => {
  const config = await read(t, shares);
  assert.throws(() => {
    (config.farm.queues as unknown[]).push('more');
  }, TypeError);
  assert.ok(Object.isFrozen(config.farm.times));
});

test('Help is all that is asked for', () => {
  assert.equal(readConfig({ argv: ['--help'], env: {}, folder: '/' }), 'help');
});

/** What must stand in `store` beside the shares. */
const storeOf = (lines: string): string => `${shares}\nstore:\n${lines.replaceAll(/^/gmu, '  ')}\n`;

test('A Redis is a server, a socket, a master behind Sentinels, or a Cluster', async (t) => {
  const addresses: readonly (readonly [string, unknown])[] = [
    ['url: redis://redis.example:6380/2', { kind: 'server', host: 'redis.example', port: 6380, db: 2 }],
    ['url: redis://[2001:db8::1]', { kind: 'server', host: '2001:db8::1', port: 6379, db: 0 }],
    ['url: unix:///run/redis.sock?db=3', { kind: 'socket', path: '/run/redis.sock', db: 3 }],
    [
      'sentinel: { addresses: ["s1:26379", "[::1]:26380"], master: farm }',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 's1', port: 26_379 },
          { host: '::1', port: 26_380 },
        ],
        master: 'farm',
        db: 0,
      },
    ],
    ['cluster: ["a:7000"]', { kind: 'cluster', nodes: [{ host: 'a', port: 7_000 }] }],
  ];
  for (const [line, address] of addresses) {
    const { store } = await read(t, storeOf(`kind: redis\n${line}`));
    assert.deepEqual(store, { kind: 'redis', address, login: {}, keyPrefix: 'renderfarm' }, line);
  }
});

test('Passwords of the Redis come from files, or from the environment, which wins', async (t) => {
  const yaml = storeOf(
    [
      'kind: redis',
      'sentinel: { addresses: ["s1:26379"], master: farm, username: watch, passwordFile: sentinel-password }',
      'username: farm',
      'passwordFile: password',
      'tls: { ca: ca.pem, serverName: redis.example }',
    ].join('\n'),
  );
  const files = { password: 'from file\n', 'sentinel-password': 'sentinel\r\n', 'ca.pem': 'CA' };
  const { store } = await read(t, yaml, { files });
  assert.ok(store.kind === 'redis' && store.address.kind === 'sentinel');
  assert.deepEqual(store.login, {
    username: 'farm',
    password: 'from file',
    tls: { ca: 'CA', servername: 'redis.example' },
  });
  assert.deepEqual([store.address.username, store.address.password], ['watch', 'sentinel']);
  const env = { FARM_REDIS_PASSWORD: 'of env', FARM_REDIS_SENTINEL_PASSWORD: 'other' };
  const fromEnvironment = (await read(t, yaml, { files, env })).store;
  assert.ok(fromEnvironment.kind === 'redis' && fromEnvironment.address.kind === 'sentinel');
  assert.equal(fromEnvironment.login.password, 'of env');
  assert.equal(fromEnvironment.address.password, 'other');
});

test('A rediss URL is encrypted without further words', async (t) => {
  const { store } = await read(t, storeOf('kind: redis\nurl: rediss://redis.example'));
  assert.ok(store.kind === 'redis');
  assert.deepEqual(store.login, { tls: {} });
});

test('A store that is two things, or nothing, is refused by the name of the setting', async (t) => {
  const refused: readonly (readonly [string, string])[] = [
    ['kind: redis', 'store'],
    ['kind: redis\nurl: http://redis', 'store.url'],
    ['kind: redis\nurl: redis://farm:secret@redis', 'store.url'],
    ['kind: redis\nurl: redis://redis\ncluster: ["a:1"]', 'store.cluster'],
    ['kind: redis\nurl: redis://redis\nfile: farm.sqlite', 'store.file'],
    ['kind: redis\nurl: redis://redis\npasswordFile: missing', 'store.passwordFile'],
    ['kind: redis\nurl: redis://redis\ntls: { cert: ca.pem }', 'store.tls'],
    ['kind: redis\ncluster: ["a:70000"]', 'store.cluster[0]'],
    ['url: redis://redis', 'store.url'],
    ['kind: mysql', 'store.kind'],
  ];
  for (const [lines, field] of refused) {
    const found = await problems(t, storeOf(lines), { files: { 'ca.pem': '' } });
    assert.deepEqual(Object.keys(found), [field], lines);
    assert.doesNotMatch(JSON.stringify(found), /secret/u);
  }
});
