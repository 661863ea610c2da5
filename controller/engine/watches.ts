import { FarmError } from '../domain/errors.ts';
import type { TimelineEntry } from '../domain/job.ts';
import { hasEnded } from '../domain/job-states.ts';
import type { JobChange, JobView, WatchRequest } from './farm.ts';

/** Changes that are kept for watches that resume. */
const changesKeptMax = 4_096;

interface Change {
  readonly sequence: number;
  readonly jobId: string;
  readonly news: readonly TimelineEntry[];
}

interface Pending {
  readonly sequence: number;
  readonly news: readonly TimelineEntry[];
}

/** What a watcher reads at a time. */
interface Round {
  readonly changes: readonly Omit<JobChange, 'resumeToken'>[];
  /** Of the last of them. */
  readonly sequence: number;
  readonly allEnded: boolean;
}

/** What a watch needs to know of the farm. */
export interface WatchedFarm {
  /** Looks when everything that can be seen is durable; rejects with what `look` throws. */
  committed<T>(look: () => T): Promise<T>;
  view(jobId: string): JobView | undefined;
  /** Ids of all jobs, oldest first. */
  jobIds(): Iterable<string>;
}

export interface WatchLimits {
  readonly watchersMax: number;
  readonly watchBacklogMax: number;
}

/**
 * Who watches what. Changes of one job that a watcher has not read yet are merged: the newest view wins, no timeline
 * entry is left out; a resumed watch may see an entry twice. Tokens are good for this leader and the last 4,096 changes;
 * an empty one (in the middle of the first listing) cannot be resumed.
 */
export class Watches {
  readonly #farm: WatchedFarm;
  readonly #limits: WatchLimits;
  readonly #leaderId: string;
  #sequence = 0;
  #kept: Change[] = [];
  readonly #watchers = new Set<Watcher>();

  constructor(farm: WatchedFarm, limits: WatchLimits, leaderId: string) {
    this.#farm = farm;
    this.#limits = limits;
    this.#leaderId = leaderId;
  }

