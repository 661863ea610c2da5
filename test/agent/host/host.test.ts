import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readFfmpegVersion } from '../../../agent/host/ffmpeg-version.ts';
import { findFontFault } from '../../../agent/host/font-fault.ts';
import { listGpus } from '../../../agent/host/gpus.ts';
import { takeInventory } from '../../../agent/host/inventory.ts';
import { type LoopDelay, startLoadMeter } from '../../../agent/host/load.ts';
import { probeShares } from '../../../agent/host/share-probe.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { encoderRung } from '../../../agent/render/encoder.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/host/${name}`, import.meta.url));
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'renderfarm-host-'));
});
after(async () => rm(folder, { recursive: true, force: true }));

describe('the GPUs of a PC', () => {
  test('are listed with name, driver and memory', async () => {
    const { gpus, fault } = await listGpus(fixture('nvidia-smi'));
    assert.equal(fault, undefined);
    assert.deepEqual(gpus, [
      {
        index: 0,
        name: 'NVIDIA GeForce RTX 5060 Ti',
        driver: '572.16',
        memoryBytes: 16_311 * 1024 ** 2,
        slots: 0,
        sessions: 0,
      },
      {
        index: 1,
        name: 'NVIDIA GeForce GTX 1060 6GB',
        driver: '572.16',
        memoryBytes: 6144 * 1024 ** 2,
        slots: 0,
        sessions: 0,
      },
    ]);
  });

  test('are none where there is no nvidia-smi', async () => {
    assert.deepEqual(await listGpus(join(folder, 'no-such-program')), { gpus: [] });
  });

  test('are none, with its words, where nvidia-smi fails', async () => {
    const { gpus, fault } = await listGpus(fixture('nvidia-smi-broken'));
    assert.deepEqual(gpus, []);
    assert.match(fault ?? '', /couldn't communicate with the NVIDIA driver/);
  });
});

describe('the version of FFmpeg', () => {
  test('is short and long', async () => {
    const { version, text } = await readFfmpegVersion();
    assert.ok(text.startsWith(`ffmpeg version ${version} `));
    assert.match(text, /configuration:/);
  });

  test('of something else is an error', async () => {
    await assert.rejects(readFfmpegVersion('true'), /true -version failed: it is no FFmpeg/);
    await assert.rejects(readFfmpegVersion(join(folder, 'none')), /ENOENT/);
  });
});

test('the inventory says what the PC is, what it can encode and which shares it reads', async () => {
  const { inventory, ffmpegVersionText, faults } = await takeInventory({
    scratchFolder: folder,
    queues: ['default_queue'],
    labels: ['studio'],
    shares: [
      { share: 'assets', readable: true, writable: false, empty: false },
      { share: 'lost', readable: false, writable: false, empty: false, reason: 'ENOENT' },
    ],
    nvidiaSmi: fixture('nvidia-smi'),
    fontFolders: [folder],
    encoder: { ladder: [encoderRung('libx264')] },
  });
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /Impact is not on this PC: Anton stands in/u);
  assert.equal(inventory.slots, 2, 'one a GPU');
  assert.deepEqual(inventory.shares, ['assets']);
  assert.deepEqual(inventory.queues, ['default_queue']);
  assert.deepEqual(
    inventory.gpus.map(({ slots, sessions }) => [slots, sessions]),
    [
      [0, 0],
      [0, 0],
    ],
    'libx264 is on none of them',
  );
  assert.deepEqual(
    inventory.speeds.map(({ workClass, runs }) => [workClass, runs]),
    [
      ['hd', 0],
      ['4k', 0],
    ],
  );
  const [hd, uhd] = inventory.speeds;
  assert.ok(hd !== undefined && uhd !== undefined && hd.speed > uhd.speed && uhd.speed > 0);
  assert.equal(inventory.concurrentSpeeds.length, 2);
  assert.equal(inventory.concurrentSpeeds[0], 1);
  assert.ok((inventory.concurrentSpeeds[1] ?? 2) <= 1, 'two at a time share the processor');
  assert.equal(inventory.encoders[0]?.encoder, 'libx264');
  assert.ok(ffmpegVersionText.includes(inventory.ffmpegVersion));
  assert.ok(inventory.cpuCores >= 1 && inventory.memoryBytes > 0 && inventory.scratchFreeBytes > 0);
  assert.ok(inventory.hostname !== '' && inventory.os !== '' && inventory.cpuModel !== '');
});

test('the font of the texts is told where another one stands in for it, or none', async (t) => {
  const fonts = await tempFolder(t);
  assert.match((await findFontFault([fonts])) ?? '', /Anton stands in .* Install Impact/u);
  await writeFile(join(fonts, 'IMPACT.TTF'), 'font');
  assert.equal(await findFontFault([fonts]), undefined);
  await rm(join(fonts, 'IMPACT.TTF'));
  await mkdir(join(fonts, 'impact.ttf'));
  assert.match((await findFontFault([fonts])) ?? '', /jobs with texts fail here: EISDIR/u);
});

/** Resolves when the meter has ticked once more, however long the machine takes for it. */
async function moreTicks(loopDelay: LoopDelay): Promise<void> {
  const { count } = loopDelay;
  while (loopDelay.count <= count) await setImmediate();
}

describe('the load of a PC', () => {
  test('tells the longest stall of the loop since the last time', async () => {
    const loopDelay = monitorEventLoopDelay({ resolution: 20 });
    const meter = startLoadMeter({ scratchFolder: folder, loopDelay });
    try {
      // The meter ticks by a timer: only a stall between two ticks is one.
      await moreTicks(loopDelay);
      const end = performance.now() + 150;
      while (performance.now() < end);
      await moreTicks(loopDelay);
      const stalled = await meter.sample();
      assert.ok(stalled.worstLoopStallMs >= 100, `${stalled.worstLoopStallMs} ms`);
      assert.ok(stalled.scratchFreeBytes > 0);
      assert.ok(stalled.load1 >= 0);
    } finally {
      meter.stop();
    }
  });

  test('is told anew by each sample, without the time between two ticks', async () => {
    const reset = (): void => void Object.assign(loopDelay, { count: 0, max: 0 });
    const loopDelay = { enable: () => true, disable: () => true, reset, count: 0, max: 0 };
    const meter = startLoadMeter({ scratchFolder: folder, loopDelay });
    assert.equal((await meter.sample()).worstLoopStallMs, 0);
    Object.assign(loopDelay, { count: 3, max: 19e6 });
    assert.equal((await meter.sample()).worstLoopStallMs, 0);
    Object.assign(loopDelay, { count: 3, max: 320e6 });
    assert.equal((await meter.sample()).worstLoopStallMs, 300);
    assert.equal((await meter.sample()).worstLoopStallMs, 0, 'each sample begins anew');
    meter.stop();
  });

  test('is busy cores on Windows', async () => {
    const meter = startLoadMeter({ scratchFolder: folder, platform: 'win32' });
    const { load1 } = await meter.sample();
    meter.stop();
    assert.ok(load1 >= 0 && load1 <= 1024);
  });
});

describe('the shares', () => {
  test('are told apart: there, missing, and read-only', async () => {
    const operations = createShareOperations();
    const states = await probeShares(
      {
        work: { roots: ['\\\\nas\\Work'], localPath: folder },
        lost: { roots: ['\\\\nas\\Lost'], localPath: join(folder, 'lost') },
        system: { roots: ['\\\\nas\\System'], localPath: '/proc' },
      },
      { operations, platform: 'linux' },
    );
    await operations.stop();
    assert.deepEqual(
      states.map(({ share, readable, reason }) => [share, readable, reason]),
      [
        ['work', true, undefined],
        ['lost', false, 'ENOENT'],
        ['system', true, states[2]?.reason],
      ],
    );
    assert.equal(states[0]?.writable, true);
  });

  test('that hang do not answer, and hold up nobody', async () => {
    const command = { file: process.execPath, args: ['-e', 'process.stdin.resume()'] };
    const operations = createShareOperations({ command });
    const mounts = { hung: { roots: ['\\\\nas\\Hung'], localPath: '/' } };
    const [state] = await probeShares(mounts, { operations, timeoutMs: 50, platform: 'linux' });
    assert.deepEqual(state, {
      share: 'hung',
      readable: false,
      writable: false,
      empty: false,
      reason: 'SHARE_STALLED',
    });
    await operations.stop();
  });
});
