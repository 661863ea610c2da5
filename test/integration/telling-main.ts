import assert from 'node:assert/strict';
import process from 'node:process';
import type { DestinationName } from '../../controller/domain/outbox.ts';
import { defaultTimes, scaleTimes } from '../../controller/domain/times.ts';
import { createEngine } from '../../controller/engine/engine.ts';
import { type Delivery, type Destination, DestinationAway } from '../../controller/outbox/destination.ts';
import { deliveriesTo } from '../../controller/outbox/start-deliveries.ts';
import type { Store } from '../../controller/store/port.ts';
import { openRedisStore } from '../../controller/store/redis/redis-store.ts';
import { openSqliteStore } from '../../controller/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../controller/system-clock.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { jobId, jobSpec } from '../helpers/turn-farm.ts';
import type { Asked, Start, Told } from './telling-process.ts';

// A real engine on a real store, in a process that can be killed; it tells its destinations over HTTP. What its parent
// wants of it comes as messages.

const { store: where, url, destinations } = JSON.parse(process.argv[2] ?? '') as Start;
const times = scaleTimes(defaultTimes, 0.1);
const clock = systemClock();
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const engine = createEngine({
  store: openStore(),
  settings: farmSettings({ destinations, times }),
  deliver: deliveriesTo(destinations.map(overHttp), { times, clock, random: Math.random, log: silent }),
  resolve: (spec) =>
    Promise.resolve({
      username: spec.userId,
      resolved: spec.items.map(({ position, itemType }) => ({ position, itemType, path: 'p' })),
      resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
      shares: ['clips'],
    }),
  clock,
  random: Math.random,
  log: silent,
  onFatal: (error) => {
    throw error;
  },
});
engine.onServing((serving) => process.send?.({ serving }));
process.on('message', (asked: Asked) => void answer(asked));
process.on('SIGTERM', () => void engine.stop().then(() => process.exit(0)));
await engine.start(['127.0.0.1:1']);

function openStore(): Store {
  if (where.kind === 'sqlite') return openSqliteStore({ file: where.file });
  const lease = { ttlMs: 2_000, renewMs: 400, graceMs: 1_200 };
  const address = { kind: 'socket', path: where.path, db: 0 } as const;
  return openRedisStore({ address, farmName: 'farm', lease, leadRetryMs: 20 });
}

function overHttp(name: DestinationName): Destination {
  return {
    name,
    itemsMax: 5,
    async deliver(items, signal) {
      const told = items.map(
        ({ job, revision }): Told => ({ name, jobId: job.jobId, state: job.state, revision }),
      );
      const body = JSON.stringify(told);
      const reply = await fetch(url, { method: 'POST', body, signal }).catch((cause: unknown) => {
        throw new DestinationAway('it does not answer', { cause });
      });
      if (!reply.ok) throw new DestinationAway(`it says ${reply.status}`);
      return items.map((): Delivery => ({ result: 'delivered' }));
    },
  };
}

async function answer({ id, verb, n }: Asked): Promise<void> {
  const value = await carryOut(verb, n).catch((error: unknown) => ({ error: String(error) }));
  process.send?.({ id, value });
}

async function carryOut(verb: Asked['verb'], n: number): Promise<unknown> {
  switch (verb) {
    case 'submit':
      return await engine.submit({ requestId: '', spec: jobSpec(n), validateOnly: false, jobIdMade: false });
    case 'cancel':
      return await engine.orderJob({ kind: 'cancel', jobId: jobId(n), reason: '', requestId: '' });
    case 'rows': {
      const { outbox } = await engine.summary();
      assert.equal(outbox.length, destinations.length);
      return outbox.reduce((rows, view) => rows + view.rows, 0);
    }
  }
}
