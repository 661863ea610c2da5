import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { asciiLower } from '../../domain/ascii-lower.ts';
import {
  type ListedRow,
  type PastFilter,
  type PastLimits,
  type PastPlace,
  type PastRow,
  type PastRows,
  type PastTables,
} from '../past-rows.ts';
import { type PastKeys, pastKeys } from './keys.ts';
import type { RedisAddress, RedisLogin } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';

export interface RedisPastOptions {
  readonly address: RedisAddress;
  readonly login: RedisLogin;
  readonly farmName: string;
  readonly keyPrefix: string;
  /** Every call ends within this time; then its outcome is unknown. */
  readonly callMs: number;
}

/** Rows that one script looks at: about 5 ms of the Redis, in which nobody else is served. */
const scanMax = 1_000;
/** Rows that one script gives or takes away: Lua can return some thousand values. */
const rowsPerCallMax = 1_000;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/**
 * Tables of the past in the farm's Redis, over a connection of their own: no commit waits behind a page. There is one
 * index, the order; what else a filter names is looked for along it, a thousand rows at a time. Details are compressed,
 * because all of it is in memory there: `rowsMax` of `expire` is what bounds it.
 */
export function openRedisPast(options: RedisPastOptions): PastTables {
  const { address, login, farmName, keyPrefix, callMs } = options;
  const connection = new RedisConnection({ address, login, callMs });
  return {
    table: (name) => new RedisPastRows(connection, pastKeys(keyPrefix, farmName, name)),
    close: () => {
      connection.close();
      return Promise.resolve();
    },
  };
}

class RedisPastRows implements PastRows {
  readonly #connection: RedisConnection;
  readonly #keys: PastKeys;

  constructor(connection: RedisConnection, keys: PastKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async put(rows: readonly PastRow[]): Promise<void> {
    const { order, facts, summaries, details } = this.#keys;
    const packed = await Promise.all(rows.map(async ({ detail }) => await pack(detail)));
    const args = rows.flatMap((row, index) => [
      row.id,
      String(row.endedAtMs),
      factsOf(row),
      row.summary,
      packed[index] ?? '',
    ]);
    await this.#connection.run('past-put', [order, facts, summaries, details], args);
  }

  async get(id: string): Promise<Pick<PastRow, 'summary' | 'detail'> | undefined> {
    const { summaries, details } = this.#keys;
    const [summary, detail] = await this.#connection.call(
      'read a row of the past',
      async (client) => await Promise.all([client.hget(summaries, id), client.hget(details, id)]),
    );
    if (summary === null || detail === null) return undefined;
    return { summary, detail: await unpack(detail) };
  }

  async list(filter: PastFilter, size: number, after?: PastPlace): Promise<readonly ListedRow[]> {
    const rows: ListedRow[] = [];
    let place = earlier(after, filter.endedBeforeMs);
    while (rows.length < size) {
      const page = await this.#scan(filter, Math.min(size - rows.length, rowsPerCallMax), place);
      rows.push(...page.rows);
      if (page.isLast) break;
      place = page.place;
    }
    return rows;
  }

  async expire({ endedBeforeMs, rowsMax, sliceMax }: PastLimits): Promise<number> {
    const { order, facts, summaries, details } = this.#keys;
    const args = [endedBeforeMs, rowsMax, Math.min(sliceMax, rowsPerCallMax)].map(String);
    const [gone] = await this.#connection.run('past-expire', [order, facts, summaries, details], args);
    return Number(gone);
  }

  async #scan(
    filter: PastFilter,
    size: number,
    place: PastPlace,
  ): Promise<{ readonly rows: readonly ListedRow[]; readonly place: PastPlace; readonly isLast: boolean }> {
    const { order, facts, summaries } = this.#keys;
    const from = filter.endedFromMs ?? Number.MIN_SAFE_INTEGER;
    const numbers = [from, size, scanMax].map(String);
    const args = [String(place.endedAtMs), place.id, ...numbers, wantedOf(filter)];
    const [end, lastMs, lastId, ...found] = await this.#connection.run(
      'past-list',
      [order, facts, summaries],
      args,
    );
    const rows: ListedRow[] = [];
    for (let index = 0; index < found.length; index += 3) {
      const [id, endedAtMs, summary] = found.slice(index, index + 3);
      rows.push({ id: String(id), endedAtMs: Number(endedAtMs), summary: String(summary) });
    }
    const last = { endedAtMs: Number(lastMs), id: String(lastId) };
    return { rows, place: last, isLast: end === 'end' };
  }
}

/** Where the list begins: behind both. No id is behind an empty one. */
function earlier(after: PastPlace | undefined, endedBeforeMs: number | undefined): PastPlace {
  const before = { endedAtMs: endedBeforeMs ?? Number.MAX_SAFE_INTEGER, id: '' };
  return after === undefined || before.endedAtMs <= after.endedAtMs ? before : after;
}

function factsOf({ revision, userId, queue, state, agentId, channelName }: PastRow): string {
  return JSON.stringify({
    revision,
    userId,
    queue,
    state,
    agentId,
    channelName: asciiLower(channelName),
  });
}

function wantedOf({ userId, queue, agentId, states = [], channelText }: PastFilter): string {
  return JSON.stringify({
    userId,
    queue,
    agentId,
    ...(states.length > 0 && { states }),
    ...(channelText !== undefined && { channelText: asciiLower(channelText) }),
  });
}

async function pack(text: string): Promise<string> {
  return (await deflate(text)).toString('base64');
}

async function unpack(packed: string): Promise<string> {
  return (await inflate(Buffer.from(packed, 'base64'))).toString();
}
