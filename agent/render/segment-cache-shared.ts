import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { openGate } from '../media/gate.ts';
import { incomingName, mediaPath, type SegmentRecord } from '../media/segment-files.ts';
import type { SegmentShareOp } from '../media/segment-share-protocol.ts';
import type { ShareOperations } from '../media/share-operations.ts';
import { ShareOperationError } from '../media/share-process.ts';
import type { Copied, CopyRequest, ShareRequest, ShareResults } from '../media/share-protocol.ts';
import type { SharedState, TierStatistics } from './segment-cache.ts';

export interface SharedTierOptions {
  /** A folder that is there, as this PC sees it. It is never made. */
  readonly root: string;
  readonly bytesMax: number;
  /** Names this agent in what it writes there. */
  readonly owner: string;
  /** Its own: nothing else waits behind them, and they wait for nothing else. */
  readonly operations: ShareOperations;
  readonly onTrouble: (message: string, error?: unknown) => void;
  /** No byte and no answer for this long is a failure. @default 3,000 */
  readonly silenceMs?: number;
  /** One segment may take this long to come; rendering it again takes no longer. @default 30,000 */
  readonly fetchMs?: number;
  /** After a failure it is left alone for this long. @default 60,000 */
  readonly restMs?: number;
  /** Segments that wait to be offered; further ones are not. @default 256 */
  readonly waitingMax?: number;
  /** What was used a shorter time ago is never cleaned away. @default 600,000 */
  readonly idleMs?: number;
  /** @default performance.now */
  readonly nowMs?: () => number;
}

/**
 * The tier that several agents reach. Whatever is wrong with it, nobody waits for long and no job fails: the first failure
 * is told once, and until it has rested the tier has nothing and takes nothing.
 */
export interface SharedTier {
  /** `ready`: it gives and takes. */
  state(): SharedState;
  /** Which one it is; the same for all agents that reach it. Undefined while it does not answer. Never rejects. */
  identify(): Promise<string | undefined>;
  /** Resolves when the first look at it is over. */
  readonly looked: Promise<void>;
  /** Never rejects; none while it rests. `isUse`: what is found counts as used now. */
  find(key: string, joinClass: string | undefined, isUse: boolean): Promise<readonly SegmentRecord[]>;
  /** Copies it to `target`, which is not there yet. `corrupt`: other bytes came than the record says; it is dropped there. */
  fetch(record: SegmentRecord, target: string): Promise<'fetched' | 'corrupt' | 'failed'>;
  /** In the background, one after another. Resolves with whether it is there; never rejects. */
  offer(record: SegmentRecord, file: string): Promise<boolean>;
  statistics(): TierStatistics;
  /** What waits is given up. Idempotent. */
  close(): Promise<void>;
}

/** So much of the tier one agent writes before it looks for what must go. */
const cleanEveryShare = 1 / 256;
/** Parts and locks that are older belong to nobody. */
const abandonedMs = 3_600_000;

export function openSharedTier(options: SharedTierOptions): SharedTier {
  return new ShareTier(options);
}

class ShareTier implements SharedTier {
  readonly #options: Required<SharedTierOptions>;
  readonly #closing = new AbortController();
  readonly #oneOffer = openGate(1);
  readonly #counts = { hits: 0, misses: 0, kept: 0, evicted: 0, corrupt: 0, failed: 0 };
  readonly #owner: string;
  readonly looked: Promise<void>;
  #id: string | undefined;
  #seen = { entries: 0, bytes: 0 };
  readonly #rests = { all: createRest(), offers: createRest() };
  #waiting = 0;
  /** The first offer after a start looks whether there is too much. */
  #bytesSinceCleaned = Number.POSITIVE_INFINITY;
  #cleaning: Promise<void> = Promise.resolve();

