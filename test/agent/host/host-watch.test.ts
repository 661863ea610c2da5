import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { DataDirError, prepareDataDir } from '../../../agent/host/data-dir.ts';
import type { EncoderLane } from '../../../agent/host/encoder-lanes.ts';
import { type EncoderProbe, probeEncoders } from '../../../agent/host/encoder-probe.ts';
import type { HostWatchOptions } from '../../../agent/host/host-watch.ts';
import { createHostWatch, sharesOf } from '../../../agent/host/host-watch.ts';
import { openKnownShares } from '../../../agent/host/known-shares.ts';
import { openMeasuredSpeeds } from '../../../agent/host/measured-speeds.ts';
import type { ShareState } from '../../../agent/host/share-probe.ts';
import { probeShares } from '../../../agent/host/share-probe.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { encoderRung } from '../../../agent/render/encoder.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { type StudioPc, studioPc } from '../../helpers/studio-pc.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const results: ShareState = {
  share: 'results',
  readable: true,
  writable: true,
  empty: false,
  identity: 'id-1',
};
const clips: ShareState = { share: 'clips', readable: true, writable: true, empty: false };
const { encoders } = inventory();
const lane: EncoderLane = {
  ...{ encoders, slots: 1, sessions: 0 },
  speeds: [{ workClass: 'hd', speed: 2, runs: 0 }],
};
const probe: EncoderProbe = {
  ...{ encoders, lanes: [lane], concurrentSpeeds: [1], failures: [], probedAtMs: 0 },
};

/** Stands for FFmpeg: encodes when the file `works` is there. */
async function hostWatch(t: TestContext, changes: Partial<HostWatchOptions> = {}) {
  const folder = await tempFolder(t);
  const works = join(folder, 'works');
  const ffmpeg = join(folder, 'ffmpeg');
  await writeFile(
    ffmpeg,
    `#!/bin/sh\n[ -e '${works}' ] && exit 0\necho 'No capable devices found' >&2\nexit 1\n`,
    {
      mode: 0o755,
    },
  );
  const states = { now: [clips, results] };
  const watch = createHostWatch({
    inventory: inventory({ ...sharesOf([clips, results]) }),
    encoderProbe: probe,
    scratchFolder: folder,
    scratchBytesMin: 1,
    encoder: { ffmpeg },
    probeShares: () => Promise.resolve(states.now),
    measured: await openMeasuredSpeeds(join(folder, 'speeds.json'), 'a', () => undefined),
    speedsBelongTo: () => 'b',
    probeEncoders: () => Promise.resolve({ ...probe, encoders: [], lanes: [] }),
    signal: new AbortController().signal,
    ...changes,
  });
  return { watch, states, works };
}

describe('the shares of a running agent', () => {
  test('are news only when they have changed, and so is which share each one is', async (t) => {
    const { watch, states } = await hostWatch(t);
    assert.equal(await watch.lookAtShares(), undefined);
    states.now = [clips, { ...results, identity: 'id-2' }];
    assert.deepEqual((await watch.lookAtShares())?.shareIds, [{ share: 'results', id: 'id-2' }]);
    states.now = [{ ...clips, readable: false }];
    assert.deepEqual((await watch.lookAtShares())?.shares, []);
    assert.equal(await watch.lookAtShares(), undefined);
  });

  test('say who they are where their output folder is known, also to the next process', async (t) => {
    const folder = await tempFolder(t);
    await mkdir(join(folder, 'Output', '.renderfarm'), { recursive: true });
    await writeFile(join(folder, 'Output', '.renderfarm', 'share-id'), 'the-share\n');
    const path = join(folder, 'shares.json');
    const first = await openKnownShares(path, () => undefined);
    first.used('results', join(folder, 'Output'));
    assert.equal(first.seen('results', 'the-share'), undefined);
    await first.settled();
    const again = await openKnownShares(path, () => undefined);
    const operations = createShareOperations();
    t.after(() => operations.stop());
    const mounts = { results: { roots: ['\\\\nas\\Out'], localPath: folder } };
    const outputFolderOf = (share: string) => again.folderOf(share);
    const [state] = await probeShares(mounts, { operations, platform: 'linux', outputFolderOf });
    assert.equal(state?.identity, 'the-share');
    assert.equal(
      again.seen('results', 'another'),
      'the-share',
      'another share under the old name is noticed',
    );
    await again.settled();
    await writeFile(path, '{"broken');
    assert.equal((await openKnownShares(path, () => undefined)).folderOf('results'), undefined);
  });
});

