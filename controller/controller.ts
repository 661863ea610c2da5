import { openFileCatalog } from './catalog/file-catalog.ts';
import type { ControllerConfig } from './config.ts';
import { configuredDirectory } from './directory/configured-directory.ts';
import { sourceShareOf } from './domain/shares.ts';
import { type Engine, startEngine } from './engine/engine.ts';
import { openJobLogs } from './joblogs/job-logs.ts';
import { jobResolver } from './resolve-jobs.ts';
import type { RpcLogger } from './rpc/context.ts';
import { requireSafe, serverCredentials } from './rpc/listen.ts';
import { startRpcServer } from './rpc/server.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import { systemClock } from './system-clock.ts';

export interface Controller {
  /** gRPC addresses with the ports that were taken. */
  readonly addresses: readonly string[];
  /** Rejects when the controller can no longer lead: its process should end. */
  readonly failed: Promise<never>;
  /** Ends every stream with a Goodbye, decides what has come, closes the store. Idempotent. */
  stop(): Promise<void>;
}

export interface ControllerOptions {
  readonly config: ControllerConfig;
  readonly log: RpcLogger;
  /** Gives up waiting for another controller that leads this store. */
  readonly signal: AbortSignal;
}

/**
 * Config -> adapters -> engine -> servers. When it resolves, the farm is served.
 * @throws RpcStartError; nothing was opened where its code is not LISTEN_FAILED
 */
export async function startController({ config, log, signal }: ControllerOptions): Promise<Controller> {
  // What can never be served is refused before the farm is led.
  requireSafe(config.listen, config.tls, config.token);
  serverCredentials(config.tls);
  const clock = systemClock();
  const failure = Promise.withResolvers<never>();
  // Nobody may be listening yet, and a rejection that nobody hears ends the process.
  failure.promise.catch(() => undefined);
  const store = openSqliteStore({ file: config.store.file });
  const catalog = await openFileCatalog({
    ...(config.catalogFile !== undefined && { file: config.catalogFile }),
    onProblem: (error) =>
      log.error({ err: error }, 'the catalogue file cannot be used; going on with what it said before'),
  });
  const { shares } = config.farm;
  const directory = configuredDirectory(config.users);
  const engine = await startEngine(
    {
      store,
      settings: config.farm,
      resolve: jobResolver({ catalog, directory, shares, clock }),
      clock,
      random: Math.random,
      log,
      onFatal: (error) => failure.reject(error),
    },
    signal,
  );
  log.info({ durability: await store.durability() }, 'leading the farm');
  const isInSourceShare = (path: string) => sourceShareOf(path, shares) !== undefined;
  const server = await serve(engine, config, log, isInSourceShare);
  let stopped: Promise<void> | undefined;
  return {
    addresses: server.addresses,
    failed: failure.promise,
    stop: () => (stopped ??= server.stop().then(() => engine.stop())),
  };
}

async function serve(
  engine: Engine,
  config: ControllerConfig,
  log: RpcLogger,
  isInSourceShare: (path: string) => boolean,
): ReturnType<typeof startRpcServer> {
  const { times } = config.farm;
  try {
    return await startRpcServer({
      farm: engine,
      logs: openJobLogs({ root: config.logsDir }),
      logger: log,
      addresses: config.listen,
      isInSourceShare,
      limits: {
        helloMs: times.helloMs,
        watchDrainMs: times.drainMs,
        stopMs: times.shutdownMs,
        comeBackSpreadMs: times.comeBackSpreadMs,
      },
      ...(config.tls && { tls: config.tls }),
      ...(config.token !== undefined && { token: config.token }),
    });
  } catch (error) {
    await engine.stop();
    throw error;
  }
}
