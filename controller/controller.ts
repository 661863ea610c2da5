import { bigQueryCatalog } from './catalog/bigquery-catalog.ts';
import { bigQueryResults } from './catalog/bigquery-results.ts';
import type { Catalog } from './catalog/catalog.ts';
import { openFileCatalog } from './catalog/file-catalog.ts';
import { folderCatalog } from './catalog/folder-catalog.ts';
import { catalogPaths } from './catalog-paths.ts';
import { composeIntake, type Intake } from './compose-intake.ts';
import { composeMirror } from './compose-mirror.ts';
import type { ControllerConfig } from './config.ts';
import { configuredDirectory } from './directory/configured-directory.ts';
import type { Directory } from './directory/directory.ts';
import { withLateNames } from './directory/late-names.ts';
import { supabaseDirectory } from './directory/supabase-directory.ts';
import { sourceShareOf } from './domain/shares.ts';
import { createEngine } from './engine/engine.ts';
import type { Farm } from './engine/farm.ts';
import type { Clock } from './engine/ports.ts';
import { unlessAborted } from './engine/unless-aborted.ts';
import type { ResultPages } from './history/port.ts';
import { FolderTrouble } from './joblogs/folder-trouble.ts';
import { openLogRoom } from './joblogs/log-room.ts';
import { openPast } from './open-past.ts';
import { openStore } from './open-store.ts';
import type { Destination } from './outbox/destination.ts';
import { deliveriesTo } from './outbox/start-deliveries.ts';
import { jobResolver, jobsLookUp } from './resolve-jobs.ts';
import type { RpcLogger } from './rpc/context.ts';
import { RpcStartError, requireSafe, serverCredentials } from './rpc/listen.ts';
import { startRpcServer } from './rpc/server.ts';
import { systemClock } from './system-clock.ts';
import type { WebContext } from './web/context.ts';
import { startWebServer, type WebServer } from './web/server.ts';

export interface Controller {
  /** gRPC addresses with the ports that were taken. */
  readonly addresses: readonly string[];
  /** The same of the HTTP API; empty where it is not served. */
  readonly webAddresses: readonly string[];
  /** Rejects when an assumption is broken, or the store is not for this release: its process should end. */
  readonly failed: Promise<never>;
  /** Decides what has come, hands over to a standby, ends every stream with a Goodbye. Idempotent. */
  stop(): Promise<void>;
}

export interface ControllerOptions {
  readonly config: ControllerConfig;
  readonly log: RpcLogger;
  /** Gives up starting. */
  readonly signal: AbortSignal;
}

/**
 * Config -> adapters -> engine -> servers -> leading. When it resolves, everything answers, and it leads or is known to
 * stand by.
 * @throws RpcStartError; nothing was opened where its code is not LISTEN_FAILED
 */
