import { decodeRecord, type EncodedBatch, type EncodedRecord, encodeBatch } from '../encode-batch.ts';
import {
  type Batch,
  type CommitResult,
  type Epoch,
  type Leadership,
  type Loaded,
  type Store,
  StoreUnavailable,
} from '../port.ts';
import { type DiskContents, MemoryDisk } from './memory-disk.ts';

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
  #leadership: AbortController | undefined;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.disk = disk;
  }

  async lead(options: Parameters<Store['lead']>[0]): Promise<Leadership> {
    this.#giveUp();
    const holder = new AbortController();
    await this.disk.holdLeadership(holder, options.signal);
    this.#leadership = holder;
    try {
      const epoch = await this.#call('lead', undefined, () => this.#takeTerm(options));
      return { epoch, lost: holder.signal };
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  async load(): Promise<Loaded> {
    return await this.#call('load', undefined, () => {
      const { lastBatch, records } = this.disk.contents;
      return { farmId: this.disk.farmId, lastBatch, records: [...records.values()].map(decodeRecord) };
    });
  }

  async commit(batch: Batch, epoch: Epoch): Promise<CommitResult> {
    const encoded = encodeBatch(batch);
    return await this.#call('commit', encoded, () => {
      const before = this.disk.contents;
      const refused = refusal(before, encoded, epoch);
      if (refused !== undefined) return refused;
      this.disk.write({
        epoch,
        lastBatch: batch.number,
        lastBatchEpoch: epoch,
        records: applied(before.records, encoded),
      });
      return { result: 'committed' };
    });
  }

  durability(): Promise<string> {
    return Promise.resolve('memory: nothing survives the end of the process');
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#giveUp();
    return Promise.resolve();
  }

  #takeTerm(options: { readonly leaderId: string; readonly termAtLeast: number }): Epoch {
    const term = Math.max(this.disk.contents.epoch.term, options.termAtLeast, 0) + 1;
    const epoch = { term, leaderId: options.leaderId };
    this.disk.write({ ...this.disk.contents, epoch });
    return epoch;
  }

  #giveUp(): void {
    if (this.#leadership !== undefined) this.disk.releaseLeadership(this.#leadership);
    this.#leadership = undefined;
  }

  async #call<T>(
    name: 'lead' | 'load' | 'commit',
    batch: EncodedBatch | undefined,
    act: () => T,
  ): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('The store is closed');
    try {
      return await this.disk.call(name, batch, act);
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

function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.term === b.term && a.leaderId === b.leaderId;
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
