import loadHighs from 'highs';
import { sum } from '../statistics.ts';
import type { SimFarm, SimPc } from './farms.ts';
import type { SimJob } from './jobs.ts';

/** Its types are those of a CommonJS module, what runs here is its ES module: there the default is the loader itself. */
const load = loadHighs as unknown as typeof loadHighs.default;

/**
 * No schedule of these jobs ends sooner: a linear program over how much of each class each PC renders, with every PC at
 * the most that it does with all its slots busy, and at least the longest job alone on its fastest PC. Copying, arrivals
 * and whole jobs are left out, so it cannot be reached. Ms.
 *
 * @throws Error when a class can be rendered nowhere
 */
export async function lowerBoundMs(farm: SimFarm, jobs: readonly SimJob[]): Promise<number> {
  const highs = await load();
  const solution = highs.solve(programOf(farm, jobs));
  if (solution.Status !== 'Optimal') throw new Error(`no lower bound: ${solution.Status}`);
  // In minutes inside: a solver's tolerances are made for numbers of that size.
  return Math.max(solution.ObjectiveValue * 60_000, longestMs(farm, jobs));
}

/** The program in the LP format, in minutes: y_C_P is the work of class C that PC P does. */
function programOf(farm: SimFarm, jobs: readonly SimJob[]): string {
  const classes = [...new Set(jobs.map((job) => job.workClass))].sort();
  const capable = (workClass: string): readonly number[] =>
    farm.pcs.flatMap((pc, index) => (pc.speeds.has(workClass) ? [index] : []));
  const done = classes.map((workClass) => {
    const minutes = sum(jobs.filter((job) => job.workClass === workClass).map((job) => job.workMs)) / 60_000;
    const parts = capable(workClass).map((index) => `y_${workClass}_${index}`);
    if (parts.length === 0) throw new Error(`no PC of ${farm.name} renders ${workClass}`);
    return ` done_${workClass}: ${parts.join(' + ')} = ${minutes}`;
  });
  const busy = farm.pcs.map((pc, index) => {
    const parts = classes
      .filter((workClass) => pc.speeds.has(workClass))
      .map((workClass) => `${1 / (pc.speeds.get(workClass) ?? 1)} y_${workClass}_${index}`);
    return ` busy_${index}: ${[...parts, `- ${capacityOf(pc)} t`].join(' + ').replace('+ -', '-')} <= 0`;
  });
  return ['Minimize', ' end: t', 'Subject To', ...done, ...busy, 'End', ''].join('\n');
}

/** What a PC does at most with several slots busy, relative to one render alone. */
function capacityOf(pc: SimPc): number {
  const sums = Array.from({ length: pc.slots }, (_, index) => {
    const { concurrentSpeeds } = pc;
    return (index + 1) * (concurrentSpeeds[Math.min(index, concurrentSpeeds.length - 1)] ?? 1);
  });
  return Math.max(...sums);
}

function longestMs(farm: SimFarm, jobs: readonly SimJob[]): number {
  const alone = jobs.map(({ workMs, workClass }) => {
    return workMs / Math.max(...farm.pcs.map((pc) => pc.speeds.get(workClass) ?? 0));
  });
  return Math.max(0, ...alone);
}
