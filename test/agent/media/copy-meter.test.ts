import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { type CopyMeter, openCopyMeter } from '../../../agent/media/copy-meter.ts';
import { createSettablePace } from '../../../agent/media/pace.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const mib = 1024 ** 2;

async function meterIn(t: TestContext, folder?: string) {
  const path = join(folder ?? (await tempFolder(t)), 'copies.json');
  const clock = { ms: 0 };
  const told: number[] = [];
  const meter = await openCopyMeter({
    path,
    nowMs: () => clock.ms,
    onChange: (bytesPerSecond) => told.push(bytesPerSecond),
    onTrouble: (message, error) => assert.fail(`${message}: ${String(error)}`),
  });
  return { meter, clock, told, path };
}

function copy(meter: CopyMeter, clock: { ms: number }, bytes: number, ms: number): void {
  const ended = meter.begin(createSettablePace());
  clock.ms += ms;
  ended(bytes);
}

test('copies that go on together count as one, because they share a line', async (t) => {
  const { meter, clock, told } = await meterIn(t);
  const first = meter.begin(createSettablePace());
  clock.ms += 500;
  const second = meter.begin(createSettablePace());
  clock.ms += 500;
  first(50 * mib);
  assert.equal(meter.bytesPerSecond(), 0, 'the other one is still under way');
  clock.ms += 1_000;
  second(50 * mib);
  assert.equal(meter.bytesPerSecond(), 50 * mib);
  assert.deepEqual(told, [50 * mib]);
  await meter.settled();
});

test('small copies, and those that made way, say nothing of the line', async (t) => {
  const { meter, clock } = await meterIn(t);
  copy(meter, clock, 31 * mib, 10);
  const pace = createSettablePace();
  const ended = meter.begin(pace);
  pace.set('paused');
  clock.ms += 60_000;
  pace.set('full');
  ended(500 * mib);
  assert.equal(meter.bytesPerSecond(), 0);
});

test('the median of the last nine counts, over restarts too', async (t) => {
  const folder = await tempFolder(t);
  const { meter, clock, path } = await meterIn(t, folder);
  for (const mibPerSecond of [1, 1, 1, 1, 100, 110, 90, 105, 1_000])
    copy(meter, clock, mibPerSecond * 100 * mib, 100_000);
  assert.equal(meter.bytesPerSecond(), 90 * mib);
  copy(meter, clock, 10_000 * mib, 100_000);
  assert.equal(meter.bytesPerSecond(), 100 * mib, 'the first of the slow ones is forgotten');
  await meter.settled();
  assert.equal((await meterIn(t, folder)).meter.bytesPerSecond(), 100 * mib);
  await writeFile(path, '[12, "x", -1, 1e99, nul');
  assert.equal((await meterIn(t, folder)).meter.bytesPerSecond(), 0, 'a torn file is measured anew');
});
