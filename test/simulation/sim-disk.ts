import type {
  Batch,
  CommitResult,
  Epoch,
  LeaderInfo,
  LeadOptions,
  Loaded,
  Rewrite,
  RewriteResult,
  StoredRecord,
} from '../../controller/store/port.ts';
import { sameEpoch } from '../../controller/store/port.ts';
import type { World } from './world.ts';

/** What a store tells whoever watches it. */
export interface StoreWatcher {
  led(epoch: Epoch): void;
  committed(change: Pick<Batch, 'upserts' | 'deletes'>, epoch: Epoch): void;
  /** The machine of the store lost power: what was not synced is gone. */
  tailLost(disk: SimDisk): void;
}

interface Undo {
  readonly epoch: Epoch;
  readonly otherEpoch: Epoch;
  readonly lastBatch: number;
  readonly lastBatchEpoch: Epoch;
  readonly records: readonly (readonly [key: string, before: StoredRecord | undefined])[];
}

interface Lease {
  readonly holder: object;
  readonly addresses: readonly string[];
  expiresAtMs: number;
}

/** Changes that `loseTail` can go back to. */
const undoMax = 100;
const nobody: Epoch = { term: 0, leaderId: '' };

/**
 * What a farm's storage holds, as Redis or SQLite would: records in chained batches, fenced by the epoch; a leadership
 * that expires; a tail that can be lost.
 */
export class SimDisk {
  readonly #world: World;
  readonly #watcher: StoreWatcher;
  /** Leases that only end with their process are SQLite's lock; the others expire as Redis' do. */
  readonly leaseTtlMs: number;
  readonly #records = new Map<string, StoredRecord>();
  #undo: Undo[] = [];
  #lease: Lease | undefined;
  #lastBatch = 0;
  #lastBatchEpoch = nobody;
  /** Told when the next leader has written so much. */
  #whenLed: { readonly writes: number; readonly run: (changes: number) => void } | undefined;
  #sinceLed = 0;
  epoch = nobody;
  /** The newest of any other leader than that of `epoch`. */
  otherEpoch = nobody;
  /** Nobody is answered before. */
  frozenUntilMs = 0;
  /** Everybody is refused before. */
  awayUntilMs = 0;
  slowUntilMs = 0;

  constructor(world: World, watcher: StoreWatcher, leaseTtlMs: number) {
    this.#world = world;
    this.#watcher = watcher;
    this.leaseTtlMs = leaseTtlMs;
  }

