import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { JobInput } from '../../client/job-input.ts';
import { RealFarm } from '../helpers/real-farm.ts';

/** A farm whose agents share segments. */
async function openFarm(t: TestContext): Promise<RealFarm> {
  const farm = await RealFarm.open(t);
  await mkdir(join(farm.folder, 'shared'));
  await farm.startController();
  return farm;
}

function startAgent(farm: RealFarm, agent: string) {
  return farm.startAgent(agent, { segmentCache: { shared: join(farm.folder, 'shared'), silenceMs: 60_000 } });
}

/** One clip a name, each with other pictures. */
function clips(farm: RealFarm, name: string, lengths: readonly number[]): JobInput {
  return farm.job(...lengths.map((seconds, at) => farm.clip(`${name}-${at}.mp4`, seconds)));
}

async function published(farm: RealFarm, jobId: string) {
  await farm.when(jobId, ({ job }) => job.state === 'published');
  const attempts = await Array.fromAsync(farm.client.attempts(jobId));
  assert.equal(attempts.length, 1, 'nothing was lost or begun twice');
  const [attempt] = attempts;
  assert.ok(attempt?.usage !== undefined);
  return { agentId: attempt.agentId, usage: attempt.usage };
}

test('A job that comes to a helper in the middle of an item takes its slot, and both jobs are whole', async (t) => {
  const farm = await openFarm(t);
  await startAgent(farm, 'pc1');
  const helped = await farm.client.submit(
    clips(
      farm,
      'long',
      Array.from({ length: 8 }, (_, at) => 3 + at / 30),
    ),
  );
  const helper = await startAgent(farm, 'pc2');
  await helper.saw("rendering an item of another agent's job");
  const came = await farm.client.submit(clips(farm, 'short', [1]));
  const own = await published(farm, came.jobId);
  assert.equal(own.agentId, 'pc2', 'it waits for no busy owner while a slot is held by help only');
  assert.ok(helper.count('item stopped') >= 1, 'the item was given up');
  const { usage } = await published(farm, helped.jobId);
  assert.equal(usage.segmentsRendered + usage.segmentsReused, 8);
  assert.deepEqual(await readdir(join(farm.folder, 'agent-pc2', 'work')), []);
});

test('Three agents help one owner at once', async (t) => {
  const farm = await openFarm(t);
  const agents = ['pc1', 'pc2', 'pc3', 'pc4'];
  for (const agent of agents) await startAgent(farm, agent);
  const lengths = Array.from({ length: 12 }, (_, at) => 1 + at / 30);
  const { jobId } = await farm.client.submit(clips(farm, 'many', lengths));
  const { agentId, usage } = await published(farm, jobId);
  const helpers = agents.filter((agent) => agent !== agentId);
  const done = helpers.map((agent) => farm.agents.get(agent)?.count('item done') ?? 0);
  assert.ok(
    done.every((items) => items > 0),
    `items by helper: ${done.join(', ')}`,
  );
  assert.equal(usage.segmentsRendered + usage.segmentsReused, 12);
  assert.ok(usage.segmentsHelped > 0 && usage.segmentsHelped === usage.segmentsReused);
});
