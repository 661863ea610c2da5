import { mean, sum } from '../statistics.ts';
import {
  batchCase,
  batches,
  type Comparison,
  type Conditions,
  type Flood,
  flood,
  onlineCase,
  type PolicyName,
  policyNames,
  run,
  type Yardsticks,
  yardsticks,
} from './scenarios.ts';
import { figuresOf, type RunFigures } from './statistics-of-runs.ts';

export interface Wanted {
  readonly seeds: readonly number[];
  readonly load: number;
  readonly conditions: Conditions;
  readonly say: (line: string) => void;
}

type OfPolicies<T> = Readonly<Record<PolicyName, T>>;

/** What all runs said; every list has an entry for each seed, in their order. */
export class Experiment {
  readonly seeds: readonly number[];
  readonly load: number;
  readonly conditions: Conditions;
  /** Makespan over the bound, by batch. */
  readonly makespans: OfPolicies<Map<string, number[]>> = ofPolicies(() => new Map<string, number[]>());
  readonly online: OfPolicies<RunFigures[]> = ofPolicies(() => []);
  /** Of each job, in ms. */
  readonly turnarounds: OfPolicies<(readonly number[])[]> = ofPolicies(() => []);
  readonly floods: OfPolicies<Flood[]> = ofPolicies(() => []);
  readonly yardsticks: Yardsticks[] = [];
  /** Copied by ours beyond one copy of each job's files, by batch. */
  readonly bytesTwice = new Map<string, number[]>();

  constructor({ seeds, load, conditions }: Wanted) {
    this.seeds = seeds;
    this.load = load;
    this.conditions = conditions;
  }

  /** A figure of ours over that of another policy, on-line. */
  ratios(figure: keyof RunFigures, other: PolicyName): readonly number[] {
    return this.online.ours.map((own, index) => own[figure] / (this.online[other][index]?.[figure] ?? 0));
  }

  /** Of the time that files of jobs take to copy, where a job waited as long: how much no slot waited for. */
  copyHiddenShare(policy: PolicyName): number {
    const runs = this.online[policy];
    return (
      1 - sum(runs.map(({ copySeenMs }) => copySeenMs)) / sum(runs.map(({ copyNeededMs }) => copyNeededMs))
    );
  }

  /** How much another user's 1,000 jobs lengthen a user's p95: of the user whom it hits most, mean over the seeds. */
  worstFloodRatio(policy: PolicyName, of: keyof Flood): number {
    return worstRatio(this.floods[policy].map((each) => each[of]));
  }

  /** The same of a farm without a flood. */
  worstYardstick(of: keyof Yardsticks): number {
    return worstRatio(this.yardsticks.map((each) => each[of]));
  }
}

/** Runs every policy on every seed of every scenario. */
export async function experiment(wanted: Wanted): Promise<Experiment> {
  const found = new Experiment(wanted);
  const { seeds, load, conditions, say } = wanted;
  for (const batch of batches) {
    for (const seed of seeds) {
      const made = await batchCase(batch, seed, conditions.noise);
      for (const policy of policyNames) {
        const result = run(policy, made, conditions);
        add(found.makespans[policy], batch.name, result.endedMs / made.boundMs);
        if (policy === 'ours') add(found.bytesTwice, batch.name, figuresOf(result, made.farm).bytesTwice);
      }
    }
    const means = policyNames.map(
      (policy) => `${policy} ${mean(found.makespans[policy].get(batch.name) ?? []).toFixed(3)}`,
    );
    say(`${batch.name}: ${means.join(', ')}`);
  }
  for (const seed of seeds) {
    const made = await onlineCase(seed, load, conditions.noise);
    for (const policy of policyNames) {
      const result = run(policy, made, conditions);
      found.online[policy].push(figuresOf(result, made.farm));
      found.turnarounds[policy].push(result.records.map(({ job, endedMs }) => endedMs - job.arrivesMs));
    }
  }
  say(
    `on-line: mean turnaround ${minutesOf(found, 'turnaroundMeanMs')}; p95 ${minutesOf(found, 'turnaroundP95Ms')}`,
  );
  for (const seed of seeds) {
    for (const policy of policyNames)
      found.floods[policy].push(await flood(policy, seed, load, conditions.noise));
    found.yardsticks.push(await yardsticks(seed, load, conditions.noise));
    say(
      `flood, seed ${seed}: ${(found.floods.ours.at(-1)?.wait.ratios ?? []).map((ratio) => ratio.toFixed(2)).join(' ')}`,
    );
  }
  return found;
}

/** Of the user hit most, mean over the seeds. */
function worstRatio(seeds: readonly Comparison[]): number {
  return mean(seeds.map(({ ratios }) => Math.max(...ratios)));
}

function add(to: Map<string, number[]>, name: string, value: number): void {
  to.set(name, [...(to.get(name) ?? []), value]);
}

function minutesOf(found: Experiment, figure: keyof RunFigures): string {
  return policyNames
    .map(
      (policy) =>
        `${policy} ${(mean(found.online[policy].map((run) => run[figure])) / 60_000).toFixed(1)} min`,
    )
    .join(', ');
}

function ofPolicies<T>(make: () => T): OfPolicies<T> {
  return { ours: make(), celery: make(), fifo_any: make(), fifo_fastest: make() };
}
