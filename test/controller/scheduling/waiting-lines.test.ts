import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareAge, type LineEntry, WaitingLines } from '../../../controller/scheduling/waiting-lines.ts';
import { jobsOf } from '../../helpers/job-lines.ts';

const common = {
  jobId: fc.integer({ min: 0, max: 20 }).map((n) => `j${n}`),
  priority: fc.constantFrom('normal', 'urgent'),
  queue: fc.constantFrom('a', 'b'),
  workClass: fc.constantFrom('hd', '4k'),
  userId: fc.constantFrom('ann', 'ben'),
  shares: fc.constantFrom(['x', 'y'], ['y', 'x'], ['x']),
  submittedAtMs: fc.nat(5),
  sequence: fc.nat(5),
};
const wishes = fc.constantFrom(
  { onlyOn: ['pc1', 'pc2'], notOn: [], labels: [] },
  { onlyOn: ['pc2', 'pc1'], notOn: [], labels: [] },
);
const entry: fc.Arbitrary<LineEntry> = fc.oneof(
  fc.record(common),
  fc.record({ ...common, wishes }),
  fc.record({ ...common, deadlineMs: fc.nat(3) }),
);

describe('the lines of waiting jobs', () => {
  it('hold each job once, in the line of its needs, oldest or nearest deadline first, whatever comes and goes', () => {
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
              one.userId === line.userId &&
              one.workClass === line.needs.workClass &&
              (one.wishes === undefined) === (line.needs.wishes === undefined) &&
              (one.deadlineMs === undefined) === (line.behind(undefined)?.deadlineMs === undefined) &&
              one.shares.length === line.needs.shares.length,
          );
          assert.deepEqual(
            jobsOf(line),
            mine.toSorted(byDeadlineThenAge).map(({ jobId }) => jobId),
          );
          for (const { jobId } of mine) assert.equal(lines.lineOf(jobId), line);
          found += mine.length;
        }
        assert.equal(found, model.size, 'no line is empty, none is left out');
      }),
    );
  });
});

function byDeadlineThenAge(a: LineEntry, b: LineEntry): number {
  return (a.deadlineMs ?? 0) - (b.deadlineMs ?? 0) || compareAge(a, b);
}
