import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { parseAgentConfig } from '../../../agent/config.ts';
import { type CacheVerb, cacheCommand, type SegmentFilter } from '../../../agent/local/cache-commands.ts';
import { listFailed, removeFailed } from '../../../agent/local/failed-commands.ts';
import { openSegmentStore } from '../../../agent/render/segment-store.ts';
import { segmentFolder } from '../../../agent/segment-rooms.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

function key(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

async function pc(t: TestContext) {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'nas', 'segments'), { recursive: true });
  const config = parseAgentConfig(
    {
      ...{ agentId: 'pc1', controllers: ['c:1'], dataDir: join(folder, 'data') },
      mounts: { nas: { roots: ['\\\\nas\\Clips'], localPath: join(folder, 'nas') } },
      segmentCache: { shared: '//nas/Clips/segments/' },
    },
    'test',
  );
  const storeIn = async (root: string) => {
    const store = openSegmentStore({ folder: root, bytesMax: 1e9, madeBy: 'pc1' });
    for (const name of ['a', 'b', 'c']) {
      const file = join(folder, name);
      await writeFile(file, `content of ${name}`);
      const origin = { source: `\\\\nas\\Clips\\${name}.mp4`, videoId: `v-${name}` };
      const segment = { frames: 30, samples: 48_000, joinClass: 'c1' };
      await store.open({ jobId: 'j' }).keep(key(name), file, segment, name === 'c' ? undefined : origin);
    }
    return store;
  };
  const run = async (verb: CacheVerb, filter: SegmentFilter & { shared?: boolean } = {}) => {
    const lines: string[] = [];
    const code = await cacheCommand(verb, { ...filter, config, print: (line) => lines.push(line) });
    return { code, lines, last: lines.at(-1) ?? '' };
  };
  return { folder, config, run, storeIn };
}

test('Segments are listed and purged by source, video, host and key; the agent that runs sees it', async (t) => {
  const { config, run, storeIn } = await pc(t);
  const store = await storeIn(segmentFolder(config));
  assert.match((await run('list')).last, /^3 segments/u);
  const [line = ''] = (await run('list', { source: '//NAS/clips/A' })).lines;
  assert.match(line, /^[0-9a-f]{16} c1 0\.0 MiB 1\.0 s by pc1: \\\\nas\\Clips\\a\.mp4 \(v-a\)$/u);
  assert.match((await run('list', { videoId: 'v-b' })).last, /^1 segments/u);
  assert.match((await run('list', { host: 'pc1' })).last, /^3 segments/u);
  assert.match((await run('list', { host: 'pc2' })).last, /^0 segments/u);
  assert.match((await run('list', { key: key('c').slice(0, 12) })).lines[0] ?? '', /sound of a job$/u);
  assert.equal((await run('purge')).code, 2, 'says what it means, or nothing is removed');
  assert.equal(store.statistics().local.entries, 3);

  assert.deepEqual(await run('purge', { source: '\\\\nas\\Clips\\a.mp4' }), {
    ...{ code: 0, lines: ['1 segments, 0.0 MiB removed'], last: '1 segments, 0.0 MiB removed' },
  });
  const job = store.open({ jobId: 'j2' });
  assert.equal(await job.take({ key: key('a') }, join(config.dataDir, 'taken')), undefined);
  job.close();
  await store.close();
  assert.equal(store.statistics().local.entries, 2);
  assert.match((await run('purge', { all: true })).last, /^2 segments/u);
  assert.match((await run('stats')).last, /: 0 segments, 0\.0 MiB of at most 51200\.0 MiB$/u);
});

test('Verify reads every segment of a tier and removes what is broken', async (t) => {
  const { folder, run, storeIn } = await pc(t);
  const root = join(folder, 'nas', 'segments');
  await storeIn(root);
  assert.deepEqual((await run('verify', { shared: true })).code, 0);
  const names = await readdir(root, { recursive: true });
  const media = names.find((name) => name.includes(key('b')) && name.endsWith('.media'));
  await truncate(join(root, media ?? ''), 4);
  const found = await run('verify', { shared: true });
  assert.equal(found.code, 1);
  assert.match(found.last, /^3 segments, .* looked at, 1 broken$/u);
  assert.match((await run('list', { shared: true })).last, /^2 segments/u);
  assert.equal((await run('verify', { shared: true })).code, 0);
  assert.match((await run('list')).last, /^0 segments/u, 'the tier of this PC is another one');
});

test('A whole share is no shared cache, and without one the verbs say so', async (t) => {
  const { config, folder } = await pc(t);
  const lines: string[] = [];
  const run = (segmentCache: object) =>
    cacheCommand('list', {
      config: { ...config, segmentCache: { ...config.segmentCache, ...segmentCache } },
      ...{ shared: true, print: (line) => lines.push(line) },
    });
  await assert.rejects(run({ shared: '\\\\nas\\Clips' }), /is a whole share/u);
  assert.equal(await run({ shared: undefined }), 2);
  assert.match(lines.at(-1) ?? '', /no shared segment cache/u);
  assert.equal(await run({ shared: join(folder, 'nas', 'segments') }), 0, 'a path of this PC');
});

test('Kept work folders are listed and removed by the beginning of their name', async (t) => {
  const { config } = await pc(t);
  for (const name of ['job1-1.1', 'job1-1.2', 'job2-1.1']) {
    await mkdir(join(config.dataDir, 'failed', name), { recursive: true });
    await writeFile(join(config.dataDir, 'failed', name, 'kept'), '');
  }
  const lines: string[] = [];
  const options = { config, print: (line: string) => lines.push(line) };
  assert.equal(await listFailed(options), 0);
  assert.equal(lines.length, 4);
  assert.equal(await removeFailed('../', options), 1);
  assert.equal(await removeFailed('job1', options), 0);
  assert.deepEqual(await readdir(join(config.dataDir, 'failed')), ['job2-1.1']);
  assert.equal(await removeFailed(undefined, options), 0);
  assert.deepEqual(await readdir(join(config.dataDir, 'failed')), []);
});
