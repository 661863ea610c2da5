/**
 * `npm run chaos`: real controllers, agents and FFmpeg under seeded faults, and a judge over what is left. Progress on
 * stderr, one line of JSON as the last line of stdout. Exit codes: 0 nothing was lost or done twice, 1 something was
 * (all is kept), 2 a wrong command line.
 */
import process from 'node:process';
import { chaosTimeScale } from './farm-layout.ts';
import { type ChaosOptions, chaosUsage, readOptions } from './options.ts';
import { type ChaosResult, runChaos } from './run-chaos.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ChaosOptions;
  try {
    options = readOptions(process.argv.slice(2), Date.now());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${chaosUsage}`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const result = await runChaos(options, {
    signal: stop.signal,
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify(lineOf(options, result))}\n`);
  return result.passed ? 0 : 1;
}

/** The keys up to `history` are those of every run; what follows says under which circumstances. */
function lineOf(
  { seed, store, agents, controllers, fakeRenderer }: ChaosOptions,
  result: ChaosResult,
): object {
  const { minutes, faults, history, verdict, atRest, passed } = result;
  return {
    ...{ minutes, seed, jobs: verdict.jobs, faults, lost: verdict.lost },
    ...{ published_twice: verdict.publishedTwice, useful_share: verdict.usefulShare ?? null, history },
    ...{ passed, violations: verdict.violations.length, at_rest: atRest, ends: verdict.counts },
    ...{ store, agents, controllers, renderer: fakeRenderer ? 'fake' : 'ffmpeg', time_scale: chaosTimeScale },
  };
}