export async function startController({ config, log, signal }: ControllerOptions): Promise<Controller> {
  // What can never be served is refused before the farm is led.
  requireSafe([...config.listen, ...(config.web?.listen ?? [])], config.tls, config.token);
  serverCredentials(config.tls);
  const clock = systemClock();
  const failure = Promise.withResolvers<never>();
  // Nobody may be listening yet, and a rejection that nobody hears ends the process.
  failure.promise.catch(() => undefined);
  const store = openStore(config);
  const catalog = await openCatalog(config, log);
  const { shares } = config.farm;
  const directory = directoryOf(config, clock, log);
  const isInSourceShare = (path: string): boolean => sourceShareOf(path, shares) !== undefined;
  const mirror = composeMirror(config, isInSourceShare, log);
  // A shadow tells nobody outside: what would is not built.
  const outside = config.farm.shadow === true ? [] : destinationsOf(config, directory);
  const elsewhere = [...outside, ...mirror.destinations];
  const names = elsewhere.map(({ name }) => name);
  const past = openPast(config, { names, ...(mirror.history && { history: mirror.history }) }, log);
  const destinations = [...elsewhere, ...past.destinations];
  const { times } = config.farm;
  const engine = createEngine({
    store,
    settings: { ...config.farm, destinations: destinations.map(({ name }) => name) },
    deliver: deliveriesTo(destinations, { times, clock, random: Math.random, log }),
    resolve: jobResolver({ catalog, directory, shares, clock }),
    lookUp: jobsLookUp({ catalog, shares, clock }),
    pathsOf: catalogPaths(catalog),
    clock,
    random: Math.random,
    log,
    onFatal: (error) => failure.reject(error),
  });
  const rules = { isInSourceShare, nowMs: () => clock.nowMs() };
  const intake = composeIntake(config, { engine, log, clock, rules });
  const disk = new FolderTrouble({ logsDir: config.logsDir, nowMs: () => clock.nowMs(), log });
  const edge = {
    wrote: disk.wrote,
    farm: past.attach(engine, clock, disk.alarms),
    ...(past.results && { results: past.results }),
  };
  const server = await serve(edge, config, log, clock, intake).catch(async (error: unknown) => {
    await engine.stop();
    await past.close();
    throw error;
  });
  mirror.watch(engine, clock);
  let stopped: Promise<void> | undefined;
  const controller: Controller = {
    ...server,
    failed: failure.promise,
    // Resigning comes first: a standby leads while our own streams end.
    stop: () =>
      (stopped ??= Promise.all([intake.stop(), mirror.stop()])
        .then(() => engine.stop())
        .then(() => server.stop())
        .finally(() => closeAll(destinations))
        .finally(() => past.close())),
  };
  try {
    const settled = engine.start(config.advertise ?? reachable(server.addresses));
    await unlessAborted(Promise.race([failure.promise, settled]), signal);
    return controller;
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

async function openCatalog(
  { bigQuery, catalogFile, catalogFolder }: ControllerConfig,
  log: RpcLogger,
): Promise<Catalog> {
  if (bigQuery !== undefined) return bigQueryCatalog(bigQuery);
  if (catalogFolder !== undefined) return folderCatalog({ ...catalogFolder, log });
  return await openFileCatalog({
    ...(catalogFile !== undefined && { file: catalogFile }),
    onProblem: (error) =>
      log.error({ err: error }, 'the catalogue file cannot be used; going on with what it said before'),
  });
}

/**
 * Who is told of jobs, at most one of each name; what is configured is put into this list, and the rest follows: the
 * turn marks rows for those that are here, each leadership delivers to them, and they are closed when nobody leads any
 * more. One that has to ask or order something of the farm itself (a row that was cancelled outside) is given a function
 * that looks the engine up when it is called, since the engine is made after this list.
 */
function destinationsOf({ bigQuery, farm }: ControllerConfig, directory: Directory): readonly Destination[] {
  const { resultsTable } = bigQuery ?? {};
  if (bigQuery === undefined || resultsTable === undefined) return [];
  const results = bigQueryResults({ ...bigQuery, resultsTable, results: farm.results ?? 'completed' });
  return [withLateNames(results, directory)];
}

async function closeAll(destinations: readonly Destination[]): Promise<void> {
  await Promise.allSettled(destinations.map(async (destination) => await destination.close?.()));
}

function directoryOf({ supabase, users }: ControllerConfig, clock: Clock, log: RpcLogger): Directory {
  if (supabase === undefined) return configuredDirectory(users);
  const onTrouble = (error: Error): void =>
    log.warn({ err: error }, 'Supabase was asked for the name of a user in vain');
  return supabaseDirectory({ ...supabase, nowMs: () => clock.nowMs(), onTrouble });
}

/** A wildcard tells nobody where we are. */
function reachable(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => !/^(0\.0\.0\.0|\[::\]):/u.test(address));
}

type Servers = Pick<Controller, 'addresses' | 'webAddresses' | 'stop'>;

async function serve(
  {
    wrote,
    ...past
  }: {
    readonly farm: Farm;
    readonly results?: ResultPages;
    readonly wrote: FolderTrouble['wrote'];
  },
  config: ControllerConfig,
  log: RpcLogger,
  clock: Clock,
  { stored, shadow }: Intake,
): Promise<Servers> {
  const { times, shares } = config.farm;
  const edge = {
    ...past,
    logger: log,
    isInSourceShare: (path: string) => sourceShareOf(path, shares) !== undefined,
    nowMs: () => clock.nowMs(),
    ...(stored && { stored }),
    ...(shadow && { shadow }),
  };
  const { timeZone } = config.farm;
  const room = openLogRoom({
    ...{ root: config.logsDir, farm: past.farm, clock, timeZone, ...config.logs },
    ...{ log, wrote },
  });
  const { logs, reads } = room;
  let web: WebServer | undefined;
  try {
    web = await serveWeb({ ...edge, reads }, config);
    const rpc = await startRpcServer({
      ...{ ...edge, logs, reads },
      addresses: config.listen,
      limits: {
        helloMs: times.helloMs,
        watchDrainMs: times.drainMs,
        stopMs: times.shutdownMs,
        comeBackSpreadMs: times.comeBackSpreadMs,
      },
      ...(config.tls && { tls: config.tls }),
      ...(config.token !== undefined && { token: config.token }),
    });
    return {
      addresses: rpc.addresses,
      webAddresses: web?.addresses ?? [],
      stop: async () => {
        await Promise.all([rpc.stop(), web?.stop(), room.stop()]);
      },
    };
  } catch (error) {
    await Promise.all([web?.stop(), room.stop()]);
    throw error;
  }
}

async function serveWeb(edge: WebContext, { web, tls, token, farm }: ControllerConfig) {
  if (web === undefined) return undefined;
  const { listen: addresses, origins } = web;
  try {
    const access = { origins, ...(token !== undefined && { token }) };
    const stopMs = farm.times.shutdownMs;
    return await startWebServer({ ...edge, addresses, access, stopMs, ...(tls && { tls }) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RpcStartError('LISTEN_FAILED', `Cannot listen for HTTP: ${reason}`, { cause });
  }
}
