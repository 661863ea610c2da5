import type { Loaded, RecordKey, StoredRecord } from '../../controller/store/port.ts';
import type { World } from './world.ts';

export interface StoredChange {
  readonly upserts: readonly StoredRecord[];
  readonly deletes: readonly RecordKey[];
}

/** A store whose commits take time; a crash loses, or keeps without saying so, the one that is under way. */
export class SimStore {
  readonly #world: World;
  readonly #records = new Map<string, string>();
  readonly #bodies = new Map<string, unknown>();
  readonly #onCommitted: (change: StoredChange) => void;
  #underWay: { readonly change: StoredChange; lost: boolean } | undefined;
  #term = 0;
  #lastBatch = 0;
  awayUntilMs = 0;
  slowUntilMs = 0;

  constructor(world: World, onCommitted: (change: StoredChange) => void) {
    this.#world = world;
    this.#onCommitted = onCommitted;
  }

  lead(): number {
    return ++this.#term;
  }

  /** What a leader that starts now finds: nothing that is shared with anybody's memory. */
  load(): Loaded {
    const records = [...this.#records.values()].map((text) => JSON.parse(text) as StoredRecord);
    return { farmId: 'farm-1', lastBatch: this.#lastBatch, records };
  }

  /** The durable body of a record, to be looked at only. */
  body(kind: string, id: string): unknown {
    return this.#bodies.get(`${kind}/${id}`);
  }

  commit(change: StoredChange, durable: () => void): void {
    const entry = { change, lost: false };
    this.#underWay = entry;
    this.#world.after(this.#commitMs(), () => {
      if (entry.lost) return;
      this.#underWay = undefined;
      this.#write(change);
      durable();
    });
  }

  /** The process that writes is killed. */
  crash(): void {
    if (this.#underWay === undefined) return;
    const { change } = this.#underWay;
    this.#underWay.lost = true;
    this.#underWay = undefined;
    if (this.#world.random.chance(0.5)) this.#write(change);
  }

  #commitMs(): number {
    const { random, nowMs } = this.#world;
    const awayMs = Math.max(0, this.awayUntilMs - nowMs);
    const slow = this.slowUntilMs > nowMs ? random.between(200, 8_000) : 0;
    return awayMs + slow + (random.chance(0.02) ? random.between(20, 400) : random.between(0.5, 4));
  }

  #write(change: StoredChange): void {
    this.#lastBatch += 1;
    for (const record of change.upserts) {
      const key = `${record.kind}/${record.id}`;
      this.#records.set(key, JSON.stringify(record));
      this.#bodies.set(key, record.body);
    }
    for (const { kind, id } of change.deletes) {
      this.#records.delete(`${kind}/${id}`);
      this.#bodies.delete(`${kind}/${id}`);
    }
    this.#onCommitted(change);
  }
}
