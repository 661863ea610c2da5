import assert from 'node:assert/strict';
import test from 'node:test';
import { chooseTestFiles } from '../../tools/test-groups.ts';

const files = ['test/media/a.test.ts', 'test/agent/b.test.ts', 'test/tidy/c.test.ts', 'test/agent/a.test.ts'];

test('Fast groups come first, and files of a group in the order of their names', () => {
  assert.deepEqual(chooseTestFiles(files, []), [
    'test/tidy/c.test.ts',
    'test/agent/a.test.ts',
    'test/agent/b.test.ts',
    'test/media/a.test.ts',
  ]);
});

test('A group is chosen by its name', () => {
  assert.deepEqual(chooseTestFiles(files, ['media']), ['test/media/a.test.ts']);
});

test('A group that there is not, and a file that no group would run, are refused', () => {
  assert.throws(() => chooseTestFiles(files, ['fast']), /No such group of tests: fast/u);
  assert.throws(
    () => chooseTestFiles(['test/nowhere/a.test.ts'], []),
    /In no group of tests: test\/nowhere/u,
  );
});
