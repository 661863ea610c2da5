import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createAttempts } from '../../../agent/attempt/attempts.ts';
import { createFetchLane } from '../../../agent/attempt/fetch-lane.ts';
import { openLogFolder } from '../../../agent/attempt/log-folder.ts';
import { createOutputLook } from '../../../agent/attempt/output-room.ts';
import { createOutputShare } from '../../../agent/attempt/output-share.ts';
import { createRenderSpeeds } from '../../../agent/attempt/render-speeds.ts';
import { endlessScratchRoom } from '../../../agent/attempt/scratch-room.ts';
import { plainOutcome } from '../../../agent/core/endings.ts';
import type { AttemptReport } from '../../../agent/core/inputs.ts';
import { openContentCache } from '../../../agent/media/content-cache.ts';
import { openGate } from '../../../agent/media/gate.ts';
import { growthLimitsDefault } from '../../../agent/media/growth.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { openSegmentStore } from '../../../agent/render/segment-store.ts';
import type { FinishedOutcome } from '../../../proto/index.ts';
import { assignment, jobRef } from '../../helpers/agent-core.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

/** Clips are made just before they are used: nobody writes on. */
const growth = { ...growthLimitsDefault, settleMs: 0 };

/** Attempts whose ffprobe is up for ever, and writes down that it was asked politely to end. */
async function attemptsWithDeafProbe(t: TestContext) {
  const folder = await tempFolder(t);
  const at = (name: string): string => join(folder, name);
  await mkdir(at('clips'));
  await mkdir(at('out'));
  await writeFile(at('clips/a.mp4'), 'no film, but the probe never says so');
  const script = `#!/bin/sh\ntrap 'echo asked >> ${at('asked')}' TERM\necho up > ${at('up')}\nwhile :; do sleep 1; done\n`;
  await writeFile(at('ffprobe'), script, { mode: 0o755 });
  const mounts = {
    clips: { roots: ['\\\\nas\\Clips'], localPath: at('clips') },
    results: { roots: ['\\\\nas\\Out'], localPath: at('out') },
  };
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const cache = await openContentCache({
    folder: at('cache'),
    bytesMax: 1e9,
    operations,
    freeBytesMin: 0,
    growth,
  });
  t.after(() => cache.close());
  const { promise: ended, resolve } = Promise.withResolvers<FinishedOutcome>();
  const attempts = createAttempts(
    {
      agentId: 'pc1',
      workFolder: at('work'),
      logsFolder: at('logs'),
      mounts,
      cache,
      share: createOutputShare(mounts, operations),
      lookAtOutput: createOutputLook(mounts, operations),
      underway: () => operations.underway(),
      scratch: endlessScratchRoom(cache, '/work'),
      ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: at('ffprobe'), versionText: 'x' },
      ffprobeVersion: 'x',
      encoderFor: () => ({ rung: 'libx264' }),
      speeds: createRenderSpeeds({
        nowMs: () => performance.now(),
        inventory: () => inventory(),
        gpuLanes: () => [],
        onRendered: () => undefined,
      }),
      segments: openSegmentStore({ folder: at('segments'), bytesMax: 1e9, madeBy: 'pc1' }),
      concurrency: { copy: 1, probe: 1, segments: 1 },
      fetchLane: createFetchLane(),
      tailLane: openGate(1),
      announcedJob: () => undefined,
      nowMs: () => performance.now(),
      wallMs: () => Date.now(),
      onTrouble: () => undefined,
    },
    (_ref, report: AttemptReport) => report.type === 'ended' && resolve(report.finished),
  );
  t.after(() => attempts.stopAll());
  const there = async (name: string): Promise<void> => {
    while (!existsSync(at(name))) await setImmediate();
  };
  return { at, attempts, ended, there };
}

const assign = assignment(jobRef('job-a', 4));

test('A cancel that kills asks no process politely, and leaves no work folder', async (t) => {
  const { at, attempts, ended, there } = await attemptsWithDeafProbe(t);
  attempts.start(assign);
  await there('up');
  attempts.stop(assign.ref, { mode: 'kill', graceMs: 60_000, reason: 'evicted' });
  assert.deepEqual([(await ended).outcome, (await ended).message], ['returned', 'evicted']);
  assert.equal(existsSync(at('asked')), false);
  assert.deepEqual(await readdir(at('work')), []);
});

test('A graceful cancel asks first; a second one that kills does not wait', async (t) => {
  const { at, attempts, ended, there } = await attemptsWithDeafProbe(t);
  attempts.start(assign);
  await there('up');
  attempts.stop(assign.ref, { mode: 'graceful', graceMs: 60_000, reason: 'asked' });
  await there('asked');
  attempts.stop(assign.ref, { mode: 'kill', graceMs: 0, reason: 'too slow' });
  assert.equal((await ended).message, 'asked', 'the first reason counts');
  assert.equal(await readFile(at('asked'), 'utf8'), 'asked\n');
});

test('A stop of an attempt that is not here is nothing', async (t) => {
  const { attempts } = await attemptsWithDeafProbe(t);
  attempts.stop(jobRef('job-b', 1), { mode: 'kill', graceMs: 0, reason: 'asked' });
});

test('The log of an attempt of an earlier process is closed once, and not begun again when it was sent', async (t) => {
  const { at, attempts } = await attemptsWithDeafProbe(t);
  const path = at('logs/job-a-1.4');
  const end = () => attempts.cleanUp(assign, plainOutcome('lost', 'it was killed'), assign.ref);
  await end();
  assert.equal(existsSync(path), false);
  await (await openLogFolder(at('logs'), assign.ref, () => undefined)).flush();
  await end();
  const text = await readFile(`${path}/job.log`, 'utf8');
  assert.match(text, /=== Job Failed ===/u);
  await end();
  assert.equal(await readFile(`${path}/job.log`, 'utf8'), text);
});
