import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultTimes } from '../../controller/domain/times.ts';
import { mean, percentile } from '../statistics.ts';
import type { Experiment } from './experiment.ts';
import type { PlanningTime, PlanningTimes } from './planning-time.ts';
import { barPlot, linePlot, type Series } from './plot.ts';
import { batches, type Flood, type PolicyName, policyNames } from './scenarios.ts';
import type { RunFigures } from './statistics-of-runs.ts';

const documentsFolder = join(import.meta.dirname, '..', '..', 'docs');

const marks = {
  begin: '<!-- Written by npm run bench -- schedule --write: do not edit from here -->',
  end: '<!-- to here -->',
};

const series: Readonly<Record<PolicyName, Series>> = {
  ours: { label: 'ours', colour: '#2a9d8f' },
  celery: { label: 'Celery', colour: '#e76f51' },
  fifo_any: { label: 'first free', colour: '#8d99ae' },
  fifo_fastest: { label: 'fastest free', colour: '#e0a526' },
};

/** Writes the tables of docs/scheduling.md, and its plots. @throws Error when the document lacks the place for them */
export async function writeDocuments(found: Experiment, planning: PlanningTimes): Promise<void> {
  const path = join(documentsFolder, 'scheduling.md');
  const document = await readFile(path, 'utf8');
  const [before, rest] = document.split(marks.begin);
  const after = rest?.split(marks.end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`docs/scheduling.md lacks "${marks.begin}"`);
  const tables = tablesOf(found, planning);
  await writeFile(path, `${before}${marks.begin}\n\n${tables}\n\n${marks.end}${after}`);
  await writeFile(join(documentsFolder, 'scheduling-makespan.svg'), makespanPlot(found));
  await writeFile(join(documentsFolder, 'scheduling-turnaround.svg'), turnaroundPlot(found));
}

