import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JournalState } from '../../../agent/core/journal-fold.ts';
import { applyRecord, emptyJournal, snapshotRecords } from '../../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../../agent/core/journal-records.ts';
import { JournalWriter } from '../../../agent/outbox/journal-writer.ts';
import { readJournal } from '../../../agent/outbox/read-journal.ts';
import { encodeLine } from '../../../agent/outbox/record-line.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { journals } from './journal-records.ts';

function fold(records: readonly JournalRecord[]): JournalState {
  return records.reduce(applyRecord, emptyJournal('fresh'));
}

function bytesOf(records: readonly JournalRecord[]): Buffer {
  return Buffer.from(records.map(encodeLine).join(''));
}

describe('a journal, whatever an agent wrote into it', () => {
  test('says the same after a rewrite at any record, and after a crash at any byte', () => {
    fc.assert(
      fc.property(journals, fc.nat(), fc.nat(), (records, rewriteAt, tearAt) => {
        const boundary = rewriteAt % (records.length + 1);
        const [before, after] = [records.slice(0, boundary), records.slice(boundary)];
        const rewritten = snapshotRecords(fold(before));
        const lines = boundary === 0 ? records : [...rewritten, ...after];
        const whole = bytesOf(lines);
        assert.deepEqual(readJournal(whole, 'fresh').state, fold(records), 'a rewrite changes nothing');

        const torn = whole.subarray(0, tearAt % (whole.length + 1));
        const read = readJournal(torn, 'fresh');
        const kept = lines.filter((_, index) => bytesOf(lines.slice(0, index + 1)).length <= torn.length);
        assert.deepEqual(read.state, fold(kept), 'a torn line is as if it had not been written');
        assert.equal(read.brokenLines, 0);
        assert.equal(read.wholeBytes, bytesOf(kept).length);
      }),
      { numRuns: 300 },
    );
  });

  test('with a flipped bit anywhere is noticed, and goes on with numbers that can be trusted', () => {
    fc.assert(
      fc.property(journals, fc.nat(), fc.integer({ min: 0, max: 7 }), (records, at, bit) => {
        const bytes = bytesOf(records);
        const byte = at % bytes.length;
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
        const { state, brokenLines, wholeBytes } = readJournal(bytes, 'fresh');
        const isNoticed = brokenLines > 0 || wholeBytes < bytes.length;
        assert.ok(isNoticed, `bit ${bit} of byte ${byte}`);
        if (brokenLines > 0) {
          assert.equal(state.journalId, 'fresh', 'the numbers are others now, and so is the journal');
          assert.deepEqual(
            state.events.map(({ number }) => number),
            Array.from({ length: state.lastEvent }, (_, index) => index + 1),
          );
        }
        assert.deepEqual(fold(snapshotRecords(state)), state, 'what is left can be written anew');
      }),
      { numRuns: 300 },
    );
  });
});

/** Lives through a whole journal, record by record; a power cut may come behind every one of them. */
async function live(records: readonly JournalRecord[], disk: FaultyDisk, bytesMax: number): Promise<number> {
  const [first, ...rest] = records;
  const state = fold(first === undefined ? [] : [first]);
  const writer = new JournalWriter({
    ...{ disk, state, sizeBytes: 0, bytesMax, retryMs: 0 },
    onRoom: () => undefined,
    onTrouble: () => undefined,
  });
  for (let tries = 0; ; tries += 1) {
    try {
      await writer.rewrite();
      break;
    } catch (error) {
      if (tries > 3) throw error;
    }
  }
  for (const [index, record] of rest.entries()) {
    await writer.append([record]);
    if (record.kind === 'acked') continue;
    const survived = readJournal(disk.durable, 'other');
    const written = [...(first === undefined ? [] : [first]), ...rest.slice(0, index + 1)];
    assert.deepEqual(survived.state, fold(written), `after ${index + 1} records`);
    assert.equal(survived.brokenLines, 0);
  }
  await writer.close();
  return disk.calls.length;
}

describe('a journal on a failing disk', () => {
  const sample = fc.sample(journals, { seed: 20, numRuns: 4 });

  test('whose n-th call fails loses nothing that it said to be durable, for every n', async () => {
    for (const bytesMax of [1e9, 3_000]) {
      for (const records of sample) {
        const calls = await live(records, new FaultyDisk(() => false), bytesMax);
        for (let n = 1; n <= calls; n += 1) {
          await live(records, new FaultyDisk((number) => number === n), bytesMax);
        }
      }
    }
  });

  test('that fails again and again, anywhere, writes all of it in the end', async () => {
    await fc.assert(
      fc.asyncProperty(journals, fc.array(fc.boolean(), { maxLength: 40 }), async (records, failures) => {
        const disk = new FaultyDisk((number) => number > 1 && failures[number] === true);
        await live(records, disk, 3_000);
      }),
      { numRuns: 150 },
    );
  });
});
