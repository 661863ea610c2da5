import process from 'node:process';
import pMap from 'p-map';
import { type CheckResult, runCheck, staticChecks } from './checks.ts';

/** `npm run check [-- NAME...]`: the static checks, two at a time, a line for each, and what failed at the end. */
async function main(names: readonly string[]): Promise<void> {
  const checks = staticChecks();
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    print(`No such check: ${unknown.join(', ')}. There are ${checks.map((check) => check.name).join(', ')}.`);
    process.exitCode = 2;
    return;
  }
  const chosen = checks.filter((check) => names.length === 0 || names.includes(check.name));
  const results = await pMap(chosen, async (check) => printLine(await runCheck(check)), { concurrency: 2 });
  const failed = results.filter((result) => !result.passed);
  for (const result of failed)
    print(`\n--- ${result.check.name}: ${result.check.command.join(' ')}\n${result.output}`);
  print(
    failed.length === 0
      ? 'All checks passed.'
      : `Failed: ${failed.map((each) => each.check.name).join(', ')}`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function printLine(result: CheckResult): CheckResult {
  const mark = result.passed ? 'ok  ' : 'FAIL';
  print(
    `${mark} ${result.check.name.padEnd(18)} ${result.seconds.toFixed(1).padStart(6)} s  ${result.check.says}`,
  );
  return result;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main(process.argv.slice(2));
