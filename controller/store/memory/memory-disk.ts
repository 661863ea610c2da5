import type { EncodedRecord } from '../encode-batch.ts';
import type { Epoch } from '../port.ts';

/** What one call did to the storage, or was about to do. */
export interface StoreCall {
  /** Counts every call on this disk from 1. */
  readonly number: number;
  readonly name: 'lead' | 'leader' | 'load' | 'commit' | 'rewrite';
  /** Ids of the records that a commit or a rewrite writes. */
  readonly recordIds: readonly string[];
}

/** `before`: nothing is done. `after`: it is done, and the caller hears of a failure all the same. */
export type Failure = 'before' | 'after';

/** Who has the leadership. */
export interface LeaseHolder {
  readonly lost: AbortController;
  readonly addresses: readonly string[];
}

/** What a farm's storage holds at one moment. Never changed: a commit makes a new one. */
export interface DiskContents {
  readonly farmId: string;
  readonly epoch: Epoch;
  /** The newest epoch of another leader than that of `epoch`. */
  readonly otherEpoch: Epoch;
  readonly lastBatch: number;
  readonly lastBatchEpoch: Epoch;
  readonly records: ReadonlyMap<string, EncodedRecord>;
}

const nobody: Epoch = { term: 0, leaderId: '' };

/** Moments that `loseTail` can go back to. */
const historyMax = 1_000;

/**
 * The storage behind memory stores: it survives the crash of a controller, and can be told to misbehave. Nothing in it
 * takes time, so that it runs under any clock.
 */
export class MemoryDisk {
  #history: DiskContents[];
  #calls = 0;
  #plan: (call: StoreCall) => Failure | undefined = () => undefined;
  #frozen: { readonly thawed: Promise<undefined>; readonly thaw: () => void } | undefined;
  #holder: LeaseHolder | undefined;
  #released = Promise.withResolvers<undefined>();

  constructor(farmId: string) {
    const nothing = { epoch: nobody, otherEpoch: nobody, lastBatch: 0, lastBatchEpoch: nobody };
    this.#history = [{ farmId, ...nothing, records: new Map() }];
  }

  get contents(): DiskContents {
    const contents = this.#history.at(-1);
    if (contents === undefined) throw new Error('A disk always has contents');
    return contents;
  }

  /** Who leads now. */
  get holder(): LeaseHolder | undefined {
    return this.#holder;
  }

  /** Decides for every call whether it fails, until another plan is set. */
  planFailures(plan: (call: StoreCall) => Failure | undefined): void {
    this.#plan = plan;
  }

  /** Calls wait from now on, those that are under way too. */
  freeze(): void {
    if (this.#frozen !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#frozen = { thawed: promise, thaw: () => resolve(undefined) };
  }

  thaw(): void {
    this.#frozen?.thaw();
    this.#frozen = undefined;
  }

  /** Forgets the last changes, as a machine does that loses power before they were synced; terms are changes too. */
  loseTail(changes: number): void {
    this.#history.length = Math.max(1, this.#history.length - changes);
  }

  /** Ends the present leadership from outside, as the expiry of a lease does. */
  expireLeadership(): void {
    this.#holder?.lost.abort(new Error('The leadership expired'));
    this.#release();
  }

  /** Gives back the leadership that `holder` has; nothing when another has it. */
  releaseLeadership(holder: LeaseHolder): void {
    if (this.#holder === holder) this.#release();
  }

  /** Resolves when the leadership is `holder`'s. */
  async holdLeadership(holder: LeaseHolder, signal: AbortSignal): Promise<void> {
    while (this.#holder !== undefined) await orAborted(this.#released.promise, signal);
    signal.throwIfAborted();
    this.#holder = holder;
  }

  /** Passes a call through whatever is planned for it. `act` runs at most once. */
  async call<T>(name: StoreCall['name'], recordIds: readonly string[], act: () => T): Promise<T> {
    this.#calls += 1;
    const failure = this.#plan({ number: this.#calls, name, recordIds });
    while (this.#frozen !== undefined) await this.#frozen.thawed;
    if (failure === 'before')
      throw new Error(`Call ${this.#calls} (${name}) was planned to fail before it acts`);
    const result = act();
    if (failure === 'after')
      throw new Error(`Call ${this.#calls} (${name}) was planned to fail after it acted`);
    return result;
  }

  write(contents: DiskContents): void {
    this.#history.push(contents);
    if (this.#history.length > historyMax) this.#history.shift();
  }

  #release(): void {
    this.#holder = undefined;
    this.#released.resolve(undefined);
    this.#released = Promise.withResolvers();
  }
}

async function orAborted(wait: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([wait, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
