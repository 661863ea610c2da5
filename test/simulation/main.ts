import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { standardRates } from './faults/faults.ts';
import { harmless, mutants } from './mutants.ts';
import { runSeeds } from './run-seeds.ts';
import type { Scenario } from './scenario.ts';
import { scenarioOf } from './scenario.ts';
import { shrink } from './shrink.ts';
import type { SimulationReport } from './simulate.ts';
import { simulate } from './simulate.ts';
import { summary } from './summary.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    threads: { type: 'string' },
    scenario: { type: 'string' },
    lines: { type: 'string', default: '150' },
    'no-shrink': { type: 'boolean', default: false },
  },
});

/** Seeds that a deliberate bug may take to show. */
const mutantSeedsMax = 100;
const harmlessSeeds = 10;
const threads = values.threads === undefined ? {} : { threads: Number(values.threads) };

/**
 * `npm run sim -- --seeds N [--seed S]`: seeds S to S+N-1 on all cores. `--mutants`: the deliberate bugs. `--scenario
 * FILE`: a script that a failing seed was shrunk to. Ends with one line of JSON; exits 1 where a property broke.
 */
async function main(): Promise<void> {
  if (values.mutants) await runMutants();
  else if (values.scenario !== undefined)
    await replay(JSON.parse(readFileSync(values.scenario, 'utf8')) as Scenario);
  else await runAll();
}

async function runAll(): Promise<void> {
  const count = Number(values.seeds);
  const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const startedAt = performance.now();
  say(`standard faults, mean hours between two: ${JSON.stringify(standardRates())}`);
  const reports =
    count === 1
      ? [await traced(scenarioOf(first))]
      : await runSeeds({ seeds: Array.from({ length: count }, (_, n) => first + n), ...threads });
  const wallS = (performance.now() - startedAt) / 1000;
  for (const report of reports) tell(report);
  const failed = reports.find(({ violation }) => violation !== undefined);
  if (failed?.violation !== undefined && !values['no-shrink']) await tellSmallest(failed);
  const figures = summary(reports);
  const perMinute = Math.round((Number(figures['virtual_hours']) / wallS) * 60);
  finish(failed === undefined, {
    ...figures,
    first_seed: first,
    wall_s: wallS,
    virtual_hours_per_minute: perMinute,
    ...threads,
  });
}

async function replay(scenario: Scenario): Promise<void> {
  const report = await traced(scenario);
  tell(report);
  finish(report.violation === undefined, summary([report]));
}

async function runMutants(): Promise<void> {
  const seeds = Array.from({ length: mutantSeedsMax }, (_, n) => n + 1);
  const caught: Record<string, number> = {};
  for (const { name, breaks } of mutants) {
    const reports = await runSeeds({ seeds, mutant: name, ...threads });
    const hit = reports.find(({ violation }) => violation !== undefined);
    const isKnown = breaks.includes(hit?.violation?.invariant ?? '');
    say(`${name}: ${hit === undefined ? 'not caught' : `seed ${hit.seed}: ${hit.violation?.message ?? ''}`}`);
    if (hit !== undefined && isKnown) caught[name] = hit.seed;
  }
  let noops = 0;
  for (const { name } of harmless) {
    const reports = await runSeeds({ seeds: seeds.slice(0, harmlessSeeds), mutant: name, ...threads });
    if (reports.some(({ violation }) => violation !== undefined)) noops += 1;
  }
  const all = Object.keys(caught).length === mutants.length;
  finish(all && noops === 0, {
    mutants: mutants.length,
    caught: Object.keys(caught).length,
    noop_caught: noops,
    seeds_taken: caught,
  });
}

async function traced(scenario: Scenario): Promise<SimulationReport> {
  const report = await simulate({ seed: scenario.seed, scenario, tracing: true });
  say(report.trace.slice(-Number(values.lines)).join('\n'));
  return report;
}

function tell({ seed, violation }: SimulationReport): void {
  if (violation === undefined) return;
  say(`seed ${seed} at ${violation.atS.toFixed(3)} s: ${violation.message}`);
  say(`  replay: npm run sim -- --seeds 1 --seed ${seed}`);
}

/** The smallest script found that breaks the same property, and how to run it. */
async function tellSmallest({ seed, violation }: SimulationReport): Promise<void> {
  if (violation === undefined) return;
  const { scenario, tries } = await shrink(scenarioOf(seed), violation);
  const { faults, verbs, jobs } = scenario;
  say(
    `seed ${seed} shrunk in ${tries} tries to ${faults.length} faults, ${verbs.length} verbs, ${jobs.length} jobs.`,
  );
  say('Put the next line into a file and run: npm run sim -- --scenario FILE');
  say(JSON.stringify(scenario));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function finish(isFine: boolean, figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exitCode = isFine ? 0 : 1;
}

await main();
