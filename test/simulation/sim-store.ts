import {
  type Batch,
  type CommitResult,
  type Durability,
  type Epoch,
  type LeaderInfo,
  type Leadership,
  type LeadOptions,
  type Loaded,
  type Rewrite,
  type RewriteResult,
  type Store,
  StoreUnavailable,
} from '../../controller/store/port.ts';
import type { SimDisk } from './sim-disk.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** architecture.md, Storage: renewed every 2 s; after 3 s without renewal the leader leads no more. */
const renewMs = 2_000;
const graceMs = 3_000;
const leadAgainMs = 500;
/** How long a request waits that gets no answer. */
const answerMaxMs = 2_000;

export interface SimStoreOptions {
  readonly world: World;
  readonly disk: SimDisk;
  readonly process: SimProcess;
  /** Nothing passes between this process and the store before. */
  readonly cutUntilMs: () => number;
  /** Called at the two moments around a commit where a crash hurts most. */
  readonly aroundCommit: (moment: 'before-commit' | 'after-commit') => void;
}

/** The store as one controller process sees it, through a network that can be cut. */
export class SimStore implements Store {
  readonly #options: SimStoreOptions;
  readonly #life: number;
  #leadership: AbortController | undefined;
  #renewedMs = 0;
  #closed = false;

  constructor(options: SimStoreOptions) {
    this.#options = options;
    this.#life = options.process.life;
  }

  async lead(options: LeadOptions): Promise<Leadership> {
    const { disk, world } = this.#options;
    for (;;) {
      options.signal.throwIfAborted();
      const sentMs = world.nowMs;
      const taken = await this.#ask(() => disk.tryLead(this, options));
      if (taken !== undefined) return this.#leading(taken, sentMs);
      // Asked again when the other's lease may be over: a leader that lives has renewed it by then.
      await this.#pause(Math.max(leadAgainMs, disk.leaseEndsMs - world.nowMs));
    }
  }

  leader(): Promise<LeaderInfo | undefined> {
    return this.#ask(() => this.#options.disk.leader());
  }

  load(): Promise<Loaded> {
    return this.#ask(() => this.#options.disk.load());
  }

  async commit(batch: Batch, epoch: Epoch): Promise<CommitResult> {
    const { disk, aroundCommit, world } = this.#options;
    aroundCommit('before-commit');
    const write = () =>
      this.#ask(() => {
        const result = disk.commit(batch, epoch);
        aroundCommit('after-commit');
        return result;
      });
    return await world.parts.storeCommit(write, { disk, batch, epoch });
  }

  rewrite(whole: Rewrite, epoch: Epoch): Promise<RewriteResult> {
    const { disk } = this.#options;
    return this.#ask(() => disk.rewrite(whole, epoch));
  }

  durability(): Promise<Durability> {
    return Promise.resolve({ description: 'simulated', warnings: [] });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#leadership = undefined;
    this.#options.disk.release(this);
    return Promise.resolve();
  }

  #leading(taken: Pick<Leadership, 'epoch' | 'otherEpoch' | 'lastBatch'>, sentMs: number): Leadership {
    const { disk, world } = this.#options;
    const leadership = new AbortController();
    const { signal } = leadership;
    this.#leadership = leadership;
    this.#renewedMs = sentMs;
    const expires = disk.leaseTtlMs < Number.POSITIVE_INFINITY;
    if (expires) this.#renew(leadership);
    const isFresh = () => !expires || world.nowMs - this.#renewedMs < graceMs;
    const isHeld = () => this.#leadership === leadership && !signal.aborted && isFresh();
    return { ...taken, lost: signal, isHeld: () => world.parts.isHeld(isHeld()) };
  }

  /** Every request is answered, refused, or given up; that it was given up does not say that it was not done. */
  #ask<T>(act: () => T): Promise<T> {
    const { world, process, disk, cutUntilMs } = this.#options;
    return new Promise<T>((resolve, reject) => {
      // The dead ask nothing.
      if (process.life !== this.#life) return;
      const answer = (run: () => void, ms: number) =>
        process.later(ms, () => {
          world.promisesAreDue = true;
          run();
        });
      const refuse = (why: string, ms: number) => answer(() => reject(new StoreUnavailable(why)), ms);
      if (this.#closed || cutUntilMs() > world.nowMs) {
        refuse('nobody answers', Math.min(answerMaxMs, Math.max(100, cutUntilMs() - world.nowMs)));
        return;
      }
      world.after(this.#travelMs() + Math.max(0, disk.frozenUntilMs - world.nowMs), () => {
        if (disk.awayUntilMs > world.nowMs) {
          refuse('the store is away', 50);
          return;
        }
        const result = act();
        if (cutUntilMs() > world.nowMs) refuse('the answer is lost', answerMaxMs);
        else answer(() => resolve(result), world.random.between(0.1, 1));
      });
    });
  }

  #pause(ms: number): Promise<void> {
    const { world, process } = this.#options;
    return new Promise((resolve) => {
      process.later(ms, () => {
        world.promisesAreDue = true;
        resolve();
      });
    });
  }

  #travelMs(): number {
    const { world, disk } = this.#options;
    const slowMs = disk.slowUntilMs > world.nowMs ? world.random.between(200, 8_000) : 0;
    return (
      slowMs + (world.random.chance(0.02) ? world.random.between(20, 400) : world.random.between(0.5, 4))
    );
  }

  #renew(leadership: AbortController): void {
    const { process, disk, world } = this.#options;
    const isOver = () => this.#leadership !== leadership || leadership.signal.aborted;
    const lose = (why: string) => {
      if (isOver()) return;
      world.promisesAreDue = true;
      leadership.abort(new Error(why));
    };
    process.later(renewMs, () => {
      if (isOver()) return;
      const sentMs = world.nowMs;
      const missed = sentMs - this.#renewedMs > renewMs + 1;
      if (missed) process.later(this.#renewedMs + graceMs - sentMs, () => judge());
      this.#ask(() => disk.renew(this)).then(
        (renewed) => {
          if (!renewed) lose('the leadership expired');
          else if (!isOver()) this.#renewedMs = Math.max(this.#renewedMs, sentMs);
        },
        () => undefined,
      );
      this.#renew(leadership);
    });
    const judge = () => {
      if (world.nowMs - this.#renewedMs >= graceMs) lose(`not renewed for ${graceMs} ms`);
    };
  }
}
