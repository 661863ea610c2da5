import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AttemptRun } from '../../../agent/attempt/attempt-run.ts';
import { silentJobLog } from '../../../agent/attempt/job-log.ts';
import { placeIsFree } from '../../../agent/attempt/place-free.ts';

const never = new Promise<void>(() => undefined);

function runWith(placeFree: (() => Promise<void>) | undefined) {
  const warnings: string[] = [];
  const troubles: string[] = [];
  const run = {
    services: { placeFree, onTrouble: (message: string) => void troubles.push(message) },
    log: { ...silentJobLog, warn: (message: string) => void warnings.push(message) },
  } as unknown as AttemptRun;
  return { run, warnings, troubles };
}

describe('An attempt whose place is not free yet', () => {
  it('stops waiting for it when it is stopped itself', async () => {
    const stop = new AbortController();
    const waiting = placeIsFree(runWith(() => never).run, stop.signal);
    stop.abort(new Error('cancelled'));
    await assert.rejects(waiting, /cancelled/u);
  });

  it('begins beside what does not end, and says so', async () => {
    const { run, warnings, troubles } = runWith(() => never);
    await placeIsFree(run, new AbortController().signal, 5);
    assert.match(warnings[0] ?? '', /has not ended: this job begins beside it/u);
    assert.deepEqual(troubles, warnings);
  });

  it('waits for it, and says nothing', async () => {
    const free = Promise.withResolvers<undefined>();
    const { run, warnings } = runWith(() => free.promise);
    let isFree = false;
    const waiting = placeIsFree(run, new AbortController().signal).then(() => (isFree = true));
    await Promise.resolve();
    assert.equal(isFree, false);
    free.resolve(undefined);
    await waiting;
    assert.deepEqual(warnings, []);
  });

  it('fails with whatever goes wrong there', async () => {
    const { run } = runWith(() => Promise.reject(new Error('broken')));
    await assert.rejects(placeIsFree(run, new AbortController().signal), /broken/u);
  });
});
