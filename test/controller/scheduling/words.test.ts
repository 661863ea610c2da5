import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countText,
  gibText,
  namesText,
  ratioText,
  spanText,
  toldMs,
} from '../../../controller/scheduling/words.ts';

const minute = 60_000;
const hour = 60 * minute;

test('Spans are told as people say them, and never as endless or as no number', () => {
  const told = [
    0,
    1,
    89_000,
    90_000,
    7 * minute,
    89 * minute,
    90 * minute,
    125 * minute,
    3 * hour,
    60 * hour,
  ];
  assert.deepEqual(told.map(spanText), [
    ...['0 s', '1 s', '89 s', '2 min', '7 min', '89 min', '1 h 30 min', '2 h 5 min', '3 h', '3 days'],
  ]);
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, 400 * 24 * hour])
    assert.equal(spanText(odd), 'more than a year');
  assert.equal(spanText(-5_000), '0 s');
  assert.deepEqual([Number.NaN, -1, 1.4, 1e300].map(toldMs), [0, 0, 1, 366 * 24 * hour]);
});

test('Numbers have no more digits than a guess deserves', () => {
  assert.deepEqual([12.4, 2.51, 2, 0.044, Number.NaN].map(ratioText), [
    ...['12', '2.5', '2', '0.044', 'any number of'],
  ]);
  assert.deepEqual([1.5 * 2 ** 30, -1, Number.NaN].map(gibText), ['1.5 GiB', '0.0 GiB', 'any number of GiB']);
  assert.deepEqual([countText(1, 'job'), countText(0, 'job')], ['1 job', '0 jobs']);
  assert.deepEqual([namesText(['a', 'b'], 2), namesText(['a', 'b', 'c'], 1)], ['a, b', 'a and 2 more']);
});
