import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapped } from '../../../client/cli/wrap.ts';

test('A long text is broken between its words, and all lines but the first are indented', () => {
  assert.deepEqual(wrapped('  pc1: waits for room there', 12, 4), [
    '  pc1: waits',
    '    for room',
    '    there',
  ]);
  assert.deepEqual(wrapped('short', 12, 4), ['short']);
  assert.deepEqual(wrapped('', 12, 4), ['']);
});

test('A word that is wider than a line has one of its own, and what is piped stays whole', () => {
  assert.deepEqual(wrapped('a bbbbbbbbbbbb c', 6, 2), ['a', '  bbbbbbbbbbbb', '  c']);
  assert.deepEqual(wrapped('one  two three', Number.POSITIVE_INFINITY, 2), ['one  two three']);
});
