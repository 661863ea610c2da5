import type { TestContext } from 'node:test';
import type { Batch, Epoch, Leadership, Store, StoredRecord } from '../../../controller/store/port.ts';

/** `before`: nothing is done. `after`: it is done, and the caller hears of a failure all the same. */
export type Fault = 'before' | 'after';

/** One storage, and what a suite must be able to do with it. */
export interface StoreHarness {
  /** Another store on the same storage: a restarted controller, or a second one. */
  open(): Store;
  /** From now on a batch that touches the record with this id fails in the middle; undefined heals. */
  failAt(recordId: string | undefined): void;
  /** What `failWrites` can do here. */
  readonly faults: readonly Fault[];
  /** From now on every call that writes fails in this way; undefined heals. */
  failWrites(fault: Fault | undefined): void;
  /** Lets the leadership run out, as if its leader were frozen; absent where that cannot be. */
  readonly expire?: () => Promise<void>;
  /** Remembers what is stored. What it gives puts that back, as a crash does that loses the tail since then. */
  save(): Promise<() => Promise<void>>;
  /** Whether the storage can lose its tail while a store is open on it. */
  readonly losesTailWhileOpen: boolean;
}

export type MakeHarness = (t: TestContext) => Promise<StoreHarness>;

export function record(id: string, body: unknown = { id }): StoredRecord {
  return { kind: 'job', id, version: 1, body };
}

export function batch(number: number, upserts: readonly StoredRecord[], more: Partial<Batch> = {}): Batch {
  return { number, previous: number - 1, upserts, deletes: [], ...more };
}

/** What `lead` gives, waited for no longer than a test can. */
export async function takeLead(
  store: Store,
  leaderId = 'leader',
  more: { readonly termAtLeast?: number; readonly addresses?: readonly string[] } = {},
): Promise<Leadership> {
  return await store.lead({ leaderId, termAtLeast: 0, signal: AbortSignal.timeout(20_000), ...more });
}

export async function lead(store: Store, leaderId = 'leader', termAtLeast = 0): Promise<Epoch> {
  return (await takeLead(store, leaderId, { termAtLeast })).epoch;
}
