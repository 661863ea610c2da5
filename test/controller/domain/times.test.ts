import assert from 'node:assert/strict';
import test from 'node:test';
import { defaultTimes, scaleTimes, timeNames } from '../../../controller/domain/times.ts';

test('One factor scales every time, and only the floors hold it back', () => {
  const scaled = scaleTimes(defaultTimes, 0.1);
  const held = timeNames.filter((name) => scaled[name] !== Math.round(defaultTimes[name] * 0.1));
  assert.deepEqual(held.sort(), [
    'ffmpegStallMs',
    'ffmpegStartStallMs',
    'leadershipGraceMs',
    'leadershipRenewMs',
    'leadershipTtlMs',
    'planningMs',
    'storeCallMs',
    'verifyMs',
  ]);
  assert.equal(scaled.ffmpegStallMs, 15_000);
  assert.equal(scaled.heartbeatMs, 500);
});

test('A time that is configured below its floor is left alone', () => {
  assert.equal(scaleTimes({ ...defaultTimes, ffmpegStallMs: 3_000 }, 0.1).ffmpegStallMs, 3_000);
});

test('A time never becomes zero', () => {
  assert.ok(timeNames.every((name) => scaleTimes(defaultTimes, 1e-9)[name] >= 1));
});

for (const factor of [1, 0.1, 0.02]) {
  test(`Scaled by ${factor}, limits that build on each other keep their order`, () => {
    const times = scaleTimes(defaultTimes, factor);
    assert.ok(times.heartbeatMs < times.suspectMs && times.suspectMs < times.leaseMs);
    assert.ok(times.ffmpegStallMs <= times.ffmpegStartStallMs);
    assert.ok(times.softRunMs < times.hardRunMs);
    assert.ok(times.leadershipRenewMs < times.leadershipGraceMs);
    assert.ok(times.leadershipGraceMs < times.leadershipTtlMs);
  });
}
