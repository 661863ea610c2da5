import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import { framesIn } from '../../chaos/encoded-frames.ts';
import { failed, jobRef, manifest } from '../helpers/agent-core.ts';

const job = '11111111-1111-4111-8111-111111111111';
const ref = jobRef(job, 3);
const segment = (number: number, frames: number, reused = false): JournalRecord => ({
  kind: 'event',
  event: {
    kind: 'event',
    number,
    ref,
    atMs: 1,
    event: { type: 'segment-done', position: number, reused, frames },
  },
});

test('Frames are counted once, also where a journal was written anew, and not where they came from the cache', () => {
  const records: readonly JournalRecord[] = [
    { kind: 'journal', journalId: 'a' },
    segment(1, 30),
    segment(2, 60, true),
    { kind: 'journal', journalId: 'a' },
    segment(1, 30),
    segment(3, 15),
    { kind: 'staged', ref, manifest: { ...manifest, frames: 105 }, usage: failed.usage },
    { kind: 'journal', journalId: 'b' },
    segment(1, 5),
  ];
  const { encoded, needed } = framesIn(new Map([['pc1', records]]));
  assert.deepEqual([...encoded.values()], [50]);
  assert.deepEqual([...needed], [[job, 105]]);
});
