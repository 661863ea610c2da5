import { FarmError } from '../domain/errors.ts';
import type { TimelineEntry } from '../domain/job.ts';
import { hasEnded } from '../domain/job-states.ts';
import type { JobChange, JobView, WatchRequest } from './farm.ts';
import type { Clock } from './ports.ts';
import { WakePacer } from './wake-pacer.ts';
import { type Change, Watcher } from './watcher.ts';

/** Changes that are kept for watches that resume. */
const changesKeptMax = 4_096;
/** Views that are kept for the next watcher of the same job. */
const viewsKeptMax = 1_024;

/** What a watcher reads at a time. */
interface Round {
  readonly changes: readonly Omit<JobChange, 'resumeToken'>[];
  /** Of the last of them, where the watch can be resumed behind it. */
  readonly sequence: number | undefined;
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

export interface WatchesOptions {
  readonly watchersMax: number;
  readonly watchBacklogMax: number;
  /** What tokens are good for: this leadership. */
  readonly origin: string;
  readonly clock: Pick<Clock, 'after' | 'nowMs'>;
}

/**
 * Who watches what. Changes of one job that a watcher has not read yet are merged: the newest view wins, no timeline
 * entry is left out; a resumed watch may see an entry twice. Tokens are good for this leadership and the last 4,096
 * changes; an empty one (in the middle of the first listing) cannot be resumed. A change costs as much as there are
 * watchers of its job; they read in turn, in small rounds, behind what the farm has to do.
 */
export class Watches {
  readonly #farm: WatchedFarm;
  readonly #options: WatchesOptions;
  readonly #pacer: WakePacer;
  #sequence = 0;
  #kept: Change[] = [];
  readonly #watchers = new Set<Watcher>();
  /** Those of them that watch all jobs, or all of a user. */
  readonly #ofAll = new Set<Watcher>();
  readonly #ofJob = new Map<string, Set<Watcher>>();
  readonly #views = new Map<string, JobView>();
  #ended: FarmError | undefined;

  constructor(farm: WatchedFarm, options: WatchesOptions) {
    this.#farm = farm;
    this.#options = options;
    this.#pacer = new WakePacer(options.clock);
  }

  /** Tells watchers that a job has changed, durably. */
  publish(jobId: string, news: readonly TimelineEntry[]): void {
    this.#views.delete(jobId);
    const change = { sequence: ++this.#sequence, jobId, news };
    this.#kept.push(change);
    if (this.#kept.length > 2 * changesKeptMax) this.#kept = this.#kept.slice(-changesKeptMax);
    for (const watcher of this.#ofJob.get(jobId) ?? []) this.#offer(watcher, change);
    for (const watcher of this.#ofAll) this.#offer(watcher, change);
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<JobChange> {
    const watcher = new Watcher(request, this.#options.watchBacklogMax);
    const stop = () => watcher.close();
    const isOver = () => signal.aborted;
    signal.addEventListener('abort', stop);
    try {
      if (isOver()) return;
      await watcher.unlessClosed(this.#farm.committed(() => this.#open(watcher)));
      yield* this.#read(watcher);
      if (this.#ended !== undefined && !isOver()) throw this.#ended;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#forget(watcher);
      watcher.close();
    }
  }

  /** Ends every watch with this error. */
  stop(error: FarmError): void {
    this.#ended = error;
    this.#pacer.stop();
    for (const watcher of this.#watchers) watcher.close();
  }

  #offer(watcher: Watcher, change: Change): void {
    const { jobId } = change;
    if (!watcher.wants(jobId, () => this.#view(jobId)?.job.userId)) return;
    if (watcher.offer(change)) this.#pacer.add(watcher);
  }

  #open(watcher: Watcher): void {
    if (watcher.closed) return;
    if (this.#watchers.size >= this.#options.watchersMax) {
      throw new FarmError('TOO_MANY_WATCHERS', `${this.#watchers.size} watches are open; that is the limit`, {
        retryAfterMs: 5_000,
      });
    }
    this.#begin(watcher);
    this.#watchers.add(watcher);
    if (watcher.jobIds.size === 0) this.#ofAll.add(watcher);
    for (const jobId of watcher.jobIds) {
      const others = this.#ofJob.get(jobId) ?? new Set();
      this.#ofJob.set(jobId, others.add(watcher));
    }
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#ofAll.delete(watcher);
    this.#pacer.remove(watcher);
    for (const jobId of watcher.jobIds) {
      const others = this.#ofJob.get(jobId);
      others?.delete(watcher);
      if (others?.size === 0) this.#ofJob.delete(jobId);
    }
  }

  #begin(watcher: Watcher): void {
    const { jobIds, resumeToken } = watcher.request;
    for (const jobId of jobIds) {
      if (this.#view(jobId) === undefined) {
        throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}`, {
          resource: { type: 'job', name: jobId },
        });
      }
    }
    if (resumeToken !== undefined) {
      for (const change of this.#since(resumeToken)) this.#offer(watcher, change);
      return;
    }
    for (const jobId of jobIds.length > 0 ? jobIds : this.#farm.jobIds()) {
      const view = this.#farm.view(jobId);
      if (view === undefined || !watcher.wants(jobId, () => view.job.userId)) continue;
      // What a plan says of a waiting job changes without a change of the job.
      this.#views.delete(jobId);
      watcher.first({ sequence: this.#sequence, jobId, news: view.job.timeline });
    }
  }

  async *#read(watcher: Watcher): AsyncGenerator<JobChange> {
    let resumeToken = watcher.request.resumeToken ?? '';
    for (;;) {
      // Views are made in one committed look: how long the reader takes over them is its own affair.
      const round = await watcher.unlessClosed(this.#farm.committed(() => this.#round(watcher)));
      if (round === undefined) return;
      const last = round.changes.at(-1);
      for (const change of round.changes) {
        // Before the last, merged changes are out of order: only behind it the watch can be resumed.
        if (change === last && round.sequence !== undefined) resumeToken = this.#token(round.sequence);
        yield { ...change, resumeToken };
      }
      if (watcher.closed || (round.allEnded && watcher.idle)) return;
      const woken = watcher.woken();
      if (!watcher.idle) this.#pacer.add(watcher);
      await woken;
    }
  }

  #round(watcher: Watcher): Round {
    const { changes, sequence } = watcher.take();
    const { untilEnded, jobIds } = watcher.request;
    return {
      changes: changes.flatMap(({ jobId, news }) => {
        const view = this.#view(jobId);
        return view === undefined ? [] : [{ view, news }];
      }),
      sequence,
      allEnded: untilEnded && this.#allEnded(jobIds),
    };
  }

  /** The same object for every watcher, until the job changes. */
  #view(jobId: string): JobView | undefined {
    const kept = this.#views.get(jobId);
    if (kept !== undefined) return kept;
    const view = this.#farm.view(jobId);
    if (view === undefined) return undefined;
    if (this.#views.size >= viewsKeptMax) this.#views.clear();
    this.#views.set(jobId, view);
    return view;
  }

  #allEnded(jobIds: readonly string[]): boolean {
    return jobIds.every((jobId) => hasEnded(this.#view(jobId)?.job.state ?? 'cancelled'));
  }

  #since(token: string): readonly Change[] {
    const [origin, text] = token.split('.');
    const sequence = Number(text);
    const oldest = this.#kept[0]?.sequence ?? this.#sequence + 1;
    if (
      origin !== this.#options.origin ||
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
    return `${this.#options.origin}.${sequence}`;
  }
}
