import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emptyJournal } from '../../../agent/core/journal-fold.ts';
import { recover } from '../../../agent/core/recover.ts';
import { inventoryOf } from '../../../agent/core/slots.ts';
import type { CoreSettings } from '../../../agent/core/state.ts';
import { defaultCoreFigures } from '../../../agent/core/state.ts';
import { dealSlots, gpuLanes } from '../../../agent/host/encoder-lanes.ts';
import type { InventoryOptions } from '../../../agent/host/inventory.ts';
import { takeInventory } from '../../../agent/host/inventory.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const nvidiaSmi = fileURLToPath(new URL('../../fixtures/host/nvidia-smi', import.meta.url));

/** No card is here: a script that notes what it is asked stands for FFmpeg, and fails where the arguments match. */
async function pcWith(t: TestContext, failsOn: string, wishes: Partial<InventoryOptions> = {}) {
  const folder = await tempFolder(t);
  const ffmpeg = join(folder, 'ffmpeg');
  const log = join(folder, 'log');
  await writeFile(
    ffmpeg,
    `#!/bin/sh
[ "$2" = "-version" ] || [ "$1" = "-version" ] && { echo 'ffmpeg version 7.1'; exit 0; }
echo "$CUDA_DEVICE_ORDER $*" >> '${log}'
case "$*" in ${failsOn}) echo 'No capable devices found' >&2; exit 1;; esac
`,
    { mode: 0o755 },
  );
  const taken = await takeInventory({
    ...{ scratchFolder: folder, queues: [], labels: [], shares: [], ffmpeg, nvidiaSmi },
    ...wishes,
  });
  const calls = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
  return { ...taken, calls };
}

/** As the agent reports it: slots of the PC, slots and sessions of each card. */
function slotsOf({ inventory, encoderProbe }: Awaited<ReturnType<typeof pcWith>>) {
  const settings: CoreSettings = {
    ...defaultCoreFigures,
    ...{ agentId: 'pc1', instanceId: 'i1', softwareVersion: '0', slots: inventory.slots },
  };
  const { state } = recover(settings, inventory, emptyJournal('j'), 0, gpuLanes(encoderProbe.lanes));
  const { slots, gpus } = inventoryOf(state);
  return [slots, gpus.map((gpu) => [gpu.slots, gpu.sessions])];
}

