import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { timeValue } from '../../../client/cli/values.ts';

const nowMs = Date.UTC(2026, 2, 1, 12);

test('A time is a span from now, a time of this place, or one of any place', () => {
  const times: readonly (readonly [string, Date])[] = [
    ['+2h', new Date(nowMs + 2 * 3_600_000)],
    ['+1d12h30m5s', new Date(nowMs + 131_405_000)],
    ['+90m', new Date(nowMs + 5_400_000)],
    ['+0s', new Date(nowMs)],
    ['2026-03-01T18:00', new Date(2026, 2, 1, 18)],
    ['2026-03-01 18:00:30', new Date(2026, 2, 1, 18, 0, 30)],
    ['2026-03-01T18:00Z', new Date(Date.UTC(2026, 2, 1, 18))],
    ['2028-02-29 18:00:00+02:00', new Date(Date.UTC(2028, 1, 29, 16))],
  ];
  for (const [text, time] of times) assert.deepEqual(timeValue(text, nowMs), time, text);
});

test('Anything else is no time', () => {
  const texts = [
    '',
    '+',
    '+2',
    '2h',
    '+2h1d',
    '-2h',
    '+1.5h',
    'tomorrow',
    '18:00',
    '2026-03-01',
    '1772388000',
  ];
  const impossible = ['2026-02-29 18:00', '2026-13-01 18:00', '2026-03-01 25:00', '2026-03-01 18:61'];
  for (const text of [...texts, ...impossible]) {
    assert.throws(() => timeValue(text, nowMs), InvalidArgumentError, text);
  }
});
