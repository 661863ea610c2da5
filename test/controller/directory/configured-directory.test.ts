import assert from 'node:assert/strict';
import test from 'node:test';
import { configuredDirectory } from '../../../controller/directory/configured-directory.ts';

const directory = configuredDirectory({ u1: 'Anna', u2: ' ' });

for (const [userId, name, why] of [
  ['u1', 'Anna', 'is in the configuration'],
  ['u2', 'u2', 'has no usable name there'],
  ['nobody@home', 'nobody@home', 'is not in it'],
  ['toString', 'toString', 'is called like a method'],
  ['a\u0007b', 'unknown', 'has an id that cannot be printed'],
  ['', 'unknown', 'has no id'],
] as const) {
  test(`A user who ${why} is called ${name}`, async () => {
    assert.equal(await directory.username(userId, new AbortController().signal), name);
  });
}
