import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisLogin } from './redis-address.ts';
import { scriptDefinitions } from './scripts.ts';

export interface ClientOptions {
  readonly address: RedisAddress;
  readonly login: RedisLogin;
  /** A connection that is not made within this time is tried again. */
  readonly connectMs: number;
}

/** Replies stay in the shapes of RESP2, which ioredis's types know. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** A pause before the next try to connect: soon, because a leader has seconds, and at most a second later. */
function pauseBeforeMs(tries: number): number {
  return Math.min(20 * 2 ** tries, 1_000) * (0.5 + Math.random() / 2);
}

/**
 * A client of ioredis that never waits for long and never repeats by itself: a command whose answer did not come is
 * rejected when its connection breaks, and it is ours to send it again. It connects at its first use.
 */
export function openClient({ address, login, connectMs }: ClientOptions): Redis | Cluster {
  const common = {
    ...login,
    // Commands of a connection that breaks are rejected at once; none waits for the next one.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: connectMs,
    // A master that became a replica refuses writes: look for the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies Options;
  if (address.kind === 'cluster') return openCluster(address.nodes, common);
  return new Redis({
    ...common,
    ...target(address, login),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: pauseBeforeMs,
    scripts: scriptDefinitions(),
  });
}

function openCluster(
  nodes: Extract<RedisAddress, { kind: 'cluster' }>['nodes'],
  redisOptions: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>,
): Cluster {
  return new Cluster([...nodes], {
    redisOptions,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: pauseBeforeMs,
    scripts: scriptDefinitions(),
  });
}

function target(address: Exclude<RedisAddress, { kind: 'cluster' }>, login: RedisLogin): Options {
  switch (address.kind) {
    case 'server':
      return { host: address.host, port: address.port, db: address.db };
    case 'socket':
      return { path: address.path, db: address.db };
    case 'sentinel':
      return {
        sentinels: address.sentinels.map((each) => ({ ...each })),
        name: address.master,
        db: address.db,
        sentinelRetryStrategy: pauseBeforeMs,
        sentinelCommandTimeout: 2_000,
        // Told of a failover at once instead of at the first error.
        failoverDetector: true,
        ...(address.username !== undefined && { sentinelUsername: address.username }),
        ...(address.password !== undefined && { sentinelPassword: address.password }),
        ...(login.tls !== undefined && { enableTLSForSentinelMode: true, sentinelTLS: login.tls }),
      };
  }
}
