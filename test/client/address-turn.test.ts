import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressTurn } from '../../client/address-turn.ts';
import { pauseMs } from '../../client/backoff.ts';
import { RenderfarmError } from '../../client/errors.ts';

test('Addresses are asked in turn, and a leader that is named comes next', () => {
  const turn = new AddressTurn({ addresses: ['a', 'b', 'c'] });
  turn.moveOn();
  assert.equal(turn.address, 'b');
  turn.moveOn('a');
  assert.equal(turn.address, 'c', 'a has just failed');
  turn.moveOn('a');
  assert.equal(turn.address, 'a');
  turn.moveOn('somewhere else');
  assert.equal(turn.address, 'b', 'the token goes to no address that is not listed');
  turn.moveOn('b');
  assert.equal(turn.address, 'c', 'one that calls itself the leader, and could not serve us');
});

test('There is no pause before the next address, a short one after a round of standbys, a growing one after others', () => {
  const settings = { addresses: ['a', 'b'], backoffFirstMs: 100, backoffMaxMs: 10_000 };
  const away = new RenderfarmError('CONTROLLER_UNREACHABLE', 'away', { status: 'UNAVAILABLE' });
  const standby = new RenderfarmError('NOT_LEADING', 'no', { status: 'UNAVAILABLE', retryAfterMs: 20 });
  const full = new RenderfarmError('TOO_MANY_REQUESTS', 'full', {
    status: 'RESOURCE_EXHAUSTED',
    retryAfterMs: 500,
  });
  const longest = () => 1;
  assert.deepEqual(
    [1, 2, 3, 4].map((failures) => pauseMs(failures, away, settings, longest)),
    [0, 100, 0, 200],
  );
  assert.deepEqual(
    [1, 2, 3, 8].map((failures) => pauseMs(failures, standby, settings, longest)),
    [0, 100, 0, 100],
  );
  assert.equal(
    pauseMs(2, standby, settings, () => 0),
    20,
    'no sooner than it asks for',
  );
  assert.equal(pauseMs(1, full, settings, longest), 500, 'the one that leads is full: nobody else can help');
});
