import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WaitingReads } from '../../../controller/engine/waiting-reads.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

function waitingReads(readsMax = 10): {
  reads: WaitingReads;
  clock: ManualClock;
  told: string[];
  ask: (name: string) => void;
} {
  const clock = new ManualClock();
  const reads = new WaitingReads({ clock, waitMs: 5_000, readsMax });
  const told: string[] = [];
  const ask = (name: string) =>
    reads.add(
      () => told.push(`${name} ran`),
      (error) => told.push(`${name} ${(error as { code?: string }).code ?? ''}`),
    );
  return { reads, clock, told, ask };
}

describe('reads that wait for the store', () => {
  it('run in order when everything is durable', async () => {
    const { reads, clock, told, ask } = waitingReads();
    ask('a');
    ask('b');
    reads.run();
    assert.deepEqual(told, ['a ran', 'b ran']);
    await clock.pass(60_000);
    assert.equal(told.length, 2);
  });

  it('are refused each after its own five seconds', async () => {
    const { reads, clock, told, ask } = waitingReads();
    ask('a');
    await clock.pass(3_000);
    ask('b');
    await clock.pass(2_000);
    assert.deepEqual(told, ['a STORAGE_UNAVAILABLE']);
    await clock.pass(3_000);
    assert.deepEqual(told, ['a STORAGE_UNAVAILABLE', 'b STORAGE_UNAVAILABLE']);
    ask('c');
    reads.run();
    assert.equal(told.at(-1), 'c ran');
  });

  it('are refused at once when too many wait, and all of them when the leadership ends', () => {
    const { reads, told, ask } = waitingReads(2);
    for (const name of ['a', 'b', 'c']) ask(name);
    assert.deepEqual(told, ['c TOO_MANY_REQUESTS']);
    reads.fail(Object.assign(new Error('over'), { code: 'NOT_LEADING' }));
    assert.deepEqual(told.slice(1), ['a NOT_LEADING', 'b NOT_LEADING']);
  });
});
