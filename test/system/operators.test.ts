import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentView, JobChange } from '../../client/views.ts';
import { RealFarm } from '../helpers/real-farm.ts';

async function agentOf(farm: RealFarm, agentId: string): Promise<AgentView> {
  const all = await Array.fromAsync(farm.client.agents());
  const found = all.find((agent) => agent.agentId === agentId);
  assert.ok(found);
  return found;
}

const rendering = ({ job }: JobChange): boolean => job.state === 'running' && job.progressPercent >= 5;
const published = ({ job }: JobChange): boolean => job.state === 'published';

describe('an operator of a farm of real processes', () => {
  it('empties a PC in a hurry: its job ends elsewhere, uncharged; held and released, the next one too', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    await farm.startAgent('pc1');
    await farm.startAgent('pc2');
    const clip = farm.clip('a.mp4', 5);
    const { client } = farm;
    const { jobId } = await client.submit(farm.job(clip));
    const { job } = await farm.when(jobId, rendering);
    const [emptied, other] = job.agentId === 'pc1' ? ['pc1', 'pc2'] : ['pc2', 'pc1'];

    const evicted = await client.operator.evict(emptied, { reason: 'new driver', by: 'ana' });
    assert.deepEqual(
      [evicted.mode, evicted.order?.by, evicted.order?.reason],
      ['evict', 'ana', 'new driver'],
    );
    const news: string[] = [];
    await farm.when(jobId, (change) => {
      news.push(...change.news.map(({ what }) => what));
      return published(change);
    });
    const attempts = await Array.fromAsync(client.attempts(jobId));
    assert.deepEqual(
      attempts.map(({ agentId, outcome }) => [agentId, outcome]),
      [
        [emptied, 'evicted'],
        [other, 'published'],
      ],
    );
    assert.ok(news.includes('requeued'));
    assert.equal((await agentOf(farm, emptied)).order?.drained, true);

    // With the other one cordoned nobody takes the next job, and it says why.
    await client.operator.cordon(other, { reason: 'lunch', by: 'ana' });
    const next = await client.submit(farm.job(clip));
    const { agents } = await client.explain(next.jobId);
    assert.deepEqual(agents.map(({ agentId, reasons }) => [agentId, ...reasons]).sort(), [
      ...[
        [emptied, 'evicted by ana (new driver)'],
        [other, 'cordoned by ana (lunch)'],
      ].sort(),
    ]);
    assert.equal((await client.hold(next.jobId)).state, 'held');
    await client.operator.uncordon(emptied);
    assert.equal((await client.get(next.jobId)).job.state, 'held');
    await client.release(next.jobId);
    const end = await farm.when(next.jobId, published);
    assert.equal(end.job.agentId, emptied);

    const { controller, jobs } = await client.operator.status();
    assert.deepEqual([controller.role, controller.serving], ['leading', true]);
    assert.deepEqual(jobs, [{ state: 'published', count: 2 }]);
  });
});
