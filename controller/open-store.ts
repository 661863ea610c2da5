import type { ControllerConfig } from './config.ts';
import type { Store } from './store/port.ts';
import { openRedisStore } from './store/redis/redis-store.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';

/** The store that is configured. Nothing is opened or connected before its first call. */
export function openStore({ store, farm }: Pick<ControllerConfig, 'store' | 'farm'>): Store {
  if (store.kind === 'sqlite') return openSqliteStore({ file: store.file });
  const { times, farmName } = farm;
  return openRedisStore({
    address: store.address,
    login: store.login,
    farmName,
    keyPrefix: store.keyPrefix,
    callMs: times.storeCallMs,
    lease: {
      ttlMs: times.leadershipTtlMs,
      renewMs: times.leadershipRenewMs,
      graceMs: times.leadershipGraceMs,
    },
  });
}
