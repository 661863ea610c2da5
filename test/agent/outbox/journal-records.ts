import fc from 'fast-check';
import type { JournalRecord } from '../../../agent/core/journal-records.ts';
import { tombstoneOf } from '../../../agent/core/journal-records.ts';
import type { JobRef } from '../../../proto/index.ts';
import { assignment, failed, jobRef, manifest, usage } from '../../helpers/agent-core.ts';

const ref = fc
  .record({ job: fc.constantFrom('job-a', 'job-b', 'job-c'), counter: fc.integer({ min: 1, max: 4 }) })
  .map(({ job, counter }) => jobRef(job, counter));

type Draft = (lastEvent: number) => JournalRecord;

function event(of: JobRef, number: number, finished: boolean): JournalRecord {
  const body = finished ? ({ type: 'finished', finished: failed } as const) : ({ type: 'encoded' } as const);
  return { kind: 'event', event: { kind: 'event', number, ref: of, atMs: number, event: body } };
}

const draft: fc.Arbitrary<Draft> = fc.oneof(
  ref.map(
    (of): Draft =>
      () => ({ kind: 'accepted', assign: assignment(of) }),
  ),
  ref.map(
    (of): Draft =>
      (last) =>
        event(of, last + 1, false),
  ),
  ref.map(
    (of): Draft =>
      (last) =>
        event(of, last + 1, true),
  ),
  ref.map(
    (of): Draft =>
      () => ({ kind: 'staged', ref: of, manifest, usage, shareId: 'the-share' }),
  ),
  ref.map(
    (of): Draft =>
      () => ({ kind: 'granted', ref: of, finalName: 'x.mp4' }),
  ),
  ref.map(
    (of): Draft =>
      (last) => ({ kind: 'ended', ref: of, finished: failed, eventNumber: last }),
  ),
  fc.tuple(ref, fc.integer({ min: 5, max: 9 })).map(
    ([of, counter]): Draft =>
      () => {
        return { kind: 'adopted', ref: of, fence: { term: 1, counter } };
      },
  ),
  ref.map(
    (of): Draft =>
      () => ({ kind: 'dropped', ref: of }),
  ),
  ref.map(
    (of): Draft =>
      (last) => ({ kind: 'tombstone', tombstone: tombstoneOf(of, 'lost'), atMs: last }),
  ),
  fc.nat(40).map(
    (back): Draft =>
      (last) => ({ kind: 'acked', number: Math.max(0, last - back) }),
  ),
  fc.nat(9).map(
    (term): Draft =>
      () => ({ kind: 'farm', farmId: 'f', term, leaderId: 'é' }),
  ),
);

/** Journals as an agent could have written them: event numbers grow by one, everything else comes in any order. */
export const journals: fc.Arbitrary<readonly JournalRecord[]> = fc
  .array(draft, { minLength: 1, maxLength: 60 })
  .map((drafts) => {
    const records: JournalRecord[] = [{ kind: 'journal', journalId: 'j' }];
    let last = 0;
    for (const make of drafts) {
      const record = make(last);
      if (record.kind === 'event') last = record.event.number;
      records.push(record);
    }
    return records;
  });
