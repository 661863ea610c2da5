import { onOneLine } from '../domain/text-rules.ts';
import type { Times } from '../domain/times.ts';
import type { DestinationHealth, Due, OutboxSource, RowSight } from '../engine/outbox-port.ts';
import type { Clock, EngineLog } from '../engine/ports.ts';
import { unlessAborted } from '../engine/unless-aborted.ts';
import { backOffMs } from './back-off.ts';
import { type Delivery, type Destination, DestinationAway, type OutboxItem } from './destination.ts';
import { WakeableSleep } from './wakeable-sleep.ts';

export interface DelivererOptions {
  readonly destination: Destination;
  readonly source: OutboxSource;
  readonly times: Pick<
    Times,
    'deliveryMs' | 'deliveryRetryMinMs' | 'deliveryRetryMaxMs' | 'progressMirrorMs'
  >;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: EngineLog;
}

/** When it looks again, and whether rows that are marked meanwhile are heard. */
interface NextLook {
  readonly atMs: number;
  readonly how: 'light' | 'deaf';
}

/** Characters of a destination's error that are shown. */
const errorCharactersMax = 500;

/**
 * Tells one destination what it is owed, oldest first, one call at a time, until it is stopped. A call that fails or
 * takes too long leaves its rows where they are: they come again, behind a back-off, and keep their order. Each such
 * call halves how many are told at once, so that one that is slow, or fails now and then, gets on at all, and a job that
 * nobody can tell comes to stand alone: that one is set aside.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #over = new AbortController();
  readonly #sleep: WakeableSleep;
  readonly #running: Promise<void>;
  #told: ReadonlyMap<string, RowSight> = new Map();
  /** The percent that was told of each running job. */
  readonly #percents = new Map<string, number>();
  #progressAtMs = 0;
  /** How many it tells in one call just now. */
  #itemsMax: number;
  #failures = 0;
  #health: DestinationHealth = {};
  /** Since when the farm cannot be read. */
  #blindSinceMs: number | undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#itemsMax = options.destination.itemsMax;
    this.#sleep = new WakeableSleep(options.clock, this.#over.signal);
    this.#running = this.#run();
  }

  get health(): DestinationHealth {
    return this.#health;
  }

  /** Rows were marked. While it backs off nothing happens for that. */
  wake(): void {
    this.#sleep.wake();
  }

  /** Gives up what is under way; what it would have answered is not heard. Idempotent. */
  async stop(): Promise<void> {
    if (!this.#over.signal.aborted) this.#over.abort(new Error('the deliverer was stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      try {
        const { atMs, how } = await this.#round();
        await this.#sleep.until(atMs, how);
      } catch (error) {
        if (this.#isOver()) return;
        // That says nothing of the destination.
        this.#noteUnreadable(error);
        await this.#sleep.until(this.#inMs(this.#options.times.deliveryRetryMinMs), 'deaf');
      }
    }
  }

  #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** One call at most. Returns when to look again. */
  async #round(): Promise<NextLook> {
    const { destination, source, clock, times } = this.#options;
    // What is marked from here on is another reason to look.
    this.#sleep.forget();
    const wantsProgress = destination.name === 'directory' && clock.nowMs() >= this.#progressAtMs;
    const request = { destination: destination.name, itemsMax: this.#itemsMax, told: this.#told };
    const due = await unlessAborted(
      source.due({ ...request, ...(wantsProgress && { percents: this.#percents }) }),
      this.#over.signal,
    );
    this.#noteReadable();
    this.#told = due.told;
    const items = [...due.rows.map(({ item }) => item), ...due.progress];
    if (items.length > 0) {
      const deliveries = await this.#deliver(items);
      if (deliveries instanceof Failure && !(deliveries.isMistake && items.length === 1)) {
        this.#itemsMax = Math.ceil(items.length / 2);
        return { atMs: this.#inMs(this.#failed(deliveries.cause)), how: 'deaf' };
      }
      this.#succeeded();
      this.#settle(due, deliveries instanceof Failure ? [this.#mistaken(deliveries)] : deliveries);
    }
    if (!due.isAll) return { atMs: clock.nowMs(), how: 'light' };
    if (wantsProgress) this.#progressAtMs = this.#inMs(times.progressMirrorMs);
    if (wantsProgress) this.#forgetIdle(due.running);
    return { atMs: this.#nextLookMs(due), how: 'light' };
  }

  async #deliver(items: readonly OutboxItem[]): Promise<readonly Delivery[] | Failure> {
    const { destination, clock, times } = this.#options;
    const call = new AbortController();
    const late = new Error(`${destination.name} has not answered for ${times.deliveryMs} ms`);
    const cancelLate = clock.after(times.deliveryMs, () => call.abort(late));
    const signal = AbortSignal.any([call.signal, this.#over.signal]);
    try {
      const deliveries = await unlessAborted(destination.deliver(items, signal), signal);
      if (deliveries.length === items.length) return deliveries;
      return new Failure(new Error(`${deliveries.length} answers came for ${items.length} jobs`), true);
    } catch (error) {
      this.#over.signal.throwIfAborted();
      return new Failure(error, !(error instanceof DestinationAway) && !call.signal.aborted);
    } finally {
      cancelLate();
    }
  }

  /** The only job of a call: there is nothing else that it can be about. */
  #mistaken({ cause }: Failure): Delivery {
    this.#options.log.warn({ err: cause, ...this.#who() }, 'a job cannot be told');
    return { result: 'refused', reason: messageOf(cause) };
  }

  #settle({ rows, progress }: Due, deliveries: readonly Delivery[]): void {
    const { destination, source } = this.#options;
    const told = new Map(this.#told);
    for (const [index, { item, mark, refusals }] of rows.entries()) {
      const delivery = deliveries[index];
      const { jobId } = item.job;
      const refused = delivery?.result === 'refused' ? { refused: delivery.reason } : {};
      told.set(jobId, { mark, refusals });
      this.#noteTold(item);
      source.tell({ destination: destination.name, jobId, mark, ...refused });
    }
    this.#told = told;
    // No row waits for these: who refuses them is asked again at the next change.
    for (const item of progress) this.#noteTold(item);
  }

  #noteTold({ job, percent }: OutboxItem): void {
    if (this.#options.destination.name === 'directory') this.#percents.set(job.jobId, percent);
  }

  #forgetIdle(running: ReadonlySet<string>): void {
    for (const jobId of this.#percents.keys()) if (!running.has(jobId)) this.#percents.delete(jobId);
  }

  #nextLookMs({ nextTryAtMs = Number.POSITIVE_INFINITY }: Due): number {
    const isMirror = this.#options.destination.name === 'directory';
    return Math.min(nextTryAtMs, isMirror ? this.#progressAtMs : Number.POSITIVE_INFINITY);
  }

  /** Told once, not each second: the store may be away for an hour. */
  #noteUnreadable(error: unknown): void {
    if (this.#blindSinceMs !== undefined) return;
    this.#blindSinceMs = this.#options.clock.nowMs();
    const message = 'the outbox cannot be read; it is tried again and again';
    this.#options.log.warn({ err: error, ...this.#who() }, message);
  }

  #noteReadable(): void {
    if (this.#blindSinceMs === undefined) return;
    const forMs = this.#options.clock.nowMs() - this.#blindSinceMs;
    this.#blindSinceMs = undefined;
    this.#options.log.info({ forMs, ...this.#who() }, 'the outbox can be read again');
  }

  #failed(cause: unknown): number {
    const { clock, random, times, log } = this.#options;
    this.#failures += 1;
    const awaySinceMs = this.#health.awaySinceMs ?? clock.nowMs();
    const lastError = messageOf(cause);
    this.#health = { awaySinceMs, lastError };
    const waitMs = backOffMs({ cause, failures: this.#failures, random: random(), times });
    if (this.#failures === 1) {
      log.warn({ err: cause, ...this.#who() }, 'a destination is away; what it is owed waits');
    }
    return waitMs;
  }

  #succeeded(): void {
    const { awaySinceMs } = this.#health;
    if (awaySinceMs !== undefined) {
      const awayMs = this.#options.clock.nowMs() - awaySinceMs;
      this.#options.log.info({ awayMs, ...this.#who() }, 'a destination is back');
    }
    this.#itemsMax = Math.min(this.#options.destination.itemsMax, 2 * this.#itemsMax);
    this.#failures = 0;
    this.#health = {};
  }

  #who(): { readonly destination: string } {
    return { destination: this.#options.destination.name };
  }

  #inMs(ms: number): number {
    return this.#options.clock.nowMs() + ms;
  }
}

class Failure {
  readonly cause: unknown;
  /** It is not that the destination is away: who tells it, or what is told, is wrong. */
  readonly isMistake: boolean;
  constructor(cause: unknown, isMistake: boolean) {
    this.cause = cause;
    this.isMistake = isMistake;
  }
}

function messageOf(cause: unknown): string {
  return onOneLine(cause instanceof Error ? cause.message : String(cause), errorCharactersMax);
}
