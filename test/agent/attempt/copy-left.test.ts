import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCopyLeft } from '../../../agent/attempt/copy-left.ts';

function copying(bytesPerSecond?: number) {
  const clock = { ms: 0 };
  return { clock, ...createCopyLeft({ nowMs: () => clock.ms, bytesPerSecond: () => bytesPerSecond }) };
}

test('Before the files are measured nobody knows how long they will be copied', () => {
  const { leftMs, measured } = copying(1_000);
  assert.equal(leftMs(), undefined);
  measured(10_000);
  assert.equal(leftMs(), 10_000, 'by what this PC is known to do');
});

test('What was copied says how long the rest takes, whatever the PC did before', () => {
  const { clock, leftMs, measured, copied } = copying(1_000);
  measured(10_000);
  clock.ms = 500;
  copied(2_500);
  assert.equal(leftMs(), 1_500);
  clock.ms = 1_000;
  assert.equal(leftMs(), 1_000);
  clock.ms = 60_000;
  assert.equal(leftMs(), 0);
});

test('A PC that has copied nothing yet does not guess; all that is here takes no time', () => {
  const { leftMs, measured, end } = copying();
  measured(10);
  assert.equal(leftMs(), undefined);
  end();
  assert.equal(leftMs(), 0);
});
