import { FarmError } from '../domain/errors.ts';
import type { TimelineEntry } from '../domain/job.ts';
import type { WatchRequest } from './farm.ts';

/** One change of a job, in the order of the farm's changes. */
export interface Change {
  readonly sequence: number;
  readonly jobId: string;
  readonly news: readonly TimelineEntry[];
}

interface Pending {
  readonly sequence: number;
  readonly news: readonly TimelineEntry[];
  /** What it counts in the backlog; nothing for what the watch begins with. */
  readonly cost: number;
}

/** What a watcher takes at a time. */
export interface Taken {
  readonly changes: readonly { readonly jobId: string; readonly news: readonly TimelineEntry[] }[];
  /** Of the last of them, where nothing is left behind them: only there a watch can be resumed. */
  readonly sequence: number | undefined;
}

/** Changes that are read at a time: between two such rounds others have their turn. */
const roundMax = 32;

/** One reader: what it has not read yet, by job, in the order of the newest change. */
export class Watcher {
  readonly request: WatchRequest;
  readonly #ids: ReadonlySet<string>;
  readonly #backlogMax: number;
  readonly #pending = new Map<string, Pending>();
  #backlog = 0;
  #wake: (() => void) | undefined;
  readonly #over = Promise.withResolvers<undefined>();
  #slow = false;
  closed = false;

  constructor(request: WatchRequest, backlogMax: number) {
    this.request = request;
    this.#ids = new Set(request.jobIds);
    this.#backlogMax = backlogMax;
  }

  /** There is nothing to read. */
  get idle(): boolean {
    return this.#pending.size === 0 && !this.#slow;
  }

  /** The jobs that it watches; empty: all. */
  get jobIds(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Whether a change of this job is for it. */
  wants(jobId: string, userIdOf: () => string | undefined): boolean {
    if (this.#ids.size > 0 && !this.#ids.has(jobId)) return false;
    return this.request.userId === undefined || this.request.userId === userIdOf();
  }

  /** What the watch begins with does not count as backlog. */
  first({ jobId, sequence, news }: Change): void {
    this.#pending.set(jobId, { sequence, news, cost: 0 });
  }

  /** True: there is something to read. A watcher that is too slow keeps nothing: its next read is its end. */
  offer({ jobId, sequence, news }: Change): boolean {
    if (this.closed || this.#slow) return false;
    const before = this.#pending.get(jobId);
    const cost = news.length + (before === undefined ? 1 : 0);
    this.#pending.delete(jobId);
    this.#pending.set(jobId, {
      sequence,
      news: before === undefined ? news : [...before.news, ...news],
      cost: cost + (before?.cost ?? 0),
    });
    this.#backlog += cost;
    if (this.#backlog > this.#backlogMax) {
      this.#slow = true;
      this.#pending.clear();
    }
    return true;
  }

  /** @throws FarmError WATCHER_TOO_SLOW */
  take(): Taken {
    if (this.#slow) throw tooSlow(this.#backlogMax);
    const changes: Taken['changes'][number][] = [];
    let sequence: number | undefined;
    for (const [jobId, pending] of this.#pending) {
      if (changes.length === roundMax) break;
      this.#pending.delete(jobId);
      this.#backlog -= pending.cost;
      changes.push({ jobId, news: pending.news });
      sequence = pending.sequence;
    }
    return { changes, sequence: this.#pending.size === 0 ? sequence : undefined };
  }

  /** Resolves at the next `wake`, or when the watch is closed. */
  async woken(): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** False: it is busy with what it took; what has come meanwhile it finds by itself. */
  wake(): boolean {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return wake !== undefined;
  }

  /** The result, or undefined as soon as the watch is closed: a store that is away keeps no stream open. */
  async unlessClosed<T>(result: Promise<T>): Promise<T | undefined> {
    return await Promise.race([result, this.#over.promise]);
  }

  close(): void {
    this.closed = true;
    this.#over.resolve(undefined);
    this.#pending.clear();
    this.wake();
  }
}

function tooSlow(backlogMax: number): FarmError {
  return new FarmError('WATCHER_TOO_SLOW', `more than ${backlogMax} changes waited to be read: watch again`, {
    retryAfterMs: 1_000,
  });
}
