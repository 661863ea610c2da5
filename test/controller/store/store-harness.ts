import type { TestContext } from 'node:test';
import type { Batch, Epoch, Store, StoredRecord } from '../../../controller/store/port.ts';

/** One storage, and what a suite must be able to do with it. */
export interface StoreHarness {
  /** Another store on the same storage: a restarted controller, or a second one. */
  open(): Store;
  /** From now on a batch that touches the record with this id fails in the middle; undefined heals. */
  failAt(recordId: string | undefined): void;
}

export type MakeHarness = (t: TestContext) => Promise<StoreHarness>;

export function record(id: string, body: unknown = { id }): StoredRecord {
  return { kind: 'job', id, version: 1, body };
}

export function batch(number: number, upserts: readonly StoredRecord[], more: Partial<Batch> = {}): Batch {
  return { number, previous: number - 1, upserts, deletes: [], ...more };
}

export async function lead(store: Store, leaderId = 'leader', termAtLeast = 0): Promise<Epoch> {
  const signal = AbortSignal.timeout(20_000);
  return (await store.lead({ leaderId, termAtLeast, signal })).epoch;
}
