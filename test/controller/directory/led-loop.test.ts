import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedLoop } from '../../../controller/directory/led-loop.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

/** A loop under a clock that stands still, led by nobody at first. */
function loopUnder({ fails = () => false }: { fails?: () => boolean } = {}) {
  const clock = new ManualClock();
  const listeners = new Set<(serving: boolean) => void>();
  const farm = {
    serving: false,
    onServing(listener: (serving: boolean) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const rounds: { readonly atMs: number; readonly leadership: number; readonly signal: AbortSignal }[] = [];
  let leaderships = 0;
  let hold: Promise<void> = Promise.resolve();
  const logged: string[] = [];
  const note = (_fields: object, message: string) => logged.push(message);
  const loop = new LedLoop({
    ...{ farm, clock, random: () => 0, everyMs: 1_000, name: 'it', log: { info: note, warn: note } },
    begin: () => {
      leaderships += 1;
      const leadership = leaderships;
      return {
        round: async (signal) => {
          rounds.push({ atMs: clock.nowMs(), leadership, signal });
          await hold;
          if (fails()) throw new Error('away');
          return {};
        },
      };
    },
  });
  const serve = (serving: boolean) => {
    farm.serving = serving;
    for (const listener of listeners) listener(serving);
  };
  const holdRounds = (until: Promise<void>) => {
    hold = until;
  };
  return { clock, loop, rounds, serve, holdRounds, logged, listeners };
}

test('Nothing is done before it leads, nor after; each leadership begins anew', async () => {
  const { clock, loop, rounds, serve } = loopUnder();
  await clock.pass(5_000);
  assert.equal(rounds.length, 0);
  serve(true);
  await clock.pass(2_500);
  assert.equal(rounds.length, 3);
  serve(false);
  await clock.pass(5_000);
  assert.equal(rounds.length, 3);
  assert.ok(rounds[0]?.signal.aborted);
  serve(true);
  await clock.pass(100);
  assert.deepEqual(
    rounds.map(({ leadership }) => leadership),
    [1, 1, 1, 2],
  );
  await loop.stop();
});

test('Never two at a time: a leadership that comes back waits for the round of the one before', async () => {
  const { clock, loop, rounds, serve, holdRounds } = loopUnder();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  holdRounds(promise.then(() => undefined));
  serve(true);
  await clock.pass(10);
  serve(false);
  serve(true);
  await clock.pass(5_000);
  assert.equal(rounds.length, 1);
  resolve(undefined);
  await clock.pass(10);
  assert.equal(rounds.length, 2);
  await loop.stop();
});

test('Failures make it slower, up to a minute, and are told once; then it goes on as before', async () => {
  let isAway = true;
  const { clock, loop, rounds, serve, logged } = loopUnder({ fails: () => isAway });
  serve(true);
  await clock.pass(240_000);
  const pauses = rounds.slice(1).map(({ atMs }, index) => atMs - (rounds[index]?.atMs ?? 0));
  assert.deepEqual(
    pauses.slice(0, 8),
    [2, 4, 8, 16, 32, 60, 60].map((s) => s * 1_000),
  );
  assert.equal(logged.length, 1);
  isAway = false;
  await clock.pass(60_000);
  const before = rounds.length;
  await clock.pass(3_000);
  assert.equal(rounds.length, before + 3);
  assert.deepEqual(logged.slice(1), ['it: going on']);
  await loop.stop();
});

test('A stop ends it while it pauses and while it works, and may be called twice', async () => {
  const { clock, loop, rounds, serve, listeners } = loopUnder();
  serve(true);
  await clock.pass(10);
  await Promise.all([loop.stop(), loop.stop()]);
  assert.equal(clock.timers, 0);
  assert.equal(listeners.size, 0);
  serve(true);
  await clock.pass(5_000);
  assert.equal(rounds.length, 1);
});
