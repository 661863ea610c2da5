import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { JobInput } from '../../client/job-input.ts';
import type { AttemptView } from '../../client/views.ts';
import { RealFarm } from '../helpers/real-farm.ts';

/** A farm whose agents share segments: an owner that renders slowly enough for others to join, and idle ones. */
async function openFarm(t: TestContext, ...agents: readonly string[]): Promise<RealFarm> {
  const farm = await RealFarm.open(t);
  await mkdir(join(farm.folder, 'shared'));
  await farm.startController();
  for (const agent of agents) await startAgent(farm, agent);
  return farm;
}

function startAgent(farm: RealFarm, agent: string) {
  return farm.startAgent(agent, { segmentCache: { shared: join(farm.folder, 'shared'), silenceMs: 60_000 } });
}

/** One clip a name, each with other pictures. */
function manyClips(farm: RealFarm, count: number, seconds: number): JobInput {
  return farm.job(...Array.from({ length: count }, (_, at) => farm.clip(`${at}.mp4`, seconds + at / 30)));
}

async function published(farm: RealFarm, jobId: string): Promise<readonly AttemptView[]> {
  await farm.when(jobId, ({ job }) => job.state === 'published');
  return await Array.fromAsync(farm.client.attempts(jobId));
}

/** The picture's packets, whatever is around them. */
async function pictureOf(farm: RealFarm, jobId: string): Promise<string> {
  const name = (await readdir(farm.results)).find((one) => one.includes(jobId));
  assert.ok(name !== undefined);
  const args = ['-v', 'error', '-i', join(farm.results, name), '-map', '0:v', '-c', 'copy', '-f', 'md5', '-'];
  return execFileSync('ffmpeg', args, { encoding: 'utf8' });
}

function usageOf(attempts: readonly AttemptView[]): NonNullable<AttemptView['usage']> {
  const usage = attempts.at(-1)?.usage;
  assert.ok(usage !== undefined);
  return usage;
}

test('An idle agent renders items of a running job, whose pictures are bit for bit those of a job rendered alone', async (t) => {
  const farm = await openFarm(t, 'pc1', 'pc2');
  const job = manyClips(farm, 6, 1);
  const { jobId } = await farm.client.submit(job);
  const attempts = await published(farm, jobId);
  assert.equal(attempts.length, 1);
  const usage = usageOf(attempts);
  const helper = farm.agents.get(attempts[0]?.agentId === 'pc1' ? 'pc2' : 'pc1');
  const helped = helper?.count('item done') ?? 0;
  assert.ok(helped > 0, 'the idle one rendered nothing');
  assert.equal(usage.segmentsRendered + usage.segmentsReused, 6);
  assert.ok(usage.segmentsReused > 0 && usage.segmentsReused <= helped);
  assert.equal(usage.segmentsHelped, usage.segmentsReused);

  const alone = await farm.client.submit({ ...job, options: { noCache: true } });
  const again = usageOf(await published(farm, alone.jobId));
  assert.equal(again.segmentsRendered, 6, 'nothing of the first is used');
  assert.equal(await pictureOf(farm, jobId), await pictureOf(farm, alone.jobId));
});

test('A helper that is killed costs its one segment; a killed owner none that is in the shared cache', async (t) => {
  // All are there from the beginning: one that starts meanwhile may find all items rendered.
  const names = ['pc1', 'pc2', 'pc3'];
  const farm = await openFarm(t, ...names);
  const { jobId } = await farm.client.submit(manyClips(farm, 8, 1));
  const first = await farm.when(jobId, ({ job }) => job.state === 'running' && job.agentId !== undefined);
  const owner = first.job.agentId ?? '';
  const [helper = '', third = ''] = names.filter((name) => name !== owner);
  const helping = farm.agents.get(helper);
  assert.ok(helping !== undefined);
  const helpers = [helper, third].flatMap((name) => farm.agents.get(name) ?? []);
  await Promise.all(helpers.map((one) => one.saw('item done')));
  // It is at work on the next, which its owner gets back; its leftovers go with its next start.
  await helping.kill('SIGKILL');
  const inCache = (await readdir(join(farm.folder, 'shared'), { recursive: true })).filter((name) =>
    name.endsWith('.json'),
  );
  await farm.agents.get(owner)?.kill('SIGKILL');
  const attempts = await published(farm, jobId);
  const usage = usageOf(attempts);
  assert.equal(attempts.at(-1)?.agentId, third);
  assert.ok(inCache.length >= 2);
  assert.ok(usage.segmentsReused >= inCache.length, `${usage.segmentsReused} of ${inCache.length} were used`);
  assert.equal(usage.segmentsRendered + usage.segmentsReused, 8);

  const back = await startAgent(farm, helper);
  assert.deepEqual(await readdir(join(farm.folder, `agent-${helper}`, 'work')), []);
  assert.equal(back.child.exitCode, null);
});