describe('a check of a host', () => {
  test('tries the encoder where that had failed, and looks for another one when it fails again', async (t) => {
    const { watch, works } = await hostWatch(t);
    const sick = await watch.check({ causes: ['ENCODER_UNAVAILABLE'], shares: [] });
    assert.deepEqual([sick.ok, sick.changed?.encoders], [false, []]);
    assert.match(sick.detail, /No capable devices/u);
    const { watch: healed, works: there } = await hostWatch(t);
    await writeFile(there, '');
    const found = await healed.check({ causes: ['ENCODER_UNAVAILABLE'], shares: [] });
    assert.deepEqual([found.ok, found.changed], [true, undefined]);
    await rm(works, { force: true });
  });

  test('finds a PC sick whose card is lost, also when its processor encodes, until the card is back', async (t) => {
    const pc = await studioPc(await tempFolder(t));
    const { watch } = await hostWatch(t, {
      encoder: { ffmpeg: pc.ffmpeg },
      encoderProbe: await probed(pc),
      probeEncoders: () => probed(pc),
    });
    const ask = { causes: ['GPU_LOST'], shares: [] };
    assert.equal((await watch.check(ask)).ok, true);
    await pc.fails([['*h264_nvenc*', '5.1/gpu-lost.no-device']]);
    const lost = await watch.check(ask);
    assert.equal(lost.ok, false);
    assert.match(lost.detail, /only libx264 encodes \(.*CUDA_ERROR_NO_DEVICE/u);
    assert.equal((await watch.check(ask)).ok, false, 'and still, although what it has now works');
    await pc.fails([]);
    const back = await watch.check(ask);
    assert.deepEqual([back.ok, back.changed?.encoders[0]?.rung], [true, 'h264_nvenc']);
  });

  test('names the share that cannot be used, the empty one and the unknown one', async (t) => {
    const { watch, states } = await hostWatch(t);
    const ask = { causes: ['SHARE_UNREACHABLE'], shares: ['clips', 'results', 'other'] };
    states.now = [
      { ...clips, empty: true },
      { ...results, readable: false, reason: 'EIO' },
    ];
    const { ok, detail, changed } = await watch.check(ask);
    assert.equal(ok, false);
    assert.match(detail, /clips .* empty.*results .*EIO.*other is not mounted/u);
    assert.deepEqual(changed?.shares, ['clips']);
    states.now = [clips, results];
    const healed = await watch.check({ causes: ['SHARE_UNREACHABLE'], shares: ['clips'] });
    assert.deepEqual([healed.ok, healed.changed?.shares], [true, ['clips', 'results']]);
  });

  test('writes to the scratch space, and counts what is free there', async (t) => {
    const { watch } = await hostWatch(t);
    assert.equal((await watch.check({ causes: ['DISK_FULL'], shares: [] })).ok, true);
    const { watch: full } = await hostWatch(t, { scratchBytesMin: Number.MAX_SAFE_INTEGER });
    const { ok, detail } = await full.check({ causes: ['DISK_FULL'], shares: [] });
    assert.equal(ok, false);
    assert.match(detail, /bytes of scratch space are free, \d+ are needed/u);
    const { watch: gone } = await hostWatch(t, { scratchFolder: '/nowhere' });
    assert.equal((await gone.check({ causes: ['DISK_FULL'], shares: [] })).ok, false);
  });

  test('for a cause that nobody knows tries everything', async (t) => {
    const { watch } = await hostWatch(t);
    const { ok, detail } = await watch.check({ causes: ['AGENT_FAULT'], shares: [] });
    assert.equal(ok, false);
    assert.match(detail, /No capable devices/u);
  });

  test('tries as many encodes at once as it is asked for', async (t) => {
    const { watch, works } = await hostWatch(t);
    assert.equal((await watch.probeSessions(2)).ok, false);
    await writeFile(works, '');
    const { ok, detail } = await watch.probeSessions(3);
    assert.equal(ok, true);
    assert.match(detail, /3 x libx264 at once/u);
  });
});

describe('the data folder', () => {
  test('is made with all folders above it', async (t) => {
    const folder = join(await tempFolder(t), 'a', 'b', 'c');
    await prepareDataDir(folder);
    await prepareDataDir(folder);
    await writeFile(join(folder, 'x'), 'x');
    assert.equal(await readFile(join(folder, 'x'), 'utf8'), 'x');
  });

  test('where nothing can be made is a clear error, not an endless try', async () => {
    const paths = process.platform === 'linux' ? ['/proc/renderfarm/data', '/proc/self/x'] : ['/dev/null/x'];
    for (const path of paths) {
      await assert.rejects(
        prepareDataDir(path),
        (error) => error instanceof DataDirError && error.message.includes(path),
      );
    }
  });
});

/** With only the ladder's ends, as quick as can be. */
function probed(pc: StudioPc): Promise<EncoderProbe> {
  return probeEncoders({
    ffmpeg: pc.ffmpeg,
    ffmpegVersion: 'ffmpeg version 7.1',
    gpus: [{ index: 0, name: 'GTX', driver: '1', memoryBytes: 1, slots: 1, sessions: 0 }],
    ladder: [encoderRung('h264_nvenc'), encoderRung('libx264')],
  });
}

test('An encoder that another program kept from us is taken again when it is free', async (t) => {
  const pc = await studioPc(await tempFolder(t));
  await pc.sessions(0);
  const { watch } = await hostWatch(t, {
    encoder: { ffmpeg: pc.ffmpeg },
    encoderProbe: await probed(pc),
    probeEncoders: () => probed(pc),
  });
  assert.deepEqual(
    watch.encoderProbe().encoders.map(({ rung }) => rung),
    ['libx264'],
  );
  assert.equal(await watch.retryEncoder(), undefined, 'it is still taken');
  await pc.sessions(2);
  const now = await watch.retryEncoder();
  assert.deepEqual(
    now?.encoders.map(({ rung, sessionsProbed }) => [rung, sessionsProbed]),
    [['h264_nvenc', 2]],
  );
  const asked = (await pc.asked()).length;
  assert.equal(await watch.retryEncoder(), undefined);
  assert.equal((await pc.asked()).length, asked, 'nothing is tried where nothing better is known');
});
