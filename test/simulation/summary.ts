import type { SimulationReport } from './simulate.ts';

/** The figures of testing.md, over all seeds. `useful_share` is that of the standard faults. */
export function summary(reports: readonly SimulationReport[]): Record<string, unknown> {
  const standard = reports.filter(({ profile }) => profile === 'standard');
  const harsh = reports.filter(({ profile }) => profile === 'harsh');
  return {
    seeds: reports.length,
    virtual_hours: Math.round(sum(reports, ({ virtualHours }) => virtualHours)),
    faults: sum(reports, ({ faults }) => Object.values(faults).reduce((a, b) => a + b, 0)),
    jobs: sum(reports, ({ jobs }) => jobs),
    violations: reports.filter(({ violation }) => violation !== undefined).length,
    executions_per_job: executionsPerJob(standard),
    useful_share: usefulShare(standard),
    harsh_executions_per_job: executionsPerJob(harsh),
    harsh_useful_share: usefulShare(harsh),
    helped_items: sum(reports, ({ tally }) => tally.items),
    help_used_share: helpUsedShare(reports),
    job_ends: merged(reports.map(({ tally }) => tally.ends)),
    fault_kinds: merged(reports.map(({ faults }) => faults)),
    declines: merged(reports.map(({ tally }) => tally.declines)),
    alarms: merged(reports.map(({ tally }) => tally.alarms)),
  };
}

/** How often work on a job was begun, over the jobs that were begun; those that must fail are among them. */
export function executionsPerJob(reports: readonly SimulationReport[]): number {
  return rounded(
    sum(reports, ({ tally }) => tally.executions) / sum(reports, ({ tally }) => tally.startedJobs.size),
  );
}

/** Slot time that ended in a published file, over all slot time of jobs that could be published. */
export function usefulShare(reports: readonly SimulationReport[]): number {
  return rounded(sum(reports, ({ tally }) => tally.usefulSlotMs) / sum(reports, ({ tally }) => tally.slotMs));
}

/** Slot time of helpers whose segments were used, over all of theirs: the rest was given up, or rendered twice. */
export function helpUsedShare(reports: readonly SimulationReport[]): number {
  const of = (help: Readonly<Record<string, number>>) => Object.values(help).reduce((a, b) => a + b, 0);
  return rounded(
    sum(reports, ({ tally }) => tally.help['used'] ?? 0) / sum(reports, ({ tally }) => of(tally.help)),
  );
}

function sum(reports: readonly SimulationReport[], of: (report: SimulationReport) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}

function rounded(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}

function merged(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const count of counts) for (const [name, n] of Object.entries(count)) all[name] = (all[name] ?? 0) + n;
  return all;
}
