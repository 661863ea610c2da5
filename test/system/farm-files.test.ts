import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RealFarm } from '../helpers/real-farm.ts';

async function jobLog(farm: RealFarm, jobId: string): Promise<string> {
  const logs = join(farm.folder, 'logs');
  const folder = (await readdir(logs, { recursive: true })).find((name) => name.endsWith(jobId));
  assert.ok(folder, `no log folder of job ${jobId}`);
  return await readFile(join(logs, folder, 'job.log'), 'utf8');
}

describe('the files of real jobs', () => {
  it('are fetched while another job runs: the second job copies nothing, and has all that it asked for', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    const agent = await farm.startAgent('pc1');
    const first = await farm.client.submit(farm.job(farm.clip('a.mp4', 8)));
    const asked = farm.job(farm.clip('b.mp4', 1), farm.clip('c.mp4', 1, '640x360'));
    const second = await farm.client.submit({
      ...asked,
      items: asked.items.map((item) => ({ ...item, normalizeLoudness: true })),
      options: { fullDecode: true, loudnessReport: true, contactSheet: true, preview: true },
    });
    const announced = await farm.when(second.jobId, ({ news }) =>
      news.some(({ what }) => what === 'prefetched'),
    );
    assert.equal(announced.job.state, 'waiting');
    const { job } = await farm.when(second.jobId, ({ job: { state } }) => state === 'published');
    // FFmpeg's sine has -18 dBFS, so that 12 dB are allowed before it reaches the target.
    assert.ok(Math.abs((job.loudness?.integrated ?? 0) + 14) < 0.5, `${job.loudness?.integrated} LUFS`);
    const stem = (job.outputPath ?? '').replace(/\.mp4$/u, '');
    assert.deepEqual([job.contactSheetPath, job.previewPath], [`${stem}_sheet.jpg`, `${stem}_preview.mp4`]);
    const published = await readdir(farm.results);
    for (const path of [job.contactSheetPath, job.previewPath]) {
      assert.ok(published.includes((path ?? '').split('\\').at(-1) ?? ''), `${path} is not there`);
    }
    const [attempt] = await Array.fromAsync(farm.client.attempts(second.jobId));
    assert.equal(attempt?.usage?.copiedFiles, 0);
    assert.equal(attempt.usage.reusedFiles, 2);
    assert.equal((await farm.client.get(first.jobId)).job.state, 'published');
    // Logs follow their job; nothing waits for them but this test.
    await agent.saw(`"jobId":"${second.jobId}","msg":"the controller has the log of an attempt"`);
    const log = await jobLog(farm, second.jobId);
    assert.match(log, /^\d\d:\d\d:\d\d - INFO - Skipping \(already exists\): video_0\.mp4$/mu);
    assert.match(log, / - INFO - Loudness: -1\d\.\d LUFS/u);
    assert.match(log, /^\d\d:\d\d:\d\d - INFO - === Job Completed Successfully ===$/mu);
  });

  it('are all checked before anything is encoded: every bad one is named, and nothing is left', async (t) => {
    const farm = await RealFarm.open(t);
    await farm.startController();
    await farm.startAgent('pc1');
    await writeFile(join(farm.folder, 'clips', 'text.mp4'), 'this is no clip');
    await writeFile(join(farm.folder, 'clips', 'empty.mp4'), '');
    const paths = ['missing.mp4', 'text.mp4', 'empty.mp4'].map((name) => `\\\\nas\\Clips\\${name}`);
    const { jobId } = await farm.client.submit(farm.job(farm.clip('good.mp4', 1), ...paths));
    const { job } = await farm.when(jobId, ({ job: { state } }) => state === 'failed');
    assert.match(job.errorMessage ?? '', /^Failed to copy 1 files?: /u);
    assert.deepEqual(job.problems.map(({ position }) => position).sort(), [1, 2, 3]);
    assert.deepEqual(await readdir(farm.results), []);
    assert.deepEqual(await readdir(join(farm.folder, 'agent-pc1', 'work')), []);
    assert.equal(
      (await Array.fromAsync(farm.client.attempts(jobId))).length,
      1,
      'bad input is not tried again',
    );
  });
});