describe('a PC with two cards', () => {
  test('probes each by its number, as nvidia-smi counts, and has a slot on each', async (t) => {
    const pc = await pcWith(t, 'nothing');
    assert.deepEqual(slotsOf(pc), [
      2,
      [
        [1, 3],
        [1, 3],
      ],
    ]);
    assert.deepEqual(
      pc.inventory.encoders.map(({ rung, max }) => [rung, max]),
      [['h264_nvenc', '2160p']],
    );
    assert.deepEqual(
      pc.inventory.speeds.map(({ workClass }) => workClass),
      ['hd', '4k'],
    );
    assert.equal(pc.inventory.concurrentSpeeds.length, 2);
    assert.ok(pc.calls.every((call) => call.startsWith('PCI_BUS_ID ')));
    for (const gpu of [0, 1]) assert.ok(pc.calls.some((call) => call.includes(`-gpu ${gpu} `)));
    assert.ok(
      pc.calls.every((call) => / -gpu [01] /u.test(call)),
      'every encode is on a card that is named',
    );
    assert.deepEqual(
      gpuLanes(pc.encoderProbe.lanes).map(({ index, slots }) => [index, slots]),
      [
        [0, 1],
        [1, 1],
      ],
    );
  });

  test('has the slots that are wished for each card, or shares out those of the PC', async (t) => {
    assert.deepEqual(slotsOf(await pcWith(t, 'nothing', { gpuSlots: [3] })), [
      4,
      [
        [3, 3],
        [1, 3],
      ],
    ]);
    assert.deepEqual(slotsOf(await pcWith(t, 'nothing', { slots: 3 })), [
      3,
      [
        [2, 3],
        [1, 3],
      ],
    ]);
  });

  test('renders on the other one when one does not encode', async (t) => {
    const pc = await pcWith(t, '*"-gpu 0 "*');
    assert.deepEqual(slotsOf(pc), [
      1,
      [
        [0, 0],
        [1, 3],
      ],
    ]);
    assert.deepEqual(
      pc.encoderProbe.lanes.map(({ gpuIndex }) => gpuIndex),
      [1],
    );
    assert.ok(pc.encoderProbe.failures.every(({ gpuIndex, reason }) => gpuIndex === 0 && reason !== ''));
  });

  test('leaves 4K to the card that does it', async (t) => {
    const pc = await pcWith(t, '*3840x2160*"-gpu 1 "*');
    assert.deepEqual(
      pc.encoderProbe.lanes.map(({ gpuIndex, speeds }) => [
        gpuIndex,
        speeds.map(({ workClass }) => workClass),
      ]),
      [
        [0, ['hd', '4k']],
        [1, ['hd']],
      ],
    );
    assert.deepEqual(
      pc.inventory.speeds.map(({ workClass }) => workClass),
      ['hd', '4k'],
    );
  });

  test('renders 4K in software where no card does it', async (t) => {
    const pc = await pcWith(t, '*3840x2160*nvenc*|*qsv*|*amf*|*vaapi*');
    assert.deepEqual(
      pc.inventory.encoders.map(({ rung, max }) => [rung, max]),
      [
        ['h264_nvenc', '1080p'],
        ['libx264', '2160p'],
      ],
    );
    assert.ok(
      pc.encoderProbe.lanes.every(({ speeds }) => speeds.some(({ workClass }) => workClass === '4k')),
    );
  });

  test('of which none encodes is one place, as without cards', async (t) => {
    const pc = await pcWith(t, '*nvenc*|*qsv*|*amf*|*vaapi*');
    assert.deepEqual(slotsOf(pc), [
      2,
      [
        [0, 0],
        [0, 0],
      ],
    ]);
    assert.deepEqual(gpuLanes(pc.encoderProbe.lanes), []);
    assert.ok(pc.calls.filter((call) => call.includes('libx264')).every((call) => !call.includes('-gpu')));
  });

  test('uses one only where that is configured', async (t) => {
    const pc = await pcWith(t, 'nothing', { encoder: { gpuIndex: 1 } });
    assert.deepEqual(slotsOf(pc), [
      1,
      [
        [0, 0],
        [1, 3],
      ],
    ]);
    assert.ok(pc.calls.every((call) => call.includes('-gpu 1 ')));
  });

  test('does no class of work when nothing encodes, and keeps its slots for when it does', async (t) => {
    const pc = await pcWith(t, '*');
    assert.deepEqual(pc.inventory.speeds, []);
    assert.deepEqual(pc.encoderProbe.lanes, []);
    assert.deepEqual(slotsOf(pc), [
      2,
      [
        [0, 0],
        [0, 0],
      ],
    ]);
  });
});

describe('slots', () => {
  const two = [{ index: 0 }, { index: 1 }];
  test('are dealt out evenly, and never more than there are', () => {
    for (let slots = 1; slots <= 9; slots += 1) {
      for (let cards = 1; cards <= 4; cards += 1) {
        const lanes = Array.from({ length: cards }, (_, gpuIndex) => ({ gpuIndex }));
        const dealt = dealSlots(lanes, two, { slots });
        assert.equal(
          dealt.reduce((sum, one) => sum + one, 0),
          slots,
          `${slots} on ${cards}`,
        );
        assert.ok(Math.max(...dealt) - Math.min(...dealt) <= 1);
      }
    }
  });

  test('of one place are those of all cards, and at least one', () => {
    assert.deepEqual(dealSlots([{}], two, {}), [2]);
    assert.deepEqual(dealSlots([{}], [], {}), [1]);
    assert.deepEqual(dealSlots([{}], [{ index: 0 }], { gpuSlots: [3] }), [3]);
    assert.deepEqual(dealSlots([{}], [], { gpuSlots: [3] }), [1]);
    assert.deepEqual(dealSlots([{ gpuIndex: 1 }], two, { gpuSlots: [3, 2] }), [2]);
  });
});
