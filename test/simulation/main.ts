import process from 'node:process';
import { parseArgs } from 'node:util';
import { type SimulationReport, simulate } from './simulate.ts';

const traceTailLines = 150;

/** `npm run sim -- --seeds N [--seed S]`: seeds S to S+N-1; ends with one line of JSON, exits 1 on a violation. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      seed: { type: 'string' },
      lines: { type: 'string', default: String(traceTailLines) },
    },
  });
  const seeds = Number(values.seeds);
  const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const tracing = seeds === 1;
  const startedAt = performance.now();
  const reports: SimulationReport[] = [];
  for (let n = 0; n < seeds; n += 1) {
    const report = await simulate({ seed: first + n, tracing });
    reports.push(report);
    if (report.violation === undefined) continue;
    const { atS, message } = report.violation;
    process.stderr.write(`seed ${report.seed} at ${atS.toFixed(3)} s: ${message}\n`);
    process.stderr.write(`  replay: npm run sim -- --seeds 1 --seed ${report.seed}\n`);
  }
  if (tracing) process.stderr.write(`${reports[0]?.trace.slice(-Number(values.lines)).join('\n') ?? ''}\n`);
  process.stdout.write(
    `${JSON.stringify({ ...summary(reports), wall_s: (performance.now() - startedAt) / 1000, first_seed: first })}\n`,
  );
  process.exitCode = reports.some(({ violation }) => violation !== undefined) ? 1 : 0;
}

/** The figures of testing.md, over all seeds. */
function summary(reports: readonly SimulationReport[]): Record<string, unknown> {
  const sum = (of: (report: SimulationReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const slotMs = sum(({ tally }) => tally.slotMs);
  return {
    seeds: reports.length,
    virtual_hours: Math.round(sum(({ virtualHours }) => virtualHours)),
    faults: sum(({ faults }) => Object.values(faults).reduce((a, b) => a + b, 0)),
    jobs: sum(({ jobs }) => jobs),
    violations: reports.filter(({ violation }) => violation !== undefined).length,
    executions_per_job: sum(({ tally }) => tally.executions) / sum(({ tally }) => tally.startedJobs.size),
    useful_share: sum(({ tally }) => tally.usefulSlotMs) / slotMs,
    fault_kinds: merged(reports.map(({ faults }) => faults)),
    declines: merged(reports.map(({ tally }) => tally.declines)),
    alarms: merged(reports.map(({ tally }) => tally.alarms)),
  };
}

function merged(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const count of counts) for (const [name, n] of Object.entries(count)) all[name] = (all[name] ?? 0) + n;
  return all;
}

await main();
