import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { errorLines } from '../client/cli/print-error.ts';
import { RenderfarmError } from '../client/errors.ts';
import { ensureSystemPackages } from '../tools/system-packages.ts';
import { runDemo } from './run-demo.ts';
import { openScreen } from './screen.ts';

const usage = `Usage: npm run demo [-- [--out FOLDER] [JOB.json...]]

Starts a farm on this machine, one controller and two agents, renders, checks the results, and ends.
Without a job file it makes its own clips and runs its own jobs. In a job file paths may be UNC paths of the
demo's share (\\\\farm\\Share\\clips\\game-30.mp4), or paths of this machine, relative to the job file.

  --out FOLDER   where everything goes (default: out/ of the repository)

Exit codes: 0 all is as it has to be; 1 something is not; 2 wrong usage or job file; 130 interrupted.
`;

/** The demo's own jobs take about a minute; whatever keeps them longer is a fault that must not keep a script. */
const ownJobsMs = 10 * 60_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const given = parse(args);
  if (given === undefined) return 2;
  if (given.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (!ensureSystemPackages()) return 1;
  const stop = stopOnSignals();
  const limit = given.jobFiles.length === 0 ? [AbortSignal.timeout(ownJobsMs)] : [];
  const screen = openScreen({
    stdout: process.stdout,
    bars: process.stdout.isTTY && process.env['TERM'] !== 'dumb',
  });
  try {
    const problems = await runDemo({ ...given, screen, signal: AbortSignal.any([stop, ...limit]) });
    if (problems.length === 0)
      screen.print(`\nAll is as it has to be. Results: ${join(given.out, 'results')}`);
    for (const problem of problems) screen.print(`WRONG: ${problem}`);
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    screen.stop();
    return failed(error, stop);
  }
}

function parse(
  args: readonly string[],
): { readonly out: string; readonly jobFiles: readonly string[]; readonly help: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    const out = resolve(values.out ?? join(import.meta.dirname, '..', 'out'));
    return { out, jobFiles: positionals, help: values.help === true };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return undefined;
  }
}

/** The first signal ends everything in order, and what children are left after a while are killed. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) process.stderr.write(`\n${signal}: ending controller and agents\n`);
      stop.abort(new Error(signal));
    });
  }
  return stop.signal;
}

function failed(error: unknown, stop: AbortSignal): number {
  if (stop.aborted) return 130;
  const isOurs = error instanceof RenderfarmError;
  const lines = isOurs
    ? errorLines(error)
    : [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  for (const line of lines) process.stderr.write(`${line}\n`);
  return isOurs && (error.code === 'INVALID_JOB_FILE' || error.status === 'INVALID_ARGUMENT') ? 2 : 1;
}
