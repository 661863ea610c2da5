import { setTimeout as pause } from 'node:timers/promises';
import { encodeBatch, requireBatchNumber } from '../encode-batch.ts';
import {
  type Batch,
  type CommitResult,
  type Durability,
  type Epoch,
  type LeaderInfo,
  type Leadership,
  type LeadOptions,
  type Loaded,
  type Rewrite,
  type RewriteResult,
  type Store,
  StoreIncompatible,
  StoreUnavailable,
} from '../port.ts';
import { epochFrom } from './answers.ts';
import { commitBatch } from './commit-batch.ts';
import { evictionPolicy, judgeDurability } from './durability.ts';
import { type FarmKeys, farmKeys } from './keys.ts';
import { Lease, type LeaseTimes, momentNow } from './lease.ts';
import { loadFarm } from './load-farm.ts';
import { addressText, type RedisAddress, type RedisLogin } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';
import { readFacts } from './redis-facts.ts';
import { rewriteFarm } from './rewrite-farm.ts';
import { takeLeadership } from './take-leadership.ts';

export interface RedisStoreOptions {
  readonly address: RedisAddress;
  /** @default no name, no password, no TLS */
  readonly login?: RedisLogin;
  /** Farms of one Redis are told apart by it: each has keys of its own. */
  readonly farmName: string;
  /** Every key begins with it (within braces). @default `renderfarm` */
  readonly keyPrefix?: string;
  /** `leadershipTtlMs`, `leadershipRenewMs` and `leadershipGraceMs` of controller/domain/times.ts. */
  readonly lease: LeaseTimes;
  /** Every call ends within this time; then its outcome is unknown. @default 5000 */
  readonly callMs?: number;
  /** How often a waiting `lead` looks. @default 200 */
  readonly leadRetryMs?: number;
}

/**
 * The store for more than one controller: a Redis server, one behind Sentinel, or a Cluster.
 *
 * Guarantees: those of the port. Each step is one Lua script, so that it happens as a whole or not at all, fenced by
 * the epoch. How durable a commit is, is what the Redis is configured for: `durability` reads it.
 * Limits: what a failover of the Redis itself loses is lost; the chain of batches shows it.
 */
export function openRedisStore(options: RedisStoreOptions): Store {
  return new RedisStore(options);
}

class RedisStore implements Store {
  readonly #where: string;
  readonly #keys: FarmKeys;
  readonly #leaseTimes: LeaseTimes;
  readonly #leadRetryMs: number;
  readonly #failsOver: boolean;
  /** For records, and what may take long. */
  readonly #records: RedisConnection;
  /** For the leadership: nothing large is ever before a renewal. */
  readonly #leadership: RedisConnection;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();
  #lease: Lease | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RedisStoreOptions) {
    const { address, login = {}, lease, callMs = 5_000, leadRetryMs = 200 } = options;
    this.#where = addressText(address);
    this.#keys = farmKeys(options.keyPrefix ?? 'renderfarm', options.farmName);
    this.#leaseTimes = lease;
    this.#leadRetryMs = leadRetryMs;
    this.#failsOver = address.kind === 'sentinel' || address.kind === 'cluster';
    this.#records = new RedisConnection({ address, login, callMs });
    // A renewal that hangs must be noticed while there is time for another one.
    const renewalMs = Math.max(100, Math.floor((lease.graceMs - lease.renewMs) * 0.8));
    this.#leadership = new RedisConnection({ address, login, callMs: renewalMs });
  }

  async lead(options: LeadOptions): Promise<Leadership> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    await this.#endLease(options.leaderId);
    await this.#track(() => this.#refuseEviction());
    for (;;) {
      signal.throwIfAborted();
      const leadership = await this.#track(() => this.#tryLead(options));
      if (leadership !== undefined) return leadership;
      await pause(this.#leadRetryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async leader(): Promise<LeaderInfo | undefined> {
    const { farm, lease } = this.#keys;
    const answer = await this.#track(() => this.#leadership.run('leader', [farm, lease], []));
    if (answer[0] === 'nobody') return undefined;
    const addresses = JSON.parse(String(answer[3])) as readonly string[];
    return { epoch: epochFrom(answer[1], answer[2]), addresses };
  }

  async load(): Promise<Loaded> {
    return await this.#track(() => loadFarm(this.#records, this.#keys));
  }

  async commit(batch: Batch, epoch: Epoch): Promise<CommitResult> {
    const encoded = encodeBatch(batch);
    return await this.#track(() => commitBatch(this.#records, this.#keys, encoded, epoch));
  }

  async rewrite(whole: Rewrite, epoch: Epoch): Promise<RewriteResult> {
    requireBatchNumber(whole.number);
    return await this.#track(() => rewriteFarm(this.#records, this.#keys, whole, epoch));
  }

  async durability(): Promise<Durability> {
    const facts = await this.#track(() => readFacts(this.#records, this.#failsOver));
    const all = facts.map(judgeDurability);
    // Servers that say the same, as the masters of a Cluster should, are one line.
    const descriptions = new Set(all.map(({ description }) => description));
    const warnings = new Set(all.flatMap((each) => each.warnings));
    return { description: `${this.#where}: ${[...descriptions].join('; ')}`, warnings: [...warnings] };
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#closeAll());
  }

  /** Whoever leads again goes on under its own lease; as somebody else it would wait for itself. */
  async #endLease(nextLeaderId: string): Promise<void> {
    if (this.#lease?.epoch.leaderId === nextLeaderId) await this.#lease.end();
    else await this.#lease?.resign();
  }

  async #tryLead(options: LeadOptions): Promise<Leadership | undefined> {
    const takenAt = momentNow();
    const taken = await takeLeadership(this.#leadership, this.#keys, this.#leaseTimes.ttlMs, options);
    if (taken === undefined) return undefined;
    const lease = new Lease(
      { connection: this.#leadership, keys: this.#keys, times: this.#leaseTimes },
      taken.epoch,
      takenAt,
    );
    this.#lease = lease;
    if (options.signal.aborted) {
      await lease.resign();
      options.signal.throwIfAborted();
    }
    return lease.leadership(taken.otherEpoch, taken.lastBatch);
  }

  /** Records that the Redis may throw away when its memory is full are no records. */
  async #refuseEviction(): Promise<void> {
    for (const facts of await readFacts(this.#records, this.#failsOver)) {
      const policy = evictionPolicy(facts);
      if (policy === undefined || policy === 'noeviction') continue;
      throw new StoreIncompatible(
        `${this.#where}: maxmemory-policy is ${policy}, so that it may throw jobs away; set it to noeviction`,
      );
    }
  }

  async #closeAll(): Promise<void> {
    this.#closing.abort(new StoreUnavailable(`${this.#where}: the store is closed`));
    // What is under way gets its answer; each of them ends within its time limit.
    await Promise.allSettled(this.#underWay);
    await this.#lease?.resign();
    this.#records.close();
    this.#leadership.close();
  }

  /** Runs a call, so that `close` lets it end first. */
  async #track<T>(call: () => Promise<T>): Promise<T> {
    this.#closing.signal.throwIfAborted();
    const work = call();
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }
}
