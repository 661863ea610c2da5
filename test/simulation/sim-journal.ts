import type { JournalState } from '../../agent/core/journal-fold.ts';
import { applyRecord, emptyJournal, snapshotRecords } from '../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import type { World } from './world.ts';

interface Entry {
  readonly records: readonly JournalRecord[];
  readonly durable: () => void;
}

/** An agent's journal: fsync takes time and serves all who wait; a crash keeps a prefix of what was not synced. */
export class SimJournal {
  readonly #world: World;
  durable: JournalState;
  #queue: Entry[] = [];
  #syncing: readonly Entry[] | undefined;
  #life = 0;

  constructor(world: World, state: JournalState) {
    this.#world = world;
    this.durable = state;
  }

  /** What a new process finds; sometimes the file had been rewritten. */
  read(): JournalState {
    if (this.#world.random.chance(0.5)) {
      const rewritten = snapshotRecords(this.durable);
      this.durable = rewritten.reduce(applyRecord, emptyJournal(this.durable.journalId));
    }
    return this.durable;
  }

  append(records: readonly JournalRecord[], durable: () => void): void {
    this.#queue.push({ records, durable });
    if (this.#syncing === undefined) this.#sync();
  }

  crash(): void {
    this.#life += 1;
    const unsynced = [...(this.#syncing ?? []), ...this.#queue].flatMap(({ records }) => records);
    const kept = unsynced.slice(0, this.#world.random.whole(0, unsynced.length));
    this.durable = kept.reduce(applyRecord, this.durable);
    this.#syncing = undefined;
    this.#queue = [];
  }

  replace(state: JournalState): void {
    this.crash();
    this.durable = state;
  }

  #sync(): void {
    if (this.#queue.length === 0) return;
    const life = this.#life;
    const entries = this.#queue;
    this.#queue = [];
    this.#syncing = entries;
    const { random } = this.#world;
    this.#world.after(random.chance(0.03) ? random.between(50, 2_000) : random.between(1, 10), () => {
      if (life !== this.#life) return;
      this.#syncing = undefined;
      for (const { records } of entries) this.durable = records.reduce(applyRecord, this.durable);
      for (const { durable } of entries) if (life === this.#life) durable();
      if (life === this.#life) this.#sync();
    });
  }
}
