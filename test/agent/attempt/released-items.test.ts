import assert from 'node:assert/strict';
import test from 'node:test';
import { Owner } from '../../helpers/items-owner.ts';

test('The first items are given first, none twice, and none that a free place is about to begin', async () => {
  const owner = new Owner(5);
  assert.deepEqual(await owner.release(2), [11, 12], 'the free place begins 10');
  assert.equal(owner.begin(), 10);
  assert.deepEqual(await owner.release(), [13, 14], 'what is begun stays here');
  assert.deepEqual(await owner.release(), []);
});

test('Not given: what is too long, what a cache has, what began meanwhile; what is given names key, frames and bytes', async () => {
  const owner = new Owner(4);
  owner.begin();
  assert.deepEqual(await owner.release(1, 10), [], 'all are longer than 10 ms');
  owner.cached.add('key-11');
  const [item] = (await owner.own.release({ itemsMax: 1, outputMaxMs: 60_000 })) ?? [];
  assert.deepEqual(item, { position: 12, frames: owner.frames, sourceBytes: 1_200, segmentKey: 'key-12' });

  const raced = new Owner(2, {
    isCached: () => {
      raced.finish(10);
      raced.begin();
      return Promise.resolve(false);
    },
  });
  raced.begin();
  assert.deepEqual(await raced.release(), [], 'it was begun while the cache was asked');
  const off = new Owner(3, { isOff: () => true });
  assert.deepEqual(await off.release(), []);
  const broken = new Owner(3, { keyOf: () => Promise.reject(new Error('no font')) });
  assert.deepEqual(await broken.release(), []);
  assert.match(broken.log[0] ?? '', /no font/u);
});

test('What became ours again while the later ones were looked at is not given', async () => {
  const owner: Owner = new Owner(4, {
    isCached(key) {
      // The first one was given by then; the link to the controller is lost, and found again.
      if (key === 'key-12') owner.own.takeLooseBack();
      return Promise.resolve(false);
    },
  });
  owner.begin();
  assert.deepEqual(await owner.release(), [12, 13]);
  assert.equal(owner.board.stages()[1], 'ready');
});

test('A delivered segment is taken at once, beside what is rendered, and its helper is named', async () => {
  const owner = new Owner(4);
  owner.begin();
  await owner.release(1);
  owner.assigned(11, 1_000);
  owner.shared.add('key-11');
  await owner.ended(11, true);
  assert.deepEqual(owner.board.stages(), ['rendering', 'delivered', 'ready', 'ready']);
  assert.equal(owner.begin(), 11, 'though the only place is taken');
  assert.equal(owner.finish(11, 0, true), 'pc2');
  assert.equal(owner.finish(10, 1_000), undefined);
  assert.deepEqual(owner.reclaimed, []);
});

test('What is said to be done and is not in the cache is ours again, and said so', async () => {
  const owner = new Owner(4);
  owner.begin();
  await owner.release(1);
  owner.assigned(11, 1_000);
  await owner.ended(11, true);
  assert.deepEqual(owner.reclaimed, [[11, 'not-in-cache']]);
  assert.deepEqual(owner.board.stages(), ['rendering', 'ready', 'ready', 'ready']);
  await owner.ended(11, true);
  assert.equal(owner.reclaimed.length, 1, 'its right is over: whatever is said of it is no news');
});

test('With nothing else to do it begins what nobody renders, then what its helper has later than it would', async () => {
  const owner = new Owner(4);
  owner.begin();
  await owner.release();
  owner.assigned(13, 60_000);
  owner.assigned(12, 500);
  assert.deepEqual(owner.reclaimed, [], 'it has something to do');
  owner.finish(10, 1_000);
  assert.deepEqual(owner.reclaimed, [[11, 'own-turn']]);
  assert.equal(owner.begin(), 11);
  owner.finish(11, 1_000);
  assert.deepEqual(
    owner.reclaimed.slice(1),
    [[13, 'own-turn']],
    'the helper would need a minute, this PC a second',
  );
  assert.equal(owner.begin(), 13);
  assert.equal(owner.begin(), undefined);
});

test('A helper is waited for no longer than rendering it here takes', async () => {
  const owner = new Owner(2);
  owner.begin();
  await owner.release();
  owner.assigned(11, 2_500);
  owner.finish(10, 1_000);
  assert.deepEqual(owner.reclaimed, [[11, 'own-turn']], 'expected 1.5 s from now, and it takes 1 s here');

  const soon = new Owner(2);
  soon.begin();
  await soon.release();
  soon.assigned(11, 1_500);
  soon.finish(10, 1_000);
  assert.deepEqual(soon.reclaimed, [], 'half a second is less');
  soon.pass(999);
  assert.deepEqual(soon.reclaimed, []);
  soon.pass(1);
  assert.deepEqual(soon.reclaimed, [[11, 'own-turn']], 'it did not come');
  assert.equal(soon.begin(), 11);
  await soon.ended(11, true);
  assert.deepEqual(soon.board.stages(), ['done', 'rendering'], 'too late');
});

test('While nothing is known of its own pace nobody is waited for; else by what is expected of this PC', async () => {
  const owner = new Owner(2);
  owner.begin();
  await owner.release();
  owner.assigned(11, 100);
  owner.finish(10, 0, true);
  assert.deepEqual(owner.reclaimed, [[11, 'own-turn']]);
  const expected = new Owner(2);
  expected.rate = expected.frames;
  expected.begin();
  await expected.release();
  expected.assigned(11, 900);
  expected.finish(10, 0, true);
  assert.deepEqual(expected.reclaimed, [], 'a second here, 0.9 s there');
});

test('A helper that gives up leaves the item to the next one, or to us', async () => {
  const owner = new Owner(3);
  owner.begin();
  await owner.release(1);
  owner.assigned(11, 1_000);
  await owner.ended(11, false);
  assert.match(owner.log[0] ?? '', /pc2 .* 11: it fell/u);
  assert.deepEqual(owner.board.stages(), ['rendering', 'given', 'ready'], 'given as before, to nobody');
  owner.assigned(11, 1_000, 'pc3');
  owner.shared.add('key-11');
  await owner.ended(11, true, 'pc3');
  owner.begin();
  assert.equal(owner.finish(11, 0, true), 'pc3');
});

test('Behind a new stream the loose ones are ours, behind a new fence all, and nobody is told', async () => {
  const owner = new Owner(4);
  owner.begin();
  await owner.release(2);
  owner.assigned(11, 1_000);
  owner.own.takeLooseBack();
  assert.deepEqual(owner.board.stages(), ['rendering', 'given', 'ready', 'ready']);
  owner.own.takeAllBack();
  assert.deepEqual(owner.board.stages(), ['rendering', 'ready', 'ready', 'ready']);
  await owner.ended(11, true);
  assert.deepEqual(owner.reclaimed, []);
  owner.own.close();
  assert.deepEqual(await owner.release(), [], 'nothing is given of a render that is over');
  assert.equal(owner.timers.size, 0);
});
