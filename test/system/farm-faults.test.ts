import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AttemptView, JobChange } from '../../client/views.ts';
import { RealFarm } from '../helpers/real-farm.ts';

async function attemptsOf(farm: RealFarm, jobId: string): Promise<readonly AttemptView[]> {
  return await Array.fromAsync(farm.client.attempts(jobId));
}

/** The published files, and what staging has left. */
async function resultsOf(farm: RealFarm): Promise<readonly string[]> {
  const names = await readdir(farm.results, { recursive: true });
  return names.filter((name) => name !== '.renderfarm' && name !== join('.renderfarm', 'share-id')).sort();
}

const rendering = ({ job }: JobChange): boolean => job.state === 'running' && job.progressPercent >= 5;

describe('a farm of real processes', () => {
  it('does not restart a render when the controller is killed in the middle of it', async (t) => {
    const farm = await RealFarm.open(t);
    const first = await farm.startController();
    const agent = await farm.startAgent('pc1');
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 4), farm.clip('b.mp4', 5)));
    await farm.when(jobId, rendering);
    await first.kill('SIGKILL');
    await farm.startController();
    const end = await farm.when(jobId, ({ job }) => job.state === 'published');
    assert.equal(end.job.progressPercent, 100);
    const attempts = await attemptsOf(farm, jobId);
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['published'],
    );
    assert.equal(agent.count('"message":"assign"'), 1, 'the agent was assigned the job once');
    assert.equal(attempts[0]?.usage?.segmentsRendered, 2);
    assert.deepEqual(await resultsOf(farm), [`Kids TV_${jobId}.mp4`]);
  });

  it('requeues the job of a killed agent, publishes it once, and leaves nothing of the first try', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    const agents = { pc1: await farm.startAgent('pc1'), pc2: await farm.startAgent('pc2') };
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 5)));
    const { job } = await farm.when(jobId, rendering);
    const [killed, other] = job.agentId === 'pc1' ? (['pc1', 'pc2'] as const) : (['pc2', 'pc1'] as const);
    await agents[killed].kill('SIGKILL');
    await farm.when(jobId, (change) => change.job.state === 'published');
    const attempts = await attemptsOf(farm, jobId);
    assert.deepEqual(
      attempts.map(({ agentId, outcome }) => [agentId, outcome]),
      [
        [killed, 'lost'],
        [other, 'published'],
      ],
    );
    assert.deepEqual(await resultsOf(farm), [`Kids TV_${jobId}.mp4`]);
    const again = await farm.startAgent(killed);
    assert.deepEqual(
      await readdir(join(farm.folder, 'agent-pc1', 'work')),
      [],
      'what the killed process left is gone',
    );
    assert.equal(await again.kill('SIGTERM'), 0);
  });

  it('gives the job back when its agent is asked to stop, and counts no loss', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    const pc1 = await farm.startAgent('pc1');
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 5)));
    await farm.when(jobId, rendering);
    assert.equal(await pc1.kill('SIGTERM'), 0);
    await farm.when(jobId, ({ job }) => job.state === 'waiting');
    await farm.startAgent('pc2');
    await farm.when(jobId, ({ job }) => job.state === 'published');
    const attempts = await attemptsOf(farm, jobId);
    const told = attempts.map(({ outcome, message }) => `${outcome}: ${message}`).join('\n');
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['returned', 'published'],
      told,
    );
  });

  it('stops a cancelled job, frees its slot and leaves nothing of it', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    await farm.startAgent('pc1');
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 20)));
    const next = await farm.client.submit(farm.job(farm.clip('b.mp4', 1)));
    await farm.when(jobId, rendering);
    const cancelled = await farm.client.cancel(jobId, { reason: 'not wanted' });
    assert.equal(cancelled.state, 'cancelled');
    await farm.when(next.jobId, ({ job }) => job.state === 'published');
    assert.deepEqual(
      (await attemptsOf(farm, jobId)).map(({ outcome }) => outcome),
      ['cancelled'],
    );
    assert.deepEqual(await resultsOf(farm), [`Kids TV_${next.jobId}.mp4`]);
    assert.deepEqual(await readdir(join(farm.folder, 'agent-pc1', 'work')), []);
  });
});