  constructor(options: SharedTierOptions) {
    this.#options = {
      silenceMs: 3_000,
      fetchMs: 30_000,
      restMs: 60_000,
      waitingMax: 256,
      idleMs: 600_000,
      nowMs: () => performance.now(),
      ...options,
    };
    this.#owner = options.owner;
    this.looked = this.#prepare().then(() => undefined);
  }

  async identify(): Promise<string | undefined> {
    await this.looked;
    // It may have rested meanwhile, and another folder be mounted there now.
    if (this.#id === undefined && this.state() === 'ready') await this.#prepare();
    return this.#id;
  }

  state(): SharedState {
    return this.#isResting('all') || this.#isResting('offers') ? 'resting' : 'ready';
  }

  async find(key: string, joinClass: string | undefined, isUse: boolean): Promise<readonly SegmentRecord[]> {
    const { root } = this.#options;
    const found = await this.#ask({
      ...({ op: 'find-segment', root, key, isUse } as const),
      ...(joinClass === undefined ? {} : { joinClass }),
    });
    if (isUse && found?.records.length === 0) this.#counts.misses += 1;
    return found?.records ?? [];
  }

  async fetch(record: SegmentRecord, target: string): Promise<'fetched' | 'corrupt' | 'failed'> {
    const { root, fetchMs } = this.#options;
    const request = {
      op: 'copy',
      path: mediaPath(root, record),
      mountPath: root,
      target,
      replace: true,
    } as const;
    const late = AbortSignal.timeout(fetchMs);
    const copied = await this.#copy(request, late);
    if (copied === undefined) return 'failed';
    if (copied !== 'gone' && copied.sha256 === record.sha256) {
      this.#counts.hits += 1;
      return 'fetched';
    }
    this.#counts.misses += 1;
    if (copied !== 'gone') this.#counts.corrupt += 1;
    const { key, joinClass } = record;
    await this.#ask({ op: 'drop-segment', root, key, joinClass });
    return 'corrupt';
  }

  async offer(record: SegmentRecord, file: string): Promise<boolean> {
    if (this.#waiting >= this.#options.waitingMax || this.state() !== 'ready') return false;
    this.#waiting += 1;
    const leave = await this.#oneOffer.enter(this.#closing.signal).catch(() => undefined);
    try {
      return leave !== undefined && (await this.#put(record, file));
    } finally {
      this.#waiting -= 1;
      leave?.();
    }
  }

  statistics(): TierStatistics {
    return { ...this.#seen, ...this.#counts };
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the agent stops'));
    await this.looked;
    await this.#cleaning;
  }

  async #put(record: SegmentRecord, file: string): Promise<boolean> {
    const { root } = this.#options;
    const { key, joinClass } = record;
    await this.looked;
    if (this.#id === undefined && !(await this.#prepare())) return false;
    const found = await this.#ask({ op: 'find-segment', root, key, joinClass, isUse: false });
    if (found === undefined) return false;
    if (found.records.some((one) => one.sha256 === record.sha256)) return true;
    const part = `${this.#owner}~${randomUUID()}.part`;
    const target = path.join(root, incomingName, part);
    const copied = await this.#copy({ op: 'copy', path: file, target, replace: true });
    // It went, or broke, since it was kept.
    if (copied === undefined || copied === 'gone' || copied.sha256 !== record.sha256) return false;
    if ((await this.#ask({ op: 'place-segment', root, part, record })) === undefined) return false;
    this.#rests.offers.isTold = false;
    this.#counts.kept += 1;
    this.#bytesSinceCleaned += record.sizeBytes;
    this.#cleanWhenDue();
    return true;
  }

  async #prepare(): Promise<boolean> {
    const { root } = this.#options;
    const prepared = await this.#ask({ op: 'prepare-segments', root, owner: this.#owner });
    this.#id = prepared?.id;
    return prepared !== undefined;
  }

  #cleanWhenDue(): void {
    const { root, bytesMax, idleMs } = this.#options;
    if (this.#bytesSinceCleaned < bytesMax * cleanEveryShare) return;
    this.#bytesSinceCleaned = 0;
    this.#cleaning = this.#cleaning.then(async () => {
      const request = {
        op: 'clean-segments',
        root,
        owner: this.#owner,
        bytesMax,
        idleMs,
        abandonedMs,
      } as const;
      const cleaned = await this.#ask(request);
      if (cleaned === undefined || cleaned.isOther) return;
      this.#seen = { entries: cleaned.entries, bytes: cleaned.bytes };
      this.#counts.evicted += cleaned.evicted;
    });
  }

  /** Undefined while it rests, when it fails or is closed. */
  async #ask<Op extends SegmentShareOp>(
    request: Extract<ShareRequest, { readonly op: Op }>,
  ): Promise<ShareResults[Op] | undefined> {
    try {
      return await this.#call(request);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#rest(error);
      return undefined;
    }
  }

  /** As `#ask`. Files may go at any time: one that is not there is no failure. */
  async #copy(request: CopyRequest, until?: AbortSignal): Promise<Copied | 'gone' | undefined> {
    try {
      return await this.#call<'copy'>(request, until);
    } catch (error) {
      if (this.#closing.signal.aborted) return undefined;
      if (error instanceof ShareOperationError && error.code === 'ENOENT' && error.side === 'source')
        return 'gone';
      this.#rest(error);
      return undefined;
    }
  }

  async #call<Op extends SegmentShareOp | 'copy'>(
    request: Extract<ShareRequest, { readonly op: Op }>,
    until?: AbortSignal,
  ): Promise<ShareResults[Op] | undefined> {
    if (this.#isResting('all') || this.#closing.signal.aborted) return undefined;
    const { operations, silenceMs, root } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, ...(until === undefined ? [] : [until])]);
    const answer = await operations.call<Op>(request, { silenceMs, signal });
    if (this.#rests.all.isTold) this.#options.onTrouble(`the shared segment cache ${root} is used again`);
    this.#rests.all.isTold = false;
    return answer;
  }

  #isResting(what: 'all' | 'offers'): boolean {
    return this.#options.nowMs() < this.#rests[what].untilMs;
  }

  /** A folder that is full or may not be written still gives. */
  #rest(error: unknown): void {
    const { nowMs, restMs, root, onTrouble } = this.#options;
    const isRefused = error instanceof ShareOperationError && refusals.has(error.code);
    const rest = this.#rests[isRefused ? 'offers' : 'all'];
    this.#counts.failed += 1;
    rest.untilMs = nowMs() + restMs;
    // Another folder may be mounted there later.
    if (!isRefused) this.#id = undefined;
    if (rest.isTold) return;
    rest.isTold = true;
    const why = error instanceof Error ? error.message : String(error);
    const what = isRefused ? 'takes nothing' : 'cannot be used';
    onTrouble(
      `the shared segment cache ${root} ${what} (${why}); renders go on, it is tried again every ${restMs / 1000} s`,
    );
  }
}

const refusals: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT']);

function createRest(): { untilMs: number; isTold: boolean } {
  return { untilMs: Number.NEGATIVE_INFINITY, isTold: false };
}
