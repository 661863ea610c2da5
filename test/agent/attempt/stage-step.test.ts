import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { OutputShare } from '../../../agent/attempt/output-share.ts';
import { createOutputShare } from '../../../agent/attempt/output-share.ts';
import { stageOutput } from '../../../agent/attempt/stage-step.ts';
import { openGate } from '../../../agent/media/gate.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { assignment, jobRef } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const { output } = assignment(jobRef('job-a', 4));
const hour = 3_600_000;
const usb = '00000000-0000-4000-8000-000000000000';
const nas = '11111111-1111-4111-8111-111111111111';

async function site(t: TestContext) {
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'out'));
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const mounts = { results: { roots: ['\\\\nas\\Out'], localPath: join(folder, 'out') } };
  const localFile = join(folder, 'made.mp4');
  await writeFile(localFile, 'the result');
  const clock = { ms: 0 };
  const { signal } = new AbortController();
  const share = createOutputShare(mounts, operations);
  const base = { output, localFile, signal, retryMinMs: 1, nowMs: () => clock.ms };
  return { folder, share, clock, base };
}

/** A share whose uploads fail, and take their time for it. */
function failing(share: OutputShare, clock: { ms: number }, eachMs: number): OutputShare {
  return {
    ...share,
    upload() {
      clock.ms += eachMs;
      return Promise.reject(new Error('EIO: the share is away'));
    },
  };
}

describe('an upload to a share of known identity', () => {
  test('waits while another share is mounted under its name, and puts nothing there', async (t) => {
    const { folder, share, base } = await site(t);
    const other = join(folder, 'out', '.renderfarm');
    await mkdir(other);
    await writeFile(join(other, 'share-id'), usb);
    const reasons: string[] = [];
    const staged = await stageOutput({
      ...base,
      share,
      output: { ...output, shareId: nas },
      onWaiting: (reason) => {
        reasons.push(reason);
        assert.deepEqual(readdirSync(other), ['share-id']);
        writeFileSync(join(other, 'share-id'), nas);
      },
    });
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? '', /says share-id 0{8}-.*, and 1{8}-.* is meant/u);
    assert.equal(staged.shareId, nas);
  });
});

describe('an upload that fails', () => {
  test('is tried for 24 hours by the clock, its own time included, and says for how long', async (t) => {
    const { share, clock, base } = await site(t);
    const waits: number[] = [];
    const upload = stageOutput({
      ...base,
      share: failing(share, clock, 5 * hour),
      onWaiting: (reason, waitedMs) => {
        assert.match(reason, /upload to .*job-a-1\.4: EIO/u);
        waits.push(waitedMs / hour);
      },
    });
    await assert.rejects(upload, { name: 'StageError', code: 'UPLOAD_FAILED' });
    assert.deepEqual(waits, [5, 10, 15, 20]);
  });

  test('goes on as soon as the share is back', async (t) => {
    const { share, clock, base } = await site(t);
    const away = failing(share, clock, hour);
    let tries = 0;
    const upload: OutputShare['upload'] = (...args) =>
      ++tries < 3 ? away.upload(...args) : share.upload(...args);
    const staged = await stageOutput({ ...base, share: { ...share, upload }, onWaiting: () => undefined });
    assert.deepEqual([staged.sizeBytes, tries], [10, 3]);
  });

  test('ends at once only when the finished file is lost', async (t) => {
    const { share, clock, base } = await site(t);
    await rm(base.localFile);
    const upload = stageOutput({ ...base, share: failing(share, clock, 1), onWaiting: () => assert.fail() });
    await assert.rejects(upload, { code: 'RESULT_LOST' });
  });

  test('leaves the lane to others between two tries', async (t) => {
    const { share, clock, base } = await site(t);
    const lane = openGate(1);
    const stopped = new AbortController();
    const waiting = Promise.withResolvers<unknown>();
    const stuck = stageOutput({
      ...base,
      ...{ lane, signal: stopped.signal, retryMinMs: 60_000 },
      share: failing(share, clock, 1),
      onWaiting: () => waiting.resolve(undefined),
    });
    await waiting.promise;
    const other = { ...output, stagingFolder: '\\\\nas\\Out\\.renderfarm\\job-b-1.5' };
    await stageOutput({ ...base, lane, share, output: other, onWaiting: () => assert.fail() });
    stopped.abort(new Error('enough'));
    await assert.rejects(stuck);
  });
});