function tablesOf(found: Experiment, planning: PlanningTimes): string {
  const { seeds, load, conditions } = found;
  const failures =
    conditions.failureMeanMs === undefined
      ? 'no failures'
      : `a PC fails every ${conditions.failureMeanMs / 3_600_000} h`;
  return [
    `${seeds.length} seeds, noise ${conditions.noise}, load ${load}, ${failures}.`,
    'Makespan over the bound, mean of the seeds (smallest to largest):',
    table(
      ['farm, jobs', 'target', ...policyNames.map((name) => series[name].label)],
      batches.map(({ name, farm, count, target }) => [
        `${farm.name}, ${count}`,
        target.toFixed(2),
        ...policyNames.map((policy) => withSpread(found.makespans[policy].get(name) ?? [])),
      ]),
    ),
    `Ours copies beyond one copy of each job's files: ${batches.map(({ name, farm, count }) => `${gigabytes(mean(found.bytesTwice.get(name) ?? []))} (${farm.name}, ${count})`).join(', ')}.`,
    'On-line, `mixed`, 300 jobs (means of the seeds; the last two rows: four users, without and with a fifth who submits 1,000 jobs at the beginning):',
    table(['', ...policyNames.map((name) => series[name].label)], onlineRows(found)),
    `Of ours over another: p95 turnaround ${withSpread(found.ratios('turnaroundP95Ms', 'celery'))} of Celery's (target 0.60), mean turnaround ${withSpread(found.ratios('turnaroundMeanMs', 'fifo_fastest'))} of the fastest free slot's (target 1.05).`,
    `Without a flood, ours: on PCs of four fifths of the speed the p95 wait of the user hit most is x ${found.worstYardstick('fourFifths').toFixed(1)}; with other errors of the same size in what running jobs report, x ${found.worstYardstick('otherErrors').toFixed(1)}.`,
    `Planning, in turns that have ${defaultTimes.planningMs} ms each:`,
    table(
      [
        'waiting jobs x agents',
        'p50 of a plan',
        'p99 of a plan',
        'longest turn',
        'p99 and longest turn, each plan the best of 5',
      ],
      [planning.small, planning.large].map(planningRow),
    ),
    `In the same run this machine held up a loop that does nothing else for up to ${planning.machinePauseMs.toFixed(1)} ms.`,
  ].join('\n\n');
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function onlineRows(found: Experiment): readonly (readonly string[])[] {
  const row = (
    label: string,
    figure: keyof RunFigures,
    shown: (value: number) => string,
  ): readonly string[] => [
    label,
    ...policyNames.map((policy) => shown(mean(found.online[policy].map((run) => run[figure])))),
  ];
  const minutes = (ms: number): string => `${(ms / 60_000).toFixed(1)} min`;
  return [
    row('mean turnaround', 'turnaroundMeanMs', minutes),
    row('p95 turnaround', 'turnaroundP95Ms', minutes),
    row('p99 turnaround', 'turnaroundP99Ms', minutes),
    row('p95 wait', 'waitP95Ms', minutes),
    row(
      'slots idle while a job waits for one',
      'idleWhileWaitingMs',
      (ms) => `${Math.round(ms / 60_000)} min`,
    ),
    row('copied twice', 'bytesTwice', gigabytes),
    [
      'copying hidden, of jobs that wait as long as it takes',
      ...policyNames.map((policy) => `${(100 * found.copyHiddenShare(policy)).toFixed(1)} %`),
    ],
    floodRow('p95 wait, of the user hit most by 1,000 jobs of another', found, 'wait', minutes),
    floodRow('p95 turnaround, of the user hit most by them', found, 'turnaround', minutes),
  ];
}

/** Without the flood, with it, and how many times longer that is. */
function floodRow(
  label: string,
  found: Experiment,
  of: keyof Flood,
  minutes: (ms: number) => string,
): readonly string[] {
  const longest = (each: readonly (readonly number[])[]): string =>
    minutes(mean(each.map((users) => Math.max(...users))));
  return [
    label,
    ...policyNames.map((policy) => {
      const compared = found.floods[policy].map((each) => each[of]);
      const before = longest(compared.map(({ withoutMs }) => withoutMs));
      const beside = longest(compared.map(({ withMs }) => withMs));
      const ratio = found.worstFloodRatio(policy, of);
      return `${before}, then ${beside}${Number.isFinite(ratio) ? ` (x ${ratio.toFixed(1)})` : ''}`;
    }),
  ];
}

function planningRow(time: PlanningTime): readonly string[] {
  const { jobs, agents, planP50Ms, planP99Ms, turnMaxMs, steadyPlanP99Ms, steadyTurnMaxMs } = time;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const raw = [planP50Ms, planP99Ms, turnMaxMs].map(ms);
  return [`${jobs} x ${agents}`, ...raw, `${ms(steadyPlanP99Ms)}, ${ms(steadyTurnMaxMs)}`];
}

function makespanPlot(found: Experiment): string {
  const groups = batches.map(({ name, farm, count, target }) => ({
    label: `${farm.name}, ${count} jobs`,
    target,
    bars: policyNames.map((policy) => {
      const values = found.makespans[policy].get(name) ?? [];
      return {
        series: series[policy],
        value: mean(values),
        min: Math.min(...values),
        max: Math.max(...values),
      };
    }),
  }));
  return barPlot(
    'Makespan over the lower bound (mean, smallest to largest; dashed: target)',
    'x bound',
    1,
    groups,
  );
}

/** How long the slow ones take: each percentile, mean of the seeds. */
function turnaroundPlot(found: Experiment): string {
  const shares = [...Array.from({ length: 19 }, (_, index) => 0.05 * (index + 1)), 0.99];
  const lines = policyNames.map((policy) => ({
    series: series[policy],
    points: shares.map((share): readonly [number, number] => [
      share * 100,
      mean(found.turnarounds[policy].map((own) => percentile(own, share))) / 60_000,
    ]),
  }));
  const title = `Turnaround on-line at load ${found.load} (mixed, 300 jobs)`;
  const at = [5, 25, 50, 75, 95].map((share) => [share, `${share} %`] as const);
  return linePlot(title, { x: 'of the jobs are done within', y: 'minutes' }, lines, at);
}

function withSpread(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${mean(values).toFixed(3)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
