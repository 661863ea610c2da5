import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFetchLane } from '../../../agent/attempt/fetch-lane.ts';
import { createSharedPace } from '../../../agent/media/pace.ts';

test('what is fetched ahead goes several at a time, one slowly beside FFmpeg, and not at all beside a job that fetches', () => {
  const lane = createFetchLane({ copies: 2 });
  const copies = [lane.ahead(1), lane.ahead(1), lane.ahead(1)];
  const speeds = () => copies.map(({ pace }) => pace.now());
  assert.deepEqual(speeds(), ['full', 'full', 'paused']);
  const rendered = lane.render();
  assert.deepEqual(speeds(), ['slow', 'paused', 'paused']);
  const fetched = lane.enter();
  assert.deepEqual(speeds(), ['paused', 'paused', 'paused']);
  rendered();
  assert.deepEqual(speeds(), ['paused', 'paused', 'paused']);
  fetched();
  fetched();
  assert.deepEqual(speeds(), ['full', 'full', 'paused']);
  copies[0]?.end();
  assert.deepEqual(speeds().slice(1), ['full', 'full']);
});

test('the announcement that came first goes first, whatever comes later', () => {
  const lane = createFetchLane({ copies: 1 });
  const second = lane.ahead(2);
  const told: string[] = [];
  second.pace.onChange(() => told.push(second.pace.now()));
  const first = lane.ahead(1);
  assert.deepEqual([first.pace.now(), second.pace.now()], ['full', 'paused']);
  first.end();
  assert.equal(second.pace.now(), 'full');
  assert.deepEqual([told.at(0), told.at(-1)], ['paused', 'full']);
});

test('two jobs that fetch are both waited for', async () => {
  const lane = createFetchLane();
  const [a, b] = [lane.enter(), lane.enter()];
  const idle = lane.idle(new AbortController().signal).then(() => 'idle');
  a();
  assert.equal(lane.ahead(1).pace.now(), 'paused');
  b();
  assert.equal(await idle, 'idle');
  const stopped = AbortSignal.abort(new Error('withdrawn'));
  lane.enter();
  await assert.rejects(lane.idle(stopped), /withdrawn/u);
});

test('a copy that a job waits for too goes at full speed, until the job has left', () => {
  const lane = createFetchLane();
  lane.enter();
  const pace = createSharedPace();
  const hintLeaves = pace.join(lane.ahead(1).pace);
  assert.equal(pace.now(), 'paused');
  const jobLeaves = pace.join(undefined);
  assert.equal(pace.now(), 'full');
  jobLeaves();
  assert.equal(pace.now(), 'paused');
  assert.equal(pace.isLeft(), false);
  hintLeaves();
  assert.equal(pace.isLeft(), true);
});