  /** Tells watchers that a job has changed, durably. */
  publish(jobId: string, news: readonly TimelineEntry[]): void {
    const change = { sequence: ++this.#sequence, jobId, news };
    this.#kept.push(change);
    if (this.#kept.length > 2 * changesKeptMax) this.#kept = this.#kept.slice(-changesKeptMax);
    for (const watcher of this.#watchers) watcher.offer(change, this.#farm);
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<JobChange> {
    const watcher = new Watcher(request, this.#limits.watchBacklogMax);
    const stop = () => watcher.close();
    signal.addEventListener('abort', stop);
    try {
      if (signal.aborted) return;
      await watcher.unlessClosed(this.#farm.committed(() => this.#open(watcher, request)));
      yield* this.#read(watcher, request);
    } finally {
      signal.removeEventListener('abort', stop);
      this.#watchers.delete(watcher);
      watcher.close();
    }
  }

  /** Ends every watch. */
  stop(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  #open(watcher: Watcher, request: WatchRequest): void {
    if (watcher.closed) return;
    if (this.#watchers.size >= this.#limits.watchersMax) {
      throw new FarmError('TOO_MANY_WATCHERS', `${this.#watchers.size} watches are open; that is the limit`, {
        retryAfterMs: 5_000,
      });
    }
    this.#begin(watcher, request);
    this.#watchers.add(watcher);
  }

  #begin(watcher: Watcher, request: WatchRequest): void {
    for (const jobId of request.jobIds) {
      if (this.#farm.view(jobId) === undefined) {
        throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}`, {
          resource: { type: 'job', name: jobId },
        });
      }
    }
    if (request.resumeToken !== undefined) {
      for (const change of this.#since(request.resumeToken)) watcher.offer(change, this.#farm);
      return;
    }
    const ids = request.jobIds.length > 0 ? request.jobIds : this.#farm.jobIds();
    for (const jobId of ids) {
      const view = this.#farm.view(jobId);
      if (view !== undefined)
        watcher.first({ sequence: this.#sequence, jobId, news: view.job.timeline }, this.#farm);
    }
  }

  async *#read(watcher: Watcher, request: WatchRequest): AsyncGenerator<JobChange> {
    let resumeToken = request.resumeToken ?? '';
    for (;;) {
      // Views are made in one committed look: how long the reader takes over them is its own affair.
      const round = await watcher.unlessClosed(this.#farm.committed(() => this.#round(watcher, request)));
      if (round === undefined) return;
      const last = round.changes.at(-1);
      for (const change of round.changes) {
        // Within a round the merged changes are out of order: only its last message may move the token.
        if (change === last) resumeToken = this.#token(round.sequence);
        yield { ...change, resumeToken };
      }
      if (watcher.closed || (round.allEnded && watcher.idle)) return;
      await watcher.changed();
    }
  }

  #round(watcher: Watcher, request: WatchRequest): Round {
    const taken = [...watcher.take()];
    return {
      changes: taken.flatMap(([jobId, { news }]) => {
        const view = this.#farm.view(jobId);
        return view === undefined ? [] : [{ view, news }];
      }),
      sequence: taken.at(-1)?.[1].sequence ?? 0,
      allEnded: request.untilEnded && this.#allEnded(request.jobIds),
    };
  }

  #allEnded(jobIds: readonly string[]): boolean {
    return jobIds.every((jobId) => hasEnded(this.#farm.view(jobId)?.job.state ?? 'cancelled'));
  }

  #since(token: string): readonly Change[] {
    const [leaderId, text] = token.split('.');
    const sequence = Number(text);
    const oldest = this.#kept[0]?.sequence ?? this.#sequence + 1;
    if (
      leaderId !== this.#leaderId ||
      !Number.isSafeInteger(sequence) ||
      sequence + 1 < oldest ||
      sequence > this.#sequence
    ) {
      throw new FarmError(
        'RESUME_TOKEN_EXPIRED',
        'the resume token is too old, or of another leader: list again',
      );
    }
    return this.#kept.filter((change) => change.sequence > sequence);
  }

  #token(sequence: number): string {
    return `${this.#leaderId}.${sequence}`;
  }
}

/** One reader: what it has not read yet, by job. */
class Watcher {
  readonly #request: WatchRequest;
  readonly #ids: ReadonlySet<string>;
  readonly #backlogMax: number;
  #pending = new Map<string, Pending>();
  #backlog = 0;
  #wake: (() => void) | undefined;
  readonly #over = Promise.withResolvers<undefined>();
  #slow = false;
  closed = false;

  constructor(request: WatchRequest, backlogMax: number) {
    this.#request = request;
    this.#ids = new Set(request.jobIds);
    this.#backlogMax = backlogMax;
  }

  get idle(): boolean {
    return this.#pending.size === 0;
  }

  /** What the watch begins with does not count as backlog. */
  first(change: Change, farm: WatchedFarm): void {
    if (this.#wants(change.jobId, farm)) this.#pending.set(change.jobId, change);
  }

  offer(change: Change, farm: WatchedFarm): void {
    if (this.closed || this.#slow || !this.#wants(change.jobId, farm)) return;
    const before = this.#pending.get(change.jobId);
    this.#pending.delete(change.jobId);
    this.#pending.set(change.jobId, {
      sequence: change.sequence,
      news: before === undefined ? change.news : [...before.news, ...change.news],
    });
    this.#backlog += change.news.length + (before === undefined ? 1 : 0);
    if (this.#backlog > this.#backlogMax) this.#slow = true;
    this.#wake?.();
  }

  take(): ReadonlyMap<string, Pending> {
    if (this.#slow) {
      throw new FarmError(
        'WATCHER_TOO_SLOW',
        `more than ${this.#backlogMax} changes waited to be read: watch again`,
        {
          retryAfterMs: 1_000,
        },
      );
    }
    const taken = this.#pending;
    this.#pending = new Map();
    this.#backlog = 0;
    return taken;
  }

  async changed(): Promise<void> {
    if (this.closed || !this.idle) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** The result, or undefined as soon as the watch is closed: a store that is away keeps no stream open. */
  async unlessClosed<T>(result: Promise<T>): Promise<T | undefined> {
    return await Promise.race([result, this.#over.promise]);
  }

  close(): void {
    this.closed = true;
    this.#over.resolve(undefined);
    this.#wake?.();
  }

  #wants(jobId: string, farm: WatchedFarm): boolean {
    if (this.#ids.size > 0 && !this.#ids.has(jobId)) return false;
    return this.#request.userId === undefined || farm.view(jobId)?.job.userId === this.#request.userId;
  }
}
