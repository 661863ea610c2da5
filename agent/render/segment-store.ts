import { rm } from 'node:fs/promises';
import type { SegmentRecord } from '../media/segment-files.ts';
import { mediaPath } from '../media/segment-files.ts';
import type { CheckedSegment } from './checked-segment.ts';
import type {
  JobSegmentCache,
  SegmentOrigin,
  SegmentStatistics,
  SegmentStore,
  SegmentUser,
  SharedState,
  TakenSegment,
  WantedSegment,
} from './segment-cache.ts';
import { type LocalTier, openLocalTier } from './segment-cache-local.ts';
import type { SharedTier } from './segment-cache-shared.ts';

export interface SegmentStoreOptions {
  readonly folder: string;
  readonly bytesMax: number;
  /** The agent's id: who made a segment is written down. */
  readonly madeBy: string;
  /** Closed with the store. @default none */
  readonly shared?: SharedTier;
  /** @default nobody */
  readonly onTrouble?: (message: string, error?: unknown) => void;
  /** Hears when a job has closed its view. @default nobody */
  readonly onStatistics?: (statistics: SegmentStatistics) => void;
}

/** Opens or makes the folder; it is looked through in the background. One process at a time. */
export function openSegmentStore(options: SegmentStoreOptions): SegmentStore {
  return new TieredStore(options);
}

/** Offers that somebody may still ask for. */
const offersMax = 10_000;

class TieredStore implements SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #local: LocalTier;
  readonly #shared: SharedTier | undefined;
  /** By key and class; what ended first is forgotten first. */
  readonly #offers = new Map<string, Promise<boolean>>();
  /** The class that came out last of a render here. */
  #madeClass: string | undefined;
  #parts = 0;

  constructor(options: SegmentStoreOptions) {
    this.#options = options;
    const { folder, bytesMax } = options;
    this.#local = openLocalTier({ folder, bytesMax, onTrouble: (...told) => this.#trouble(...told) });
    this.#shared = options.shared;
  }

  open(user: SegmentUser): JobSegmentCache {
    const pins: (() => void)[] = [];
    let isClosed = false;
    // What still comes when the job is over is nobody's to keep.
    const pin = (record: SegmentRecord): void => {
      if (!isClosed) pins.push(this.#local.pin(record));
    };
    return {
      take: async (wanted, target) => {
        try {
          const found = await this.#take(user, wanted, target);
          if (found === undefined) return undefined;
          pin(found.record);
          const { frames, samples, joinClass } = found.record;
          return { frames, samples, joinClass, from: found.from };
        } catch (error) {
          this.#trouble(`the segment ${wanted.key} could not be taken from the cache`, error);
          return undefined;
        }
      },
      keep: async (key, file, segment, origin) => {
        try {
          const record = await this.#keep(user, key, file, segment, origin);
          pin(record);
          this.#offer(record);
          await this.#local.evict();
        } catch (error) {
          this.#trouble(`the segment ${key} could not be kept in the cache`, error);
        }
      },
      close: () => {
        isClosed = true;
        for (const unpin of pins.splice(0)) unpin();
        void this.#local
          .evict()
          .catch((error: unknown) => this.#trouble('segments could not be removed', error));
        this.#options.onStatistics?.(this.statistics());
      },
    };
  }

  has(key: string): Promise<boolean> {
    return this.#local.has(key);
  }

  offered(key: string, joinClass: string): Promise<boolean> {
    return this.#offers.get(`${key}.${joinClass}`) ?? Promise.resolve(false);
  }

  async hasShared(key: string): Promise<boolean> {
    return ((await this.#shared?.find(key, undefined, false)) ?? []).length > 0;
  }

  async sharedId(): Promise<string | undefined> {
    return this.#shared?.identify();
  }

  sharedState(): SharedState {
    return this.#shared?.state() ?? 'none';
  }

  spareBytes(): number {
    return this.#local.spareBytes();
  }

  giveUp(): Promise<boolean> {
    return this.#local.giveUp();
  }

  statistics(): SegmentStatistics {
    const shared = this.#shared?.statistics();
    return { local: this.#local.statistics(), ...(shared === undefined ? {} : { shared }) };
  }

  async close(): Promise<void> {
    await this.#shared?.close();
    await Promise.all(this.#offers.values());
    await this.#local.settled();
  }

  async #take(
    user: SegmentUser,
    { key, joinClass }: WantedSegment,
    target: string,
  ): Promise<{ record: SegmentRecord; from: TakenSegment['from'] } | undefined> {
    const here = this.#inOrder(await this.#local.find(key, joinClass), user);
    for (const record of here) if (await this.#local.take(record, target)) return { record, from: 'local' };
    if (this.#shared === undefined) return undefined;
    for (const record of this.#inOrder(await this.#shared.find(key, joinClass, true), user)) {
      if (!(await this.#bring(record, this.#shared))) continue;
      if (await this.#local.take(record, target)) return { record, from: 'shared' };
    }
    return undefined;
  }

  /** What may be taken, the class that this PC makes first: what it must render itself has to fit. */
  #inOrder(
    records: readonly SegmentRecord[],
    { jobId, noCache = false }: SegmentUser,
  ): readonly SegmentRecord[] {
    const usable = noCache ? records.filter((record) => record.jobId === jobId) : records;
    const rank = ({ joinClass }: SegmentRecord): number => (joinClass === this.#madeClass ? 0 : 1);
    return usable.length < 2 ? usable : usable.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Copies it to this PC's tier. */
  async #bring(record: SegmentRecord, shared: SharedTier): Promise<boolean> {
    this.#parts += 1;
    const part = `shared~${this.#parts}.part`;
    try {
      if ((await shared.fetch(record, this.#local.incomingPath(part))) !== 'fetched') return false;
      await this.#local.adopt(part, record);
      return true;
    } finally {
      // What came broken or only in part counts nowhere, so that nothing else would ever remove it.
      await rm(this.#local.incomingPath(part), { force: true });
    }
  }

  async #keep(
    { jobId }: SegmentUser,
    key: string,
    file: string,
    { frames, samples, joinClass }: CheckedSegment,
    origin: SegmentOrigin | undefined,
  ): Promise<SegmentRecord> {
    // A whole job's sound comes from no item, and can be joined with anything.
    if (origin !== undefined) this.#madeClass = joinClass;
    const { madeBy } = this.#options;
    return this.#local.keep(file, { key, joinClass, frames, samples, madeBy, jobId, ...origin });
  }

  #offer(record: SegmentRecord): void {
    if (this.#shared === undefined) return;
    const unpin = this.#local.pin(record);
    const offer = this.#shared.offer(record, mediaPath(this.#options.folder, record)).finally(unpin);
    const id = `${record.key}.${record.joinClass}`;
    this.#offers.delete(id);
    this.#offers.set(id, offer);
    if (this.#offers.size > offersMax) this.#offers.delete(this.#offers.keys().next().value ?? '');
  }

  #trouble(message: string, error?: unknown): void {
    this.#options.onTrouble?.(message, error);
  }
}
