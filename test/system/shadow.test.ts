import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RealFarm } from '../helpers/real-farm.ts';
import { rowId, StudioTables } from '../helpers/studio-tables.ts';

const timeout = 180_000;

test('A shadow renders the other farm’s job with a real agent, keeps nothing, and compares', {
  timeout,
}, async (t) => {
  const farm = await RealFarm.open(t);
  const tables = await StudioTables.open(t);
  const clip = farm.clip('a.mp4', 2);
  const later = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();
  await writeFile(join(farm.folder, 'key'), 'key-of-the-shadow');
  const methods = new Set<string | undefined>();
  tables.server.before = ({ method, headers }) => {
    if (headers['apikey'] === 'key-of-the-shadow') methods.add(method);
    return Promise.resolve();
  };
  const controller = await farm.startController({
    shadow: true,
    supabase: { url: tables.server.url, keyFile: 'key', poll: { everyMs: 200 } },
  });
  const agent = await farm.startAgent('pc1');
  const old = { farm: null, created_at: later(60), worker_id: 'PC2', final_duration: 2 };
  const times = { started_at: later(61), completed_at: later(71) };
  await tables.insert(rowId(1), 0, { ...old, ...times, status: 'completed' }, [
    { position: 0, item_type: 'video', path: clip },
  ]);
  await tables.insert(rowId(2), 0, { ...old, status: 'queued' }, [{ position: 0, item_type: 'video' }]);
  await tables.insert(rowId(3), 0, { ...old, farm: 'renderfarm' }, [
    { position: 0, item_type: 'video', path: clip },
  ]);
  await controller.saw('a job of the other farm cannot be rendered here');
  await controller.saw('job-shadowed');
  // Its agent has dropped what it had staged.
  await agent.saw('"msg":"attempt superseded"');
  await agent.saw('the controller has the log of an attempt');

  const view = await farm.client.operator.status();
  assert.equal(view.controller.shadow, true);
  assert.deepEqual(
    (await Array.fromAsync(farm.client.list())).map(({ jobId }) => jobId),
    [rowId(1)],
  );
  const [report] = await Array.fromAsync(farm.client.operator.shadowReports());
  const seen = report?.jobs.map(({ jobId, verdict, ours, old: theirs }) => [
    jobId,
    verdict,
    ours.status,
    theirs?.status,
  ]);
  assert.deepEqual(seen, [
    [rowId(2), 'open', 'refused', 'queued'],
    [rowId(1), 'same', 'completed', 'completed'],
  ]);
  const [, compared] = report?.jobs ?? [];
  assert.equal(compared?.frames, 60);
  assert.ok((compared.sizeBytes ?? 0) > 0);
  assert.equal(compared.ours.durationMs, 2_000);
  assert.ok((compared.ours.endedAt?.getTime() ?? 0) > (compared.ours.startedAt?.getTime() ?? 0));
  assert.equal((compared.old?.endedAt?.getTime() ?? 0) - (compared.old?.startedAt?.getTime() ?? 0), 10_000);

  assert.deepEqual(await leftOn(farm.results), []);
  const log = await jobLog(join(farm.folder, 'logs'));
  assert.match(log, /=== Job Rendered in Shadow Mode: its result is kept nowhere ===/u);
  for (const line of [...log.split('\n'), ...controller.lines, ...agent.lines])
    assert.doesNotMatch(line, /publish(?!-refused)|Job Failed|Completed Successfully/u);
  assert.deepEqual([...methods], ['GET']);
});

/** Everything on the output share but the share's own name. */
async function leftOn(share: string): Promise<readonly string[]> {
  const entries = await readdir(share, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== 'share-id')
    .map((entry) => join(entry.parentPath, entry.name));
}

async function jobLog(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const entry = entries.find(({ name }) => name === 'job.log');
  assert.ok(entry, 'the log of the job is there');
  const file = join(entry.parentPath, entry.name);
  return await readFile(file, 'utf8');
}
