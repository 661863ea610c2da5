import type { Random } from '../../../test/simulation/random.ts';
import type { SimPc } from '../farms.ts';
import type { SimJob } from '../jobs.ts';
import { canRender, type Decision, type Policy, type SeenPc, type Start, type View } from './policy.ts';

/**
 * What the old farm did: a queue for each class, each PC subscribed to those that it can render, a process for each slot
 * that renders one job and holds one more reserved (prefetch multiplier 1, acknowledged early). Whoever asks gets the
 * oldest job of its queues; who asks first is drawn. A reserved job stays where it is: nobody else renders it, unless its
 * PC fails. Better than it was: its files are copied at once (the old workers looked at every 20 % of progress).
 */
export class CeleryPolicy implements Policy {
  readonly #random: Random;
  /** Jobs that a PC holds beside those that it renders. */
  readonly #reserved = new Map<SimPc, SimJob[]>();

  constructor(random: Random) {
    this.#random = random;
  }

  decide({ waiting, pcs }: View): Decision {
    const up = pcs.filter((seen) => seen.up);
    const queue = this.#notReserved(waiting, up);
    const starts = this.#startReserved(up);
    const asking = shuffled(up, this.#random);
    // Free processes ask before those that would only hold a job.
    const given = new Map<SimPc, number>(starts.map(({ pc }) => [pc, 0]));
    for (const { pc } of starts) given.set(pc, (given.get(pc) ?? 0) + 1);
    takeInTurn(asking, queue, {
      wants: ({ pc, freeSlots }) => freeSlots > (given.get(pc) ?? 0),
      take: ({ pc }, job) => {
        given.set(pc, (given.get(pc) ?? 0) + 1);
        starts.push({ pc, job });
      },
    });
    takeInTurn(asking, queue, {
      wants: ({ pc }) => this.#heldBy(pc).length < pc.slots,
      take: ({ pc }, job) => this.#heldBy(pc).push(job),
    });
    return { starts, prefetch: new Map(up.map(({ pc }) => [pc, [...this.#heldBy(pc)]])) };
  }

  /** Jobs that nobody holds; what a PC held that is not heard of any more goes back to its queue. */
  #notReserved(waiting: readonly SimJob[], up: readonly SeenPc[]): SimJob[] {
    const alive = new Set(up.map(({ pc }) => pc));
    for (const pc of this.#reserved.keys()) if (!alive.has(pc)) this.#reserved.delete(pc);
    const held = new Set([...this.#reserved.values()].flat());
    return waiting.filter((job) => !held.has(job));
  }

  #startReserved(up: readonly SeenPc[]): Start[] {
    return up.flatMap(({ pc, freeSlots }) =>
      this.#heldBy(pc)
        .splice(0, freeSlots)
        .map((job) => ({ pc, job })),
    );
  }

  #heldBy(pc: SimPc): SimJob[] {
    const held = this.#reserved.get(pc) ?? [];
    this.#reserved.set(pc, held);
    return held;
  }
}

interface Taker {
  readonly wants: (seen: SeenPc) => boolean;
  readonly take: (seen: SeenPc, job: SimJob) => void;
}

/** One job each, round after round, until nobody wants or gets one. */
function takeInTurn(asking: readonly SeenPc[], queue: SimJob[], { wants, take }: Taker): void {
  for (let taken = true; taken; ) {
    taken = false;
    for (const seen of asking) {
      if (!wants(seen)) continue;
      const index = queue.findIndex((job) => canRender(seen.pc, job.workClass));
      const [job] = index === -1 ? [] : queue.splice(index, 1);
      if (job === undefined) continue;
      take(seen, job);
      taken = true;
    }
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((value) => ({ value, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
