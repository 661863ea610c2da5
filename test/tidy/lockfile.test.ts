import assert from 'node:assert/strict';
import test from 'node:test';
import { forgottenPackages, type Lockfile } from '../../tools/complete-lockfile.ts';
import { readRepositoryFile } from '../helpers/repository-files.ts';

test('The lockfile has the packages of every platform (npm run complete-lockfile)', () => {
  const lockfile = JSON.parse(readRepositoryFile('package-lock.json')) as Lockfile;
  assert.deepEqual(forgottenPackages(lockfile), []);
});
