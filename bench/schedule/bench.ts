/**
 * `npm run bench -- schedule`: how well the farm's planner places jobs, on simulated farms under virtual time, beside what
 * the old farm did and two simple policies, and against a lower bound (docs/scheduling.md says how). Options: `--seeds 20`,
 * `--noise 0.3` of estimates, `--load 0.7` of the on-line farm, `--failures HOURS` between two failures of a PC, `--write`
 * the table and the plots of docs/.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { mean, rounded } from '../statistics.ts';
import { writeDocuments } from './documents.ts';
import { type Experiment, experiment } from './experiment.ts';
import { seedsMax } from './jobs.ts';
import { type PlanningTimes, planningTimes } from './planning-time.ts';
import { batches, type Conditions, policyNames } from './scenarios.ts';

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '20' },
      noise: { type: 'string', default: '0.3' },
      load: { type: 'string', default: '0.7' },
      failures: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const seeds = numberOf('seeds', values.seeds, 1, seedsMax);
  const load = numberOf('load', values.load, 0.01, 10);
  const failureHours =
    values.failures === undefined ? undefined : numberOf('failures', values.failures, 0.1, 1e6);
  const conditions: Conditions = {
    noise: numberOf('noise', values.noise, 0, 2),
    ...(failureHours !== undefined && { failureMeanMs: failureHours * 3_600_000 }),
  };
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const planning = planningTimes(say);
  const found = await experiment({
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    load,
    conditions,
    say,
  });
  if (values.write) await writeDocuments(found, planning);
  return { seeds, noise: conditions.noise, ...figures(found, planning) };
}

/** @throws Error naming the option when it is no number, or none that makes sense */
function numberOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max)) throw new Error(`--${option} is from ${min} to ${max}, not ${text}`);
  return value;
}

/** The keys of the last line, each the mean over the seeds. */
function figures(found: Experiment, planning: PlanningTimes): Record<string, number> {
  const makespans = policyNames.flatMap((policy) =>
    batches.map(({ name }): [string, number] => [
      policy === 'ours' ? name : `${policy}_${name}`,
      rounded(mean(found.makespans[policy].get(name) ?? [])),
    ]),
  );
  const { ours } = found.online;
  return {
    ...Object.fromEntries(makespans),
    load: found.load,
    p95_turnaround_ratio_celery: rounded(mean(found.ratios('turnaroundP95Ms', 'celery'))),
    mean_turnaround_ratio_fifo_fastest: rounded(mean(found.ratios('turnaroundMeanMs', 'fifo_fastest'))),
    copy_hidden_share: rounded(found.copyHiddenShare('ours')),
    idle_while_waiting_s: rounded(mean(ours.map(({ idleWhileWaitingMs }) => idleWhileWaitingMs)) / 1000),
    bytes_twice: Math.round(mean(ours.map(({ bytesTwice }) => bytesTwice))),
    worst_user_wait_ratio: rounded(found.worstFloodRatio('ours', 'wait')),
    worst_user_wait_ratio_four_fifths: rounded(found.worstYardstick('fourFifths')),
    worst_user_wait_ratio_other_errors: rounded(found.worstYardstick('otherErrors')),
    plan_200x50_p99_ms: rounded(planning.small.planP99Ms),
    turn_planning_max_ms: rounded(planning.small.turnMaxMs),
    plan_200x50_p99_best_of_5_ms: rounded(planning.small.steadyPlanP99Ms),
    turn_planning_max_best_of_5_ms: rounded(planning.small.steadyTurnMaxMs),
    machine_pause_ms: rounded(planning.machinePauseMs),
  };
}