  /** Undefined: somebody else leads. */
  tryLead(
    holder: object,
    { leaderId, termAtLeast, addresses = [] }: LeadOptions,
  ): { epoch: Epoch; otherEpoch: Epoch; lastBatch: number } | undefined {
    const { nowMs } = this.#world;
    if (this.#lease !== undefined && this.#lease.holder !== holder && this.#lease.expiresAtMs > nowMs) return;
    this.#remember([]);
    this.#sinceLed = 1;
    if (this.epoch.leaderId !== leaderId) this.otherEpoch = this.epoch;
    this.epoch = { term: this.#world.parts.newTerm(this.epoch.term, termAtLeast), leaderId };
    this.#lease = { holder, addresses, expiresAtMs: nowMs + this.leaseTtlMs };
    this.#watcher.led(this.epoch);
    return { epoch: this.epoch, otherEpoch: this.otherEpoch, lastBatch: this.#lastBatch };
  }

  /** When somebody else may lead at the earliest, if the leader does not renew. */
  get leaseEndsMs(): number {
    return Math.min(this.#lease?.expiresAtMs ?? 0, this.#world.nowMs + 10_000);
  }

  leader(): LeaderInfo | undefined {
    if (this.#lease === undefined || this.#lease.expiresAtMs <= this.#world.nowMs) return undefined;
    return { epoch: this.epoch, addresses: this.#lease.addresses };
  }

  renew(holder: object): boolean {
    const { nowMs } = this.#world;
    if (this.#lease?.holder !== holder || this.#lease.expiresAtMs <= nowMs) return false;
    this.#lease.expiresAtMs = nowMs + this.leaseTtlMs;
    return true;
  }

  release(holder: object): void {
    if (this.#lease?.holder === holder) this.#lease = undefined;
  }

  /** What a leader that starts now finds: nothing that is shared with anybody's memory. */
  load(): Loaded {
    const records = [...this.#records.values()].map(
      (record) => JSON.parse(JSON.stringify(record)) as StoredRecord,
    );
    return { farmId: 'farm-1', lastBatch: this.#lastBatch, records };
  }

  commit(batch: Batch, epoch: Epoch): CommitResult {
    if (!sameEpoch(this.epoch, epoch)) return { result: 'stale-epoch', stored: this.epoch };
    if (this.#lastBatch !== batch.previous) {
      const isThere = this.#lastBatch === batch.number && sameEpoch(this.#lastBatchEpoch, epoch);
      return isThere ? { result: 'committed' } : { result: 'broken-chain', lastBatch: this.#lastBatch };
    }
    this.write(batch, epoch);
    return { result: 'committed' };
  }

  rewrite({ number, records }: Rewrite, epoch: Epoch): RewriteResult {
    if (!sameEpoch(this.epoch, epoch)) return { result: 'stale-epoch', stored: this.epoch };
    const upserts = [...records];
    const kept = new Set(upserts.map(({ kind, id }) => `${kind}/${id}`));
    const deletes = [...this.#records.values()].filter(({ kind, id }) => !kept.has(`${kind}/${id}`));
    this.write({ number, previous: this.#lastBatch, upserts, deletes }, epoch);
    return { result: 'committed' };
  }

  /** Writes without a question. */
  write(batch: Batch, epoch: Epoch): void {
    const keys = [...batch.upserts, ...batch.deletes].map(({ kind, id }) => `${kind}/${id}`);
    this.#remember(keys);
    this.#lastBatch = batch.number;
    this.#lastBatchEpoch = epoch;
    for (const record of batch.upserts) this.#records.set(`${record.kind}/${record.id}`, record);
    for (const { kind, id } of batch.deletes) this.#records.delete(`${kind}/${id}`);
    this.#watcher.committed(batch, epoch);
    this.#sinceLed += 1;
    if (this.#whenLed === undefined || this.#sinceLed <= this.#whenLed.writes) return;
    const { run } = this.#whenLed;
    this.#whenLed = undefined;
    this.#world.after(0, () => run(this.#sinceLed));
  }

  /** Calls back once, when the next leader has committed this often, with all the changes since it leads. */
  whenLed(writes: number, run: (changes: number) => void): void {
    this.#sinceLed = Number.NEGATIVE_INFINITY;
    this.#whenLed = { writes, run };
  }

  /** To be looked at only. */
  body(kind: string, id: string): unknown {
    return this.#records.get(`${kind}/${id}`)?.body;
  }

  records(): Iterable<StoredRecord> {
    return this.#records.values();
  }

  /** Power is lost: the last changes were not synced; terms are changes too. Everybody may try to lead again. */
  loseTail(changes: number): void {
    for (const undo of this.#undo.splice(Math.max(0, this.#undo.length - changes)).reverse()) {
      this.epoch = undo.epoch;
      this.otherEpoch = undo.otherEpoch;
      this.#lastBatch = undo.lastBatch;
      this.#lastBatchEpoch = undo.lastBatchEpoch;
      for (const [key, before] of undo.records) {
        if (before === undefined) this.#records.delete(key);
        else this.#records.set(key, before);
      }
    }
    this.#lease = undefined;
    this.#watcher.tailLost(this);
  }

  #remember(keys: readonly string[]): void {
    this.#undo.push({
      epoch: this.epoch,
      otherEpoch: this.otherEpoch,
      lastBatch: this.#lastBatch,
      lastBatchEpoch: this.#lastBatchEpoch,
      records: keys.map((key) => [key, this.#records.get(key)] as const),
    });
    if (this.#undo.length > undoMax) this.#undo.shift();
  }
}
