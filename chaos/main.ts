/**
 * `npm run chaos`: real controllers, agents and FFmpeg under seeded faults, and a judge over what is left. Progress on
 * stderr, one line of JSON as the last line of stdout. Exit codes: 0 nothing was lost or done twice, 1 something was
 * (all is kept), 2 a wrong command line.
 */
import process from 'node:process';
import { chaosUsage, readOptions } from './options.ts';
import { runChaos } from './run-chaos.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>;
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
  process.stdout.write(`${JSON.stringify(result.line)}\n`);
  return result.passed ? 0 : 1;
}
