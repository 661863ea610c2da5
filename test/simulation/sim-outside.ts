import type { JobRecord } from '../../controller/domain/job.ts';
import { type DestinationName, destinations } from '../../controller/domain/outbox.ts';
import {
  type Delivery,
  type Destination,
  DestinationAway,
  type OutboxItem,
} from '../../controller/outbox/destination.ts';
import type { Kept, Outside } from './books/outbox-book.ts';
import type { Random } from './random.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;
const itemsMax = 7;

/** How one call goes. */
interface Fate {
  /** The outside takes it in then, whoever still waits; undefined: it never arrives. */
  readonly takenAfterMs: number | undefined;
  /** It answers then; undefined: never. */
  readonly answeredAfterMs: number | undefined;
  readonly isLost: boolean;
}

/**
 * Supabase, BigQuery and the history, as far as the farm can tell: each is away for a while now and then, slow, takes in
 * what it then does not answer, or takes it in long after everybody has given up.
 */
export class SimOutside implements Outside {
  readonly kept = new Map<DestinationName, Map<string, Kept>>(destinations.map((name) => [name, new Map()]));
  readonly results = new Map<string, number>();
  readonly #world: World;
  readonly #random: Random;
  readonly #told: (name: DestinationName, item: OutboxItem) => void;
  readonly #awayUntilMs = new Map<DestinationName, number>();
  #isCalm = false;

  /** @param random of its own, so that the rest of a seed is what it would be without it */
  constructor(world: World, random: Random, told: (name: DestinationName, item: OutboxItem) => void) {
    this.#world = world;
    this.#random = random;
    this.#told = told;
    for (const name of destinations) this.#comeAndGo(name);
  }

  /** Everything answers from now on. */
  calmDown(): void {
    this.#isCalm = true;
    this.#awayUntilMs.clear();
  }

  /** What one process of a controller sees of it: nothing it hears after its death counts. */
  destinationsOf(process: SimProcess): readonly Destination[] {
    const { life } = process;
    return destinations.map((name) => ({
      name,
      itemsMax,
      deliver: (items) => this.#deliver(name, items, process, life),
    }));
  }

  #deliver(
    name: DestinationName,
    items: readonly OutboxItem[],
    process: SimProcess,
    life: number,
  ): Promise<readonly Delivery[]> {
    const world = this.#world;
    if (life !== process.life) return new Promise(() => undefined);
    for (const item of items) this.#told(name, item);
    const { takenAfterMs, answeredAfterMs, isLost } = this.#fateOf(name);
    const answers = items.map((): Delivery => this.#answer());
    const take = (): void => {
      for (const [index, item] of items.entries())
        if (answers[index]?.result === 'delivered') this.#take(name, item);
    };
    if (takenAfterMs !== undefined) world.after(takenAfterMs, take);
    return new Promise((resolve, reject) => {
      if (answeredAfterMs === undefined) return;
      process.later(answeredAfterMs, () => {
        world.promisesAreDue = true;
        if (isLost) reject(new DestinationAway(`${name} is away`));
        else resolve(answers);
      });
    });
  }

  #answer(): Delivery {
    if (this.#isCalm || !this.#random.chance(0.02)) return { result: 'delivered' };
    return { result: 'refused', reason: 'it does not like the job today' };
  }

  #fateOf(name: DestinationName): Fate {
    const random = this.#random;
    const soonMs = Math.round(random.between(5, 300));
    if (this.#isCalm) return { takenAfterMs: soonMs, answeredAfterMs: soonMs, isLost: false };
    const isAway = (this.#awayUntilMs.get(name) ?? 0) > this.#world.nowMs;
    const dice = random.next();
    if (isAway && dice < 0.3) return { takenAfterMs: undefined, answeredAfterMs: undefined, isLost: true };
    if (isAway) return { takenAfterMs: undefined, answeredAfterMs: soonMs, isLost: true };
    if (dice < 0.1) return { takenAfterMs: soonMs, answeredAfterMs: soonMs, isLost: true };
    // Behind the time limit of a call: what is taken in then may be older than what came meanwhile.
    const lateMs = Math.round(random.between(1_000, 10 * minuteMs));
    if (dice < 0.2) return { takenAfterMs: lateMs, answeredAfterMs: undefined, isLost: true };
    if (dice < 0.5) return { takenAfterMs: lateMs / 30, answeredAfterMs: lateMs / 30 + 1, isLost: false };
    return { takenAfterMs: soonMs, answeredAfterMs: soonMs, isLost: false };
  }

  /** As the real ones do it: an update where the revision is newer, an insert where the key is not there. */
  #take(name: DestinationName, { job, revision }: OutboxItem): void {
    const there = this.kept.get(name)?.get(job.jobId);
    const newer = { revision: BigInt(revision), state: job.state };
    if (there === undefined || there.revision < newer.revision) this.kept.get(name)?.set(job.jobId, newer);
    if (name === 'results') this.#takeResult(job);
  }

  #takeResult({ jobId, endedAtMs }: JobRecord): void {
    const key = `${jobId}/${endedAtMs}`;
    if (!this.results.has(key)) this.results.set(key, 1);
  }

  #comeAndGo(name: DestinationName): void {
    const hereMs = Math.round(this.#random.between(1, 40) * minuteMs);
    const awayMs = Math.round(this.#random.between(1, 70) * minuteMs);
    this.#world.after(hereMs, () => {
      if (this.#isCalm) return;
      this.#world.fault('destination-away', name);
      this.#awayUntilMs.set(name, this.#world.nowMs + awayMs);
      this.#world.after(awayMs, () => this.#comeAndGo(name));
    });
  }
}
