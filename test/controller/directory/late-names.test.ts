import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLateNames } from '../../../controller/directory/late-names.ts';
import { DestinationAway } from '../../../controller/outbox/destination.ts';
import { outboxItem, published } from '../../helpers/mirrored-job.ts';
import { RecordingDestination } from '../../helpers/recording-destination.ts';

function open(names: Readonly<Record<string, string>>) {
  const told = new RecordingDestination('results', 8);
  const asked: string[] = [];
  const username = (userId: string) => {
    asked.push(userId);
    return Promise.resolve(names[userId] ?? 'unknown');
  };
  return { told, asked, named: withLateNames(told, { username }) };
}

function ended(userId: string, username: string) {
  return outboxItem({ job: { ...published, userId, username } });
}

const never = new AbortController().signal;

test('Who was unknown at the submit is told by the name that there is now; other names stay as they were', async () => {
  const { told, asked, named } = open({ 'u-1': 'Ann', 'u-2': 'Eve, renamed' });
  const items = [ended('u-1', 'unknown'), ended('u-2', 'Eve'), ended('u-3', 'unknown')];
  const deliveries = await named.deliver(items, never);
  assert.deepEqual(
    told.taken.map(({ job }) => job.username),
    ['Ann', 'Eve', 'unknown'],
  );
  assert.deepEqual(asked, ['u-1', 'u-3']);
  assert.deepEqual(
    deliveries.map(({ result }) => result),
    ['delivered', 'delivered', 'delivered'],
  );
  assert.equal(items[0]?.job.username, 'unknown', 'the job itself keeps what its log stands under');
});

test('It is the destination in all else', async () => {
  const { told, named } = open({});
  assert.deepEqual([named.name, named.itemsMax], ['results', 8]);
  told.goAway();
  await assert.rejects(named.deliver([ended('u-1', 'Ann')], never), DestinationAway);
  await named.close?.();
  assert.equal(told.closed, 1);
});
