import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { exitCodeHelp, exitCodeOf, exitCodeOfJobs, exitCodes } from '../../../client/cli/exit-codes.ts';
import { RenderfarmError, type StatusName } from '../../../client/errors.ts';

test('Followed jobs decide the exit code: a failed one counts more than a cancelled one', () => {
  assert.equal(exitCodeOfJobs([]), 0);
  assert.equal(exitCodeOfJobs(['published', 'published']), 0);
  assert.equal(exitCodeOfJobs(['published', 'cancelled']), 5);
  assert.equal(exitCodeOfJobs(['cancelled', 'failed']), 1);
  assert.equal(exitCodeOfJobs(['quarantined']), 1);
});

test('Every kind of error has its exit code', () => {
  const of = (code: string, status?: StatusName) =>
    exitCodeOf(new RenderfarmError(code, 'x', status === undefined ? {} : { status }));
  assert.equal(of('INVALID_JOB_FILE'), 2);
  assert.equal(of('INVALID_OPTIONS'), 2);
  assert.equal(of('INVALID_JOB', 'INVALID_ARGUMENT'), 2);
  assert.equal(of('CONTROLLER_UNREACHABLE', 'UNAVAILABLE'), 3);
  assert.equal(of('STORAGE_UNAVAILABLE', 'UNAVAILABLE'), 3);
  assert.equal(of('JOB_NOT_FOUND', 'NOT_FOUND'), 4);
  assert.equal(of('JOB_PUBLISHING', 'FAILED_PRECONDITION'), 4);
  assert.equal(of('UNAUTHENTICATED', 'UNAUTHENTICATED'), 4);
  assert.equal(of('TOO_MANY_JOBS', 'RESOURCE_EXHAUSTED'), 4);
  assert.equal(of('INTERNAL', 'INTERNAL'), 70);
  assert.equal(exitCodeOf(new TypeError('x')), 70);
});

test('--help and docs/cli.md name exactly these codes', async () => {
  const codes = Object.values(exitCodes).map(String);
  const inHelp = [...exitCodeHelp.matchAll(/^ +(\d+) /gm)].map(([, code]) => code);
  assert.deepEqual(inHelp, codes);
  const manual = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  const inManual = [...manual.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => code);
  assert.deepEqual(inManual, codes);
});
