import process from 'node:process';
import { openOutbox } from '../../../agent/outbox/outbox.ts';

/** Writes events for ever, and tells its parent each number that is durable, until it is killed. */
const outbox = await openOutbox({ folder: process.argv[2] ?? '' });
const ref = { jobId: 'job-a', fence: { term: 1, counter: 1 } };
for (let number = 1; ; number += 1) {
  void outbox
    .append([{ kind: 'event', event: { kind: 'event', number, ref, atMs: 0, event: { type: 'encoded' } } }])
    .then(() => process.send?.(number));
  if (number % 7 === 0) await new Promise(setImmediate);
}
