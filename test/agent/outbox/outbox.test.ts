import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../../agent/core/journal-records.ts';
import type { JournalDisk } from '../../../agent/outbox/journal-disk.ts';
import { openOutbox } from '../../../agent/outbox/outbox.ts';
import { JournalOwnedError } from '../../../agent/outbox/owner-lock.ts';
import { readJournal } from '../../../agent/outbox/read-journal.ts';
import { encodeLine } from '../../../agent/outbox/record-line.ts';
import { assignment, failed, jobRef } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const a = jobRef('job-a', 1);

function eventRecord(number: number): JournalRecord {
  return { kind: 'event', event: { kind: 'event', number, ref: a, atMs: 1, event: { type: 'encoded' } } };
}

const life: readonly JournalRecord[] = [
  { kind: 'farm', farmId: 'f', term: 3, leaderId: 'l' },
  { kind: 'accepted', assign: assignment(a) },
  eventRecord(1),
  eventRecord(2),
  { kind: 'acked', number: 1 },
  {
    kind: 'event',
    event: { kind: 'event', number: 3, ref: a, atMs: 1, event: { type: 'finished', finished: failed } },
  },
  { kind: 'ended', ref: a, finished: failed, eventNumber: 3 },
];

describe('a journal', () => {
  test('opened again says what was appended, under the same identity', async (t) => {
    const folder = await tempFolder(t);
    const first = await openOutbox({ folder });
    await first.append(life.slice(0, 3));
    await first.append(life.slice(3));
    await first.close();
    const second = await openOutbox({ folder });
    t.after(() => second.close());
    assert.equal(second.found.journalId, first.found.journalId);
    assert.equal(second.found.acked, 1);
    assert.deepEqual(
      second.found.events.map((event) => event.number),
      [2, 3],
    );
    assert.equal(second.found.attempts.get(keyOf(a))?.finished?.outcome, 'failed');
  });

  test('torn at any byte of its end loses only what was torn, and goes on', async () => {
    const lines = [{ kind: 'journal', journalId: 'j' } as const, ...life].map(encodeLine);
    const whole = Buffer.from(lines.join(''));
    const ends = lines.map((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join('')));
    for (let bytes = 0; bytes <= whole.length; bytes += 1) {
      const read = readJournal(whole.subarray(0, bytes), 'fresh');
      const kept = ends.filter((end) => end <= bytes).length;
      assert.equal(read.wholeBytes, ends[kept - 1] ?? 0, `torn at byte ${bytes}`);
      assert.equal(read.brokenLines, 0);
      assert.equal(read.state.journalId, kept === 0 ? 'fresh' : 'j');
    }
    await Promise.resolve();
  });

  test('is cut back to its last whole line before anything is added', async (t) => {
    const folder = await tempFolder(t);
    const path = join(folder, 'journal.jsonl');
    const first = await openOutbox({ folder });
    await first.append([eventRecord(1)]);
    await first.close();
    await writeFile(path, `${await readFile(path, 'utf8')}0000 half a li`);
    const second = await openOutbox({ folder });
    await second.append([eventRecord(2)]);
    await second.close();
    const { state, brokenLines } = readJournal(await readFile(path), 'x');
    assert.equal(brokenLines, 0);
    assert.equal(state.lastEvent, 2);
  });

  test('that is damaged further up goes on under a new identity, numbered anew', async (t) => {
    const folder = await tempFolder(t);
    const path = join(folder, 'journal.jsonl');
    const first = await openOutbox({ folder });
    await first.append(life);
    await first.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    const second = lines.findIndex((line) => line.includes('"number":2'));
    lines[second] = (lines[second] ?? '').replace('"number":2', '"number":7');
    await writeFile(path, lines.join('\n'));
    const trouble: string[] = [];
    const opened = await openOutbox({ folder, onTrouble: (message) => trouble.push(message) });
    await opened.close();
    assert.notEqual(opened.found.journalId, first.found.journalId);
    assert.deepEqual(
      opened.found.events.map((event) => event.number),
      [1],
    );
    assert.equal(opened.found.attempts.get(keyOf(a))?.endedByEvent, 1);
    assert.equal(trouble.length, 1);
    const again = await openOutbox({ folder });
    await again.close();
    assert.equal(again.found.journalId, opened.found.journalId);
  });

  test('has one owner', async (t) => {
    const folder = await tempFolder(t);
    const first = await openOutbox({ folder });
    await assert.rejects(openOutbox({ folder }), JournalOwnedError);
    await first.close();
    const second = await openOutbox({ folder });
    await second.close();
  });

  test('stays small, because acknowledged events are rewritten away', async (t) => {
    const folder = await tempFolder(t);
    const outbox = await openOutbox({ folder });
    for (let number = 1; number <= 12_000; number += 100) {
      const many = Array.from({ length: 100 }, (_, index) => eventRecord(number + index));
      await outbox.append([...many, { kind: 'acked', number: number + 99 }]);
    }
    await outbox.close();
    const bytes = await readFile(join(folder, 'journal.jsonl'));
    assert.ok(bytes.length < 1.2 * 1024 ** 2, `${bytes.length} bytes`);
    assert.equal(readJournal(bytes, 'x').state.lastEvent, 12_000);
  });
});

