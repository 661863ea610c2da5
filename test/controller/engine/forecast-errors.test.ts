import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forecastErrors, p90Of } from '../../../controller/engine/turn/forecast-errors.ts';

test('a forecast may be wrong by a half until five renders were compared with theirs, then by what nine in ten kept to', () => {
  assert.equal(p90Of(), 1.5);
  assert.equal(p90Of([1, 1, 1, 1]), 1.5);
  assert.equal(p90Of([1, 1, 1, 1, 1.2]), 1.2);
  assert.equal(p90Of([3, 1, 1.1, 1, 1, 1, 1, 1, 1, 1]), 1.1, 'one in ten may exceed it');
});

test('how good forecasts were is told by class: how many, in the middle, and for nine in ten', () => {
  assert.deepEqual(forecastErrors({ forecastRatios: { hd: [1.5, 0.5, 1], '4k': [2] } }), [
    { workClass: 'hd', runs: 3, median: 1, p90: 1.5 },
    { workClass: '4k', runs: 1, median: 2, p90: 2 },
  ]);
  assert.deepEqual(forecastErrors(undefined), []);
});
