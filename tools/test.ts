import { globSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { repositoryFolder } from './checks.ts';
import { runTestFiles } from './run-test-files.ts';
import { ensureSystemPackages } from './system-packages.ts';
import { chooseTestFiles } from './test-groups.ts';

/** A test that takes longer hangs. */
const testTimeoutMs = 5 * 60_000;

/**
 * `npm test [-- GROUP | FILE...]`: all tests, or those of some groups, or some files, in one run
 * of node's own runner, whose summary is the last thing printed.
 */
async function main(): Promise<boolean> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const files = positionals.filter((word) => word.includes('/'));
  const groups = positionals.filter((word) => !word.includes('/'));
  const needsNothing = files.length > 0 || groups.join() === 'unit';
  if (!needsNothing && !ensureSystemPackages()) return false;
  return await runTestFiles({
    files: files.length > 0 ? files : chooseTestFiles(allTestFiles(), groups),
    testTimeoutMs,
  });
}

function allTestFiles(): readonly string[] {
  return globSync('test/**/*.test.ts', { cwd: repositoryFolder }).map((file) => file.replaceAll('\\', '/'));
}

if (!(await main())) process.exitCode = 1;
