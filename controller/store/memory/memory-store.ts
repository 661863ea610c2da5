import {
  decodeRecord,
  type EncodedBatch,
  type EncodedRecord,
  encodeBatch,
  encodeChunks,
  requireBatchNumber,
} from '../encode-batch.ts';
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
  StoreUnavailable,
  sameEpoch,
} from '../port.ts';
import { type DiskContents, type LeaseHolder, MemoryDisk, type StoreCall } from './memory-disk.ts';

export interface MemoryStore extends Store {
  /** Where it writes: open another store on it to follow this one, or make it misbehave. */
  readonly disk: MemoryDisk;
}

/**
 * The fake of the store: keeps everything in memory, takes no time. Its disk can fail the n-th call, lose its last
 * changes and freeze. Several stores on one disk are several controllers of one farm.
 */
export function openMemoryStore(
  options: {
    /** @default a new, empty disk */
    readonly disk?: MemoryDisk;
    /** Of a new disk. @default `memory-farm` */
    readonly farmId?: string;
  } = {},
): MemoryStore {
  return new DiskStore(options.disk ?? new MemoryDisk(options.farmId ?? 'memory-farm'));
}

class DiskStore implements MemoryStore {
  readonly disk: MemoryDisk;
  #leadership: LeaseHolder | undefined;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.disk = disk;
  }

  async lead(options: LeadOptions): Promise<Leadership> {
    this.#giveUp();
    const holder = { lost: new AbortController(), addresses: options.addresses ?? [] };
    await this.disk.holdLeadership(holder, options.signal);
    this.#leadership = holder;
    try {
      const { epoch, otherEpoch, lastBatch } = await this.#call('lead', [], () => this.#takeTerm(options));
      const isHeld = () => this.disk.holder === holder;
      return { epoch, otherEpoch, lastBatch, lost: holder.lost.signal, isHeld };
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  async leader(): Promise<LeaderInfo | undefined> {
    return await this.#call('leader', [], () => {
      const { holder, contents } = this.disk;
      return holder && { epoch: contents.epoch, addresses: holder.addresses };
    });
  }

  async load(): Promise<Loaded> {
    return await this.#call('load', [], () => {
      const { farmId, lastBatch, records } = this.disk.contents;
      return { farmId, lastBatch, records: [...records.values()].map(decodeRecord) };
    });
  }

  async commit(batch: Batch, epoch: Epoch): Promise<CommitResult> {
    const encoded = encodeBatch(batch);
    const ids = [...encoded.upserts, ...encoded.deletes].map(({ id }) => id);
    return await this.#call('commit', ids, () => {
      const before = this.disk.contents;
      const refused = refusal(before, encoded, epoch);
      if (refused !== undefined) return refused;
      const records = applied(before.records, encoded);
      this.disk.write({ ...before, epoch, lastBatch: batch.number, lastBatchEpoch: epoch, records });
      return { result: 'committed' };
    });
  }

  async rewrite({ farmId, number, records }: Rewrite, epoch: Epoch): Promise<RewriteResult> {
    requireBatchNumber(number);
    const encoded = [...encodeChunks(records)].flat();
    const ids = encoded.map(({ id }) => id);
    return await this.#call('rewrite', ids, () => {
      const before = this.disk.contents;
      if (!sameEpoch(before.epoch, epoch)) return { result: 'stale-epoch', stored: before.epoch };
      const all = new Map(encoded.map((record) => [keyOf(record), record]));
      this.disk.write({ ...before, farmId, lastBatch: number, lastBatchEpoch: epoch, records: all });
      return { result: 'committed' };
    });
  }

  durability(): Promise<Durability> {
    const description = 'memory: nothing survives the end of the process';
    return Promise.resolve({ description, warnings: [description] });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#giveUp();
    return Promise.resolve();
  }

  #takeTerm({ leaderId, termAtLeast }: LeadOptions): DiskContents {
    const before = this.disk.contents;
    const epoch = { term: Math.max(before.epoch.term, termAtLeast, 0) + 1, leaderId };
    const otherEpoch = before.epoch.leaderId === leaderId ? before.otherEpoch : before.epoch;
    const after = { ...before, epoch, otherEpoch };
    this.disk.write(after);
    return after;
  }

  #giveUp(): void {
    if (this.#leadership !== undefined) this.disk.releaseLeadership(this.#leadership);
    this.#leadership = undefined;
  }

  async #call<T>(name: StoreCall['name'], recordIds: readonly string[], act: () => T): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('The store is closed');
    try {
      return await this.disk.call(name, recordIds, act);
    } catch (error) {
      throw new StoreUnavailable(`The memory store cannot ${name}`, error);
    }
  }
}

function refusal(contents: DiskContents, batch: EncodedBatch, epoch: Epoch): CommitResult | undefined {
  if (!sameEpoch(contents.epoch, epoch)) return { result: 'stale-epoch', stored: contents.epoch };
  if (contents.lastBatch === batch.previous) return undefined;
  // The very same batch again, after an answer that was lost: it is there already.
  if (contents.lastBatch === batch.number && sameEpoch(contents.lastBatchEpoch, epoch)) {
    return { result: 'committed' };
  }
  return { result: 'broken-chain', lastBatch: contents.lastBatch };
}

function applied(
  before: ReadonlyMap<string, EncodedRecord>,
  batch: EncodedBatch,
): ReadonlyMap<string, EncodedRecord> {
  const records = new Map(before);
  for (const record of batch.upserts) records.set(keyOf(record), record);
  for (const key of batch.deletes) records.delete(keyOf(key));
  return records;
}

function keyOf({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return `${kind}\0${id}`;
}
