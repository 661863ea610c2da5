import { dirname, join } from 'node:path';
import type { ControllerConfig } from './config.ts';
import type { DestinationName } from './domain/outbox.ts';
import type { Engine } from './engine/engine.ts';
import type { AlarmView, Farm } from './engine/farm.ts';
import type { Clock } from './engine/ports.ts';
import { cleanUp } from './history/clean-up.ts';
import { historyDestination, tableHistory } from './history/history-table.ts';
import type { History, ResultPages } from './history/port.ts';
import { resultsDestination, tableResults } from './history/results-table.ts';
import { withHistory } from './history/with-history.ts';
import type { Destination } from './outbox/destination.ts';
import type { PastTables } from './store/past-rows.ts';
import { openRedisPast } from './store/redis/redis-past-rows.ts';
import { openSqlitePast } from './store/sqlite/sqlite-past-rows.ts';

/** What is over: who is told of it, and how it is read. */
export interface Past {
  /** Destinations of the farm's own tables. */
  readonly destinations: readonly Destination[];
  /** Absent: rows of results go elsewhere. */
  readonly results?: ResultPages;
  /** The farm, with the jobs that have left its hot store. Old ones are deleted from here on, while it leads. */
  attach(engine: Engine, clock: Clock, alarms: () => readonly AlarmView[]): Farm;
  /** Closes what it has opened. Idempotent. */
  close(): Promise<void>;
}

/**
 * The farm's own tables of history and results, beside its store, as far as nobody else keeps these.
 * @param elsewhere destinations that are told of jobs already; and whose history is read, where that is not ours
 */
export function openPast(
  config: Pick<ControllerConfig, 'store' | 'farm' | 'history'>,
  elsewhere: { readonly names: readonly DestinationName[]; readonly history?: History },
  log: { warn(fields: object, message: string): void },
): Past {
  const tables = openTables(config);
  // What a shadow rendered is no result of the studio's.
  const keepsResults = config.farm.shadow !== true && !elsewhere.names.includes('results');
  const own = (['history', 'results'] as const).filter((name) =>
    name === 'history' ? elsewhere.history === undefined : keepsResults,
  );
  const { keepMs, rowsMax } = config.history;
  const history = elsewhere.history ?? tableHistory(tables.table('history'));
  let stopCleaning = (): void => undefined;
  return {
    destinations: own.map((name) =>
      name === 'history'
        ? historyDestination(tables.table(name))
        : resultsDestination(tables.table(name), config.farm.results ?? 'completed'),
    ),
    ...(own.includes('results') && { results: tableResults(tables.table('results')) }),
    attach: (engine, clock, alarms) => {
      stopCleaning = cleanUp({
        tables: own.map((name) => tables.table(name)),
        keepMs,
        rowsMax,
        clock,
        isLeading: () => engine.serving,
        log,
      });
      return withHistory(engine, history, alarms);
    },
    close: async () => {
      stopCleaning();
      await tables.close();
    },
  };
}

/** Nothing is opened or connected before the first call. */
function openTables({ store, farm }: Pick<ControllerConfig, 'store' | 'farm'>): PastTables {
  if (store.kind === 'sqlite') return openSqlitePast({ file: join(dirname(store.file), 'history.sqlite') });
  const { address, login, keyPrefix } = store;
  return openRedisPast({
    address,
    login,
    keyPrefix,
    farmName: farm.farmName,
    callMs: farm.times.storeCallMs,
  });
}
