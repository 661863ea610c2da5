import assert from 'node:assert/strict';
import test from 'node:test';
import { Owner } from '../../helpers/items-owner.ts';

/** 'waits' while an ask has no answer yet. */
function soFar(answer: Promise<number[] | undefined>): Promise<number[] | 'waits' | undefined> {
  const later = new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')));
  return Promise.race([answer, later]);
}

test('While files are still to come an ask is answered as soon as there is something to give', async () => {
  const owner = new Owner(4, {}, 0);
  const answer = owner.release();
  owner.comes(10);
  assert.equal(await soFar(answer), 'waits', 'the free place is about to begin it');
  owner.begin();
  assert.equal(await soFar(answer), 'waits');
  owner.comes(12);
  assert.deepEqual(await soFar(answer), [12]);
  assert.deepEqual(owner.board.stages(), ['rendering', 'expected', 'given', 'expected']);
});

test('A newer ask takes the place of one that waits: there is one answer, to the newer', async () => {
  const owner = new Owner(4, {}, 1);
  owner.begin();
  const older = owner.release(1);
  const newer = owner.release(2);
  assert.equal(await soFar(older), undefined);
  assert.equal(await soFar(newer), 'waits');
  owner.comes(11);
  assert.deepEqual(await soFar(newer), [11]);
});

test('An ask waits no longer when nothing is to come: the last file is begun here, an item is bad, the render is over', async () => {
  const last = new Owner(2, {}, 1);
  last.begin();
  const ofLast = last.release();
  last.finish(10);
  assert.equal(await soFar(ofLast), 'waits');
  last.comes(11);
  assert.deepEqual(await soFar(ofLast), [], 'the free place is about to begin it');

  const bad = new Owner(3, {}, 1);
  const ofBad = bad.release();
  bad.board.stop();
  assert.deepEqual(await soFar(ofBad), []);

  const over = new Owner(3, {}, 1);
  const ofOver = over.release();
  over.own.close();
  assert.deepEqual(await soFar(ofOver), []);
});

test('Behind a new stream or fence nobody waits for an old ask: it is not answered', async () => {
  const owner = new Owner(3, {}, 1);
  owner.begin();
  const loose = owner.release();
  owner.own.takeLooseBack();
  assert.equal(await soFar(loose), undefined);
  const all = owner.release();
  owner.own.takeAllBack();
  assert.equal(await soFar(all), undefined);
  owner.comes(11);
  assert.deepEqual(await owner.release(), [11], 'the next one is answered');
});
