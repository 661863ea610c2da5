import assert from 'node:assert/strict';
import { credentials } from '@grpc/grpc-js';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import { createEngine } from '../../controller/engine/engine.ts';
import type { Clock } from '../../controller/engine/ports.ts';
import { openLogRoom } from '../../controller/joblogs/log-room.ts';
import { startRpcServer } from '../../controller/rpc/server.ts';
import { MemoryDisk } from '../../controller/store/memory/memory-disk.ts';
import { openMemoryStore } from '../../controller/store/memory/memory-store.ts';
import { systemClock } from '../../controller/system-clock.ts';
import { JobServiceClient } from '../../proto/index.ts';
import { farmSettings } from './farm-settings.ts';

/** A real engine behind real gRPC, on a disk that can be frozen, and that survives it. */
export async function startMemoryFarm(
  changes: Partial<FarmSettings> = {},
  { disk = new MemoryDisk('farm-1'), clock = systemClock() }: { disk?: MemoryDisk; clock?: Clock } = {},
) {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const engine = createEngine({
    store: openMemoryStore({ disk }),
    settings: farmSettings(changes),
    clock,
    random: () => 0.5,
    log,
    onFatal: (error) => assert.fail(String(error)),
    resolve: ({ userId, items }) =>
      Promise.resolve({
        username: userId,
        resolved: items.map(({ position, itemType, path }) => ({ position, itemType, path: path ?? '' })),
        resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
        shares: ['clips'],
      }),
  });
  const keep = { timeZone: 'UTC', keepDays: 90, keepBytes: 2 ** 40 };
  const room = openLogRoom({
    root: '/nonexistent',
    farm: engine,
    clock,
    log,
    wrote: () => undefined,
    ...keep,
  });
  const server = await startRpcServer({
    farm: engine,
    logs: room.logs,
    reads: room.reads,
    logger: log,
    addresses: ['127.0.0.1:0'],
    isInSourceShare: () => true,
    nowMs: () => clock.nowMs(),
    limits: { watchDrainMs: 200, endMs: 50, stopMs: 1_000 },
  });
  await engine.start(server.addresses);
  const [address = ''] = server.addresses;
  const jobs = new JobServiceClient(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    disk,
    engine,
    jobs,
    server,
    address,
    async [Symbol.asyncDispose]() {
      jobs.close();
      disk.thaw();
      await server.stop();
      await room.stop();
      await engine.stop();
    },
  };
}
