import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeeds } from './run-seeds.ts';
import type { SimulationReport } from './simulate.ts';
import { simulate } from './simulate.ts';
import { executionsPerJob, helpUsedShare, usefulShare } from './summary.ts';

const fixedSeeds = 200;

test('no property breaks under two hundred fixed seeds of faults, and little work is done twice', async (t) => {
  const reports = await runSeeds({ seeds: Array.from({ length: fixedSeeds }, (_, n) => n + 1) });
  for (const report of reports) assertSound(report);
  const standard = reports.filter(({ profile }) => profile === 'standard');
  const harsh = reports.filter(({ profile }) => profile === 'harsh');
  t.diagnostic(
    `useful: ${usefulShare(standard)} under standard faults, ${usefulShare(harsh)} under harsh ones`,
  );
  // scheduling.md, Targets. Jobs that must fail, hang or kill their agents are begun again too.
  assert.ok(usefulShare(standard) >= 0.98, `useful share: ${usefulShare(standard)}`);
  assert.ok(executionsPerJob(standard) < 1.15, `executions per job: ${executionsPerJob(standard)}`);
  assert.ok(executionsPerJob(harsh) < 2.2, `executions per job: ${executionsPerJob(harsh)}`);
  // Items given up for a job that came are among what is not used.
  assert.ok(helpUsedShare(standard) > 0.75, `used of help: ${helpUsedShare(standard)}`);
  assert.ok(usefulShare(harsh) > 0.6, `useful share: ${usefulShare(harsh)}`);
});

test('no property breaks under a fresh seed', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}: npm run sim -- --seeds 1 --seed ${seed}`);
  assertSound(await simulate({ seed }));
});

test('a seed replays to the letter', async () => {
  const [first, again] = [
    await simulate({ seed: 7, tracing: true }),
    await simulate({ seed: 7, tracing: true }),
  ];
  assert.ok(first.trace.length > 100);
  assert.deepEqual(withoutNames(first), withoutNames(again));
});

/** Sessions and leaders get random names, which decide nothing. */
function withoutNames({ trace, ...report }: SimulationReport) {
  return { ...report, trace: trace.map((line) => line.replaceAll(/[\da-f]{8}-[\da-f-]{27}/gu, '')) };
}

function assertSound({ seed, violation }: SimulationReport): void {
  assert.equal(violation?.message, undefined, `seed ${seed}: npm run sim -- --seeds 1 --seed ${seed}`);
}
