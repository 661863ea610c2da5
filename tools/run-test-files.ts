import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { markerName, survivors } from '../test/helpers/leaks.ts';
import { repositoryFolder } from './checks.ts';

const leakWatch = pathToFileURL(join(repositoryFolder, 'test', 'helpers', 'leaks.ts')).href;

/**
 * Runs test files, each in a process of its own and in the order given, with node's report on stdout. A file fails when
 * a test fails, when something that it opened keeps it alive, or when a process that it started outlives it.
 * @returns whether all passed
 */
export async function runTestFiles(options: {
  readonly files: readonly string[];
  readonly testTimeoutMs: number;
}): Promise<boolean> {
  // Whoever outlives its test file is found by this, also when the file itself was killed.
  const marker = `run-${process.pid}`;
  process.env[markerName] = marker;
  // Every test and every process that it starts reads the same sources: stripped and compiled once, not a thousand times.
  process.env['NODE_COMPILE_CACHE'] ??= join(repositoryFolder, 'node_modules', '.cache', 'compiled');
  const passed = await report(options.files, options.testTimeoutMs);
  return killSurvivors(marker) === 0 && passed;
}

async function report(files: readonly string[], timeout: number): Promise<boolean> {
  let passed = true;
  const events = run({
    files: files.map((file) => resolve(repositoryFolder, file)),
    cwd: repositoryFolder,
    concurrency: Math.max(2, availableParallelism()),
    timeout,
    execArgv: ['--import', leakWatch],
  });
  events.on('test:summary', (summary) => {
    passed &&= summary.success;
  });
  await new Promise<void>((done, failed) => {
    const text = events.compose<NodeJS.ReadableStream>(spec);
    text.on('end', done).on('error', failed).pipe(process.stdout);
  });
  return passed;
}

/** Only a file that was itself killed at its time limit leaves anything for this. */
function killSurvivors(marker: string): number {
  const left = survivors(marker);
  for (const { pid, command } of left) {
    process.stderr.write(`Left behind by a test file, and killed: process ${pid}: ${command}\n`);
    process.kill(pid, 'SIGKILL');
  }
  return left.length;
}
