import assert from 'node:assert/strict';
import { it } from 'node:test';
import { obtainLeadership } from '../../../controller/engine/obtain-leadership.ts';
import { openMemoryStore } from '../../../controller/store/memory/memory-store.ts';
import { type Store, StoreUnavailable } from '../../../controller/store/port.ts';
import { ManualClock, settled } from '../../helpers/manual-clock.ts';

it('Each cause for which the store cannot be reached is told, once', async () => {
  const troubles = ['connect ECONNREFUSED', 'connect ECONNREFUSED', 'WRONGPASS', 'connect ECONNREFUSED'];
  const memory = openMemoryStore();
  const store: Store = Object.assign(Object.create(memory) as Store, {
    lead: (options: Parameters<Store['lead']>[0]) => {
      const trouble = troubles.shift();
      return trouble === undefined ? memory.lead(options) : Promise.reject(new StoreUnavailable(trouble));
    },
  });
  const told: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: ({ err }: { err?: unknown }) => void told.push(err instanceof Error ? err.message : err),
  };
  const clock = new ManualClock();
  const settings = { times: { commitRetryMs: 200 } };
  const { signal } = new AbortController();
  const leading = obtainLeadership({ store, clock, log, settings }, () => ({
    leaderId: 'l1',
    termAtLeast: 1,
    signal,
  }));
  for (let tries = 0; tries < 5; tries += 1) {
    await settled();
    await clock.pass(200);
  }
  await leading;
  assert.deepEqual(told, ['connect ECONNREFUSED', 'WRONGPASS']);
  await memory.close();
});
