import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RealFarm } from '../helpers/real-farm.ts';

async function logFile(farm: RealFarm, jobId: string): Promise<string> {
  const logs = join(farm.folder, 'logs');
  const folder = (await readdir(logs, { recursive: true })).find((name) => name.endsWith(jobId));
  assert.ok(folder, `no log folder of job ${jobId}`);
  return await readFile(join(logs, folder, 'job.log'), 'utf8');
}

/** A log as it comes; `seen` waits for a text in it. */
function follow(farm: RealFarm, jobId: string) {
  const waiting = new Map<string, () => void>();
  const follower = { text: '', done: Promise.resolve(), seen };
  function seen(text: string): Promise<void> {
    if (follower.text.includes(text)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    waiting.set(text, () => resolve(undefined));
    return promise;
  }
  const read = async (): Promise<void> => {
    for await (const { data } of farm.client.log(jobId, { follow: true })) {
      follower.text += Buffer.from(data).toString();
      for (const [text, resolve] of waiting) if (follower.text.includes(text)) resolve();
    }
  };
  follower.done = read();
  return follower;
}

describe('the log of a real job', () => {
  it('comes while it runs, through a restart of the controller, each line once, and ends with the job', async (t) => {
    const farm = await RealFarm.open(t);
    const controller = await farm.startController();
    await farm.startAgent('pc1');
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 8)));
    const log = follow(farm, jobId);
    await log.seen('Step 4');
    assert.notEqual((await farm.client.get(jobId)).job.state, 'published', 'it comes while the job runs');
    await controller.kill('SIGKILL');
    await farm.startController();
    await farm.when(jobId, ({ job: { state } }) => state === 'published');
    await log.done;
    assert.match(log.text, /=== Job Completed Successfully ===\n$/u);
    assert.equal(log.text, await logFile(farm, jobId));
    assert.equal(log.text.split('=== Starting Compilation').length, 2);
    assert.match(log.text, /^(?:\d\d:\d\d:\d\d - (?:INFO|WARNING|ERROR) - .+\n)+$/u);
  });

  it('is whole also where the agent was killed: its last lines come when it is back, the next attempt follows', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    const agent = await farm.startAgent('pc1');
    const { jobId } = await farm.client.submit(farm.job(farm.clip('a.mp4', 8)));
    const log = follow(farm, jobId);
    await log.seen('Step 4');
    await agent.kill('SIGKILL');
    await farm.startAgent('pc1');
    await farm.when(jobId, ({ job: { state } }) => state === 'published');
    await log.done;
    assert.equal(log.text, await logFile(farm, jobId));
    assert.match(log.text, /\n=== Attempt 2 ===\n/u);
    assert.equal(log.text.split('=== Starting Compilation').length, 3);
    assert.match(log.text, /=== Job Completed Successfully ===\n/u);
    // FFmpeg's files come after job.log; then nothing is kept on the PC.
    const kept = join(farm.folder, 'agent-pc1', 'logs');
    await t.waitFor(async () => assert.deepEqual(await readdir(kept), []), { interval: 50, timeout: 60_000 });
  });
});