/** A disk in memory that is full when it is told to be, and then keeps half of what it was given. */
function fullableDisk(): JournalDisk & { full: boolean; text: string } {
  const disk = {
    full: false,
    text: '',
    read: () => Promise.resolve(Buffer.from(disk.text)),
    append(text: string) {
      disk.text += disk.full ? text.slice(0, text.length / 2) : text;
      return disk.full ? Promise.reject(new Error('ENOSPC: no space left on device')) : Promise.resolve();
    },
    sync: () => Promise.resolve(),
    truncate(bytes: number) {
      disk.text = Buffer.from(disk.text).subarray(0, bytes).toString();
      return Promise.resolve();
    },
    replace(text: string) {
      if (disk.full) return Promise.reject(new Error('ENOSPC'));
      disk.text = text;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return disk;
}

describe('a full disk', () => {
  test('makes records wait, says so, and loses none of them', async (t) => {
    const disk = fullableDisk();
    const room: boolean[] = [];
    const refused = Promise.withResolvers<unknown>();
    const outbox = await openOutbox({
      folder: await tempFolder(t),
      disk,
      retryMs: 1,
      onRoom: (ok) => {
        room.push(ok);
        if (!ok) refused.resolve(undefined);
      },
    });
    await outbox.append([eventRecord(1)]);
    disk.full = true;
    const later = outbox.append([eventRecord(2)]);
    await refused.promise;
    disk.full = false;
    await later;
    await outbox.close();
    assert.deepEqual(room, [false, true]);
    const { state, brokenLines } = readJournal(Buffer.from(disk.text), 'x');
    assert.equal(brokenLines, 0);
    assert.equal(state.lastEvent, 2);
  });

  test('at the end is an error for whoever waits, not a hang', async (t) => {
    const disk = fullableDisk();
    const outbox = await openOutbox({ folder: await tempFolder(t), disk, retryMs: 60_000 });
    disk.full = true;
    const rejected = assert.rejects(outbox.append([eventRecord(1)]));
    await outbox.close();
    await rejected;
  });

  test('is not waited for: near its limit the journal says that there is no room', async (t) => {
    const room: boolean[] = [];
    const outbox = await openOutbox({
      folder: await tempFolder(t),
      bytesMax: 20_000,
      onRoom: (ok) => room.push(ok),
    });
    for (let number = 1; number <= 200; number += 1) await outbox.append([eventRecord(number)]);
    assert.deepEqual(room, [false]);
    await outbox.append([{ kind: 'acked', number: 200 }]);
    assert.deepEqual(room, [false, true]);
    await outbox.close();
  });
});

test('what was said to be durable is there after kill -9, in order and without a gap', async (t) => {
  const folder = await tempFolder(t);
  const child = fork(new URL('journal-child.ts', import.meta.url), [folder], { execArgv: [] });
  let durable = 0;
  child.on('message', (number) => {
    durable = Number(number);
    if (durable >= 300) child.kill('SIGKILL');
  });
  await once(child, 'exit');
  const outbox = await openOutbox({ folder });
  await outbox.close();
  assert.ok(outbox.found.lastEvent >= durable, `${outbox.found.lastEvent} of at least ${durable}`);
  assert.deepEqual(
    outbox.found.events.map((event) => event.number),
    Array.from({ length: outbox.found.lastEvent }, (_, index) => index + 1),
  );
});
