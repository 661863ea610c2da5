import type { Random } from '../../test/simulation/random.ts';
import type { SimFarm, SimPc } from './farms.ts';

/** A PC that was silent for so long has lost its jobs (scheduling.md, Time). */
const noticedAfterMs = 40_000;

/** Mean time for which a PC that has failed stays away. */
const awayMeanMs = 600_000;

interface Outage {
  readonly fromMs: number;
  readonly noticedMs: number;
  readonly toMs: number;
}

/** When which PC is away: drawn before the run, so that it is the same for every policy. */
export class FailurePlan {
  readonly #outages: ReadonlyMap<SimPc, readonly Outage[]>;
  readonly #changes: readonly number[];

  /** Each PC fails after exponential times with this mean, and loses what it renders. */
  constructor(farm: SimFarm, meanMs: number, horizonMs: number, random: Random) {
    this.#outages = new Map(farm.pcs.map((pc) => [pc, drawOutages(meanMs, horizonMs, random)]));
    this.#changes = [...this.#outages.values()]
      .flat()
      .flatMap(({ fromMs, noticedMs, toMs }) => [fromMs, noticedMs, toMs])
      .sort((a, b) => a - b);
  }

  /** Whether it works, and whether the controller thinks so. */
  stateOf(pc: SimPc, nowMs: number): { readonly alive: boolean; readonly up: boolean } {
    const outage = this.#outages.get(pc)?.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
    return { alive: outage === undefined, up: outage === undefined || nowMs < outage.noticedMs };
  }

  /** The next time at which either changes; Infinity: never again. */
  nextChangeMs(nowMs: number): number {
    return this.#changes.find((changeMs) => changeMs > nowMs) ?? Infinity;
  }
}

function drawOutages(meanMs: number, horizonMs: number, random: Random): readonly Outage[] {
  const outages: Outage[] = [];
  for (let fromMs = random.pause(meanMs); fromMs < horizonMs; ) {
    const noticedMs = fromMs + noticedAfterMs;
    // Never back before it was missed: a return with its work is the engine's matter, not the planner's.
    const toMs = noticedMs + random.pause(awayMeanMs);
    outages.push({ fromMs, noticedMs, toMs });
    fromMs = toMs + random.pause(meanMs);
  }
  return outages;
}
