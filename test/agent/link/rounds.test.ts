import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Dialled } from '../../../agent/link/rounds.ts';
import { Rounds } from '../../../agent/link/rounds.ts';

const unreachable: Dialled = { served: false, sentAway: false, left: false };
const served: Dialled = { ...unreachable, served: true };
const sentTo = (redirect: string): Dialled => ({ ...unreachable, sentAway: true, left: true, redirect });

describe('the rounds of an agent over its controllers', () => {
  it('take every address once, each once also where it is listed twice', () => {
    const rounds = new Rounds(['a', 'b', 'a']);
    assert.equal(rounds.next(), 'a');
    assert.equal(rounds.ended('a', unreachable), false);
    assert.equal(rounds.next(), 'b');
    assert.equal(rounds.ended('b', unreachable), true);
    assert.equal(rounds.next(), undefined);
    assert.equal(rounds.wasAnswered, false);
  });

  it('follow a redirect at once, and only the first of a round', () => {
    const rounds = new Rounds(['a', 'b', 'leader']);
    rounds.next();
    assert.equal(rounds.ended('a', sentTo('leader')), false);
    assert.equal(rounds.next(), 'leader');
    // A leader that is dead, or points back, does not keep the agent busy.
    assert.equal(rounds.ended('leader', sentTo('a')), false);
    assert.equal(rounds.next(), 'b');
    assert.equal(rounds.ended('b', sentTo('leader')), true);
    assert.equal(rounds.wasAnswered, true);
    rounds.begin();
    assert.equal(rounds.wasAnswered, false);
    rounds.next();
    assert.equal(rounds.ended('a', sentTo('leader')), false, 'the next round may follow again');
    assert.equal(rounds.next(), 'leader');
  });

  it('never follow a redirect out of the configured list: the token goes nowhere else', () => {
    const rounds = new Rounds(['a', 'b']);
    rounds.next();
    assert.equal(rounds.ended('a', sentTo('stranger')), false);
    assert.equal(rounds.next(), 'b');
    rounds.ended('b', { ...served, left: true, redirect: 'stranger' });
    assert.deepEqual([rounds.next(), rounds.next(), rounds.next()], ['a', 'b', undefined]);
  });

  it('do not follow a redirect to a leader that could not be reached just now', () => {
    const rounds = new Rounds(['a', 'b']);
    rounds.next();
    rounds.ended('a', unreachable);
    rounds.next();
    assert.equal(rounds.ended('b', sentTo('a')), true);
    rounds.begin();
    assert.equal(rounds.next(), 'a', 'the next round asks it again');
  });

  it('do not dial an address again that the redirect has named', () => {
    const rounds = new Rounds(['a', 'b', 'c']);
    rounds.next();
    rounds.ended('a', sentTo('c'));
    assert.deepEqual([rounds.next(), rounds.next(), rounds.next()], ['c', 'b', undefined]);
  });

  it('begin with the controller that broke off, and with the next one where we left it', () => {
    const rounds = new Rounds(['a', 'b', 'c']);
    rounds.next();
    rounds.ended('a', unreachable);
    assert.equal(rounds.next(), 'b');
    assert.equal(rounds.ended('b', served), true);
    assert.equal(rounds.next(), 'b');
    rounds.ended('b', { ...served, left: true });
    assert.deepEqual(
      [rounds.next(), rounds.next(), rounds.next(), rounds.next()],
      ['c', 'a', 'b', undefined],
    );
  });

  it('begin where a leader that leaves points to', () => {
    const rounds = new Rounds(['a', 'b', 'c']);
    rounds.next();
    rounds.ended('a', { ...served, left: true, redirect: 'c' });
    assert.deepEqual([rounds.next(), rounds.next(), rounds.next()], ['c', 'b', 'a']);
  });
});
