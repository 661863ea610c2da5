import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareAge, type LineEntry, WaitingLines } from '../../../controller/scheduling/waiting-lines.ts';
import { jobsOf } from '../../helpers/job-lines.ts';

const entry = fc.record({
  jobId: fc.integer({ min: 0, max: 20 }).map((n) => `j${n}`),
  priority: fc.constantFrom('normal', 'urgent'),
  queue: fc.constantFrom('a', 'b'),
  enable4k: fc.boolean(),
  shares: fc.constantFrom(['x', 'y'], ['y', 'x'], ['x']),
  submittedAtMs: fc.nat(5),
  sequence: fc.nat(5),
});

describe('the lines of waiting jobs', () => {
  it('hold each job once, in the line of its needs, oldest first, whatever comes and goes', () => {
    const changes = fc.array(fc.record({ entry, leaves: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(changes, (some) => {
        const lines = new WaitingLines();
        const model = new Map<string, LineEntry>();
        for (const change of some) {
          if (change.leaves) {
            lines.remove(change.entry.jobId);
            model.delete(change.entry.jobId);
          } else {
            lines.put(change.entry);
            model.set(change.entry.jobId, change.entry);
          }
        }
        assert.equal(lines.size, model.size);
        let found = 0;
        for (const line of lines.lines()) {
          const mine = [...model.values()].filter(
            (one) =>
              one.priority === line.priority &&
              one.queue === line.needs.queue &&
              one.enable4k === line.needs.enable4k &&
              one.shares.length === line.needs.shares.length,
          );
          assert.deepEqual(
            jobsOf(line),
            mine.toSorted(compareAge).map(({ jobId }) => jobId),
          );
          for (const { jobId } of mine) assert.equal(lines.lineOf(jobId), line);
          found += mine.length;
        }
        assert.equal(found, model.size, 'no line is empty, none is left out');
      }),
    );
  });
});
