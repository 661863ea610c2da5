import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import {
  dropSegment,
  findRecords,
  hashFile,
  incomingName,
  isSegmentLinked,
  linkOrCopy,
  mediaPath,
  placeSegment,
  recordPath,
  type SegmentRecord,
  scanSegments,
} from '../media/segment-files.ts';
import type { TierStatistics } from './segment-cache.ts';

export interface LocalTierOptions {
  readonly folder: string;
  /** The least recently used segments go when there are more bytes than this. */
  readonly bytesMax: number;
  readonly onTrouble: (message: string, error: unknown) => void;
  /** @default Date.now */
  readonly wallMs?: () => number;
}

/**
 * The tier on this PC's disk. Which segments are there is known without a look at the disk, from one look at the start;
 * the disk is believed all the same: somebody may have purged there. A segment is hashed when it is first used after a
 * start, because a crash of the PC can leave a file of the right size with other bytes; after that its size is compared.
 */
export interface LocalTier {
  /** Puts the segment of that record at `target`; false when it is not there any more, or was broken and is dropped. */
  take(record: SegmentRecord, target: string): Promise<boolean>;
  /** The classes of a key; the one that was used last comes first. */
  find(key: string, joinClass?: string): Promise<readonly SegmentRecord[]>;
  /** Takes a file in (by a link); resolves with its record. Rejects with the file system's error. */
  keep(file: string, facts: Omit<SegmentRecord, 'sha256' | 'sizeBytes'>): Promise<SegmentRecord>;
  /** Takes in what was copied to `incoming/<part>` and hashed there. */
  adopt(part: string, record: SegmentRecord): Promise<void>;
  incomingPath(part: string): string;
  has(key: string): Promise<boolean>;
  /** It stays until the result is called, once. */
  pin(entry: Pick<SegmentRecord, 'key' | 'joinClass'>): () => void;
  spareBytes(): number;
  giveUp(): Promise<boolean>;
  /** Removes what is too much. */
  evict(): Promise<void>;
  statistics(): TierStatistics;
  settled(): Promise<void>;
}

interface Entry {
  readonly key: string;
  readonly joinClass: string;
  sizeBytes: number;
  /** Its bytes are known to be those of its record. */
  isChecked: boolean;
  pins: number;
}

/** At a time, so that a folder of thousands is not read for each. */
const giveUpBytes = 512 * 1024 ** 2;

/** Leftovers of a crash are removed in the background; nothing of it can fail. */
export function openLocalTier(options: LocalTierOptions): LocalTier {
  return new DiskTier(options);
}

class DiskTier implements LocalTier {
  readonly #options: LocalTierOptions;
  /** In the order of their last use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #ready: Promise<void>;
  readonly #counts = { hits: 0, misses: 0, kept: 0, evicted: 0, corrupt: 0, failed: 0 };
  #bytes = 0;
  #parts = 0;
  #evicting: Promise<void> = Promise.resolve();
  #purgedAtMs: number | undefined;

  constructor(options: LocalTierOptions) {
    this.#options = options;
    this.#ready = this.#read().catch((error: unknown) =>
      options.onTrouble(`${options.folder} could not be looked through`, error),
    );
  }

  async find(key: string, joinClass?: string): Promise<readonly SegmentRecord[]> {
    await this.#ready;
    const records = await findRecords(this.#options.folder, key, joinClass);
    if (records.length === 0) this.#counts.misses += 1;
    const ids = [...this.#entries.keys()];
    return records.length < 2
      ? records
      : records.toSorted((a, b) => ids.indexOf(idOf(b)) - ids.indexOf(idOf(a)));
  }

  async take(record: SegmentRecord, target: string): Promise<boolean> {
    await this.#ready;
    const file = mediaPath(this.#options.folder, record);
    const entry = this.#entries.get(idOf(record));
    const isWhole = await this.#isWhole(file, record, entry?.isChecked === true);
    if (!isWhole) {
      this.#counts.corrupt += 1;
      this.#counts.misses += 1;
      await this.#drop(record);
      return false;
    }
    await linkOrCopy(file, target);
    this.#counts.hits += 1;
    this.#used(record).isChecked = true;
    const now = new Date(this.#wallMs());
    await utimes(recordPath(this.#options.folder, record), now, now).catch(() => undefined);
    return true;
  }

  async keep(file: string, facts: Omit<SegmentRecord, 'sha256' | 'sizeBytes'>): Promise<SegmentRecord> {
    await this.#ready;
    this.#parts += 1;
    const part = `kept~${this.#parts}.part`;
    try {
      await linkOrCopy(file, this.incomingPath(part));
      const record = { ...facts, ...(await hashFile(this.incomingPath(part))) };
      await this.adopt(part, record);
      return record;
    } finally {
      await rm(this.incomingPath(part), { force: true });
    }
  }

  async adopt(part: string, record: SegmentRecord): Promise<void> {
    await this.#ready;
    const { folder } = this.#options;
    const before = await findRecords(folder, record.key, record.joinClass);
    await placeSegment(folder, part, record);
    for (const old of before) {
      // The same key and class with other bytes: nobody will find them any more.
      if (old.sha256 !== record.sha256) await rm(mediaPath(folder, old), { force: true });
    }
    this.#used(record).isChecked = true;
    this.#counts.kept += 1;
  }

  incomingPath(part: string): string {
    return path.join(this.#options.folder, incomingName, part);
  }

  async has(key: string): Promise<boolean> {
    await this.#ready;
    return (await findRecords(this.#options.folder, key).catch(() => [])).length > 0;
  }

  pin(entry: Pick<SegmentRecord, 'key' | 'joinClass'>): () => void {
    const known = this.#entries.get(idOf(entry));
    if (known === undefined) return () => undefined;
    known.pins += 1;
    let isPinned = true;
    return () => {
      if (isPinned) known.pins -= 1;
      isPinned = false;
    };
  }

  spareBytes(): number {
    let bytes = 0;
    for (const { sizeBytes, pins } of this.#entries.values()) if (pins === 0) bytes += sizeBytes;
    return bytes;
  }

  async giveUp(): Promise<boolean> {
    await this.#ready;
    return (await this.#evictOldest(giveUpBytes, true)) > 0;
  }

  evict(): Promise<void> {
    // One that failed (Windows removes no file that somebody reads) must not stop all later ones.
    const before = this.#evicting.catch(() => undefined);
    this.#evicting = before.then(async () => {
      await this.#ready;
      await this.#readAgainAfterPurge();
      const tooMany = this.#bytes - this.#options.bytesMax;
      if (tooMany > 0) await this.#evictOldest(tooMany);
    });
    return this.#evicting;
  }

  statistics(): TierStatistics {
    return { entries: this.#entries.size, bytes: this.#bytes, ...this.#counts };
  }

  async settled(): Promise<void> {
    await this.#ready;
    await this.#evicting.catch(() => undefined);
  }

  async #read(): Promise<void> {
    const { folder } = this.#options;
    await rm(path.join(folder, incomingName), { recursive: true, force: true });
    await mkdir(path.join(folder, incomingName), { recursive: true });
    await this.#index();
  }

  async #index(): Promise<void> {
    const { folder } = this.#options;
    this.#purgedAtMs = await purgedAtMs(folder);
    const found = await scanSegments(folder);
    for (const { isWhole, ...entry } of found) if (!isWhole) await dropSegment(folder, entry);
    const known = new Map(this.#entries);
    this.#entries.clear();
    this.#bytes = 0;
    for (const { key, joinClass, sizeBytes, isWhole } of found.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (!isWhole) continue;
      const id = idOf({ key, joinClass });
      // Whoever has pinned it holds this very object.
      const entry = known.get(id) ?? { key, joinClass, sizeBytes, isChecked: false, pins: 0 };
      entry.sizeBytes = sizeBytes;
      this.#entries.set(id, entry);
      this.#bytes += sizeBytes;
    }
  }

  /** A verb in another process says so by a file of its own. */
  async #readAgainAfterPurge(): Promise<void> {
    if ((await purgedAtMs(this.#options.folder)) !== this.#purgedAtMs) await this.#index();
  }

  async #isWhole(file: string, record: SegmentRecord, isChecked: boolean): Promise<boolean> {
    const facts = await stat(file).catch(() => undefined);
    if (facts?.size !== record.sizeBytes) return false;
    return isChecked || (await hashFile(file)).sha256 === record.sha256;
  }

  /** Known from now on, and the one that was used last. */
  #used(record: SegmentRecord): Entry {
    const id = idOf(record);
    const { key, joinClass, sizeBytes } = record;
    const entry = this.#entries.get(id) ?? { key, joinClass, sizeBytes: 0, isChecked: false, pins: 0 };
    this.#bytes += sizeBytes - entry.sizeBytes;
    entry.sizeBytes = sizeBytes;
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  /** @param forDisk - only what gives its bytes back: not what a kept work folder has a link of */
  async #evictOldest(bytes: number, forDisk = false): Promise<number> {
    let freed = 0;
    for (const entry of [...this.#entries.values()]) {
      if (freed >= bytes) break;
      if (isPinned(entry)) continue;
      if (forDisk && (await isSegmentLinked(this.#options.folder, entry))) continue;
      // Pinned, or gone, while it was looked at.
      if (isPinned(entry) || this.#entries.get(idOf(entry)) !== entry) continue;
      freed += entry.sizeBytes;
      this.#counts.evicted += 1;
      await this.#drop(entry);
    }
    return freed;
  }

  async #drop(entry: Pick<SegmentRecord, 'key' | 'joinClass'>): Promise<void> {
    const known = this.#entries.get(idOf(entry));
    if (known !== undefined) {
      this.#bytes -= known.sizeBytes;
      this.#entries.delete(idOf(entry));
    }
    await dropSegment(this.#options.folder, entry);
  }

  #wallMs(): number {
    return (this.#options.wallMs ?? Date.now)();
  }
}

function isPinned({ pins }: Entry): boolean {
  return pins > 0;
}

/** Written by whoever removes segments behind the agent's back. */
export const purgedName = 'purged';

async function purgedAtMs(folder: string): Promise<number | undefined> {
  return (await stat(path.join(folder, purgedName)).catch(() => undefined))?.mtimeMs;
}

function idOf({ key, joinClass }: Pick<SegmentRecord, 'key' | 'joinClass'>): string {
  return `${key}.${joinClass}`;
}
