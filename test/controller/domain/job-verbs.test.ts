import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JobRecord, waitsSinceMs } from '../../../controller/domain/job.ts';
import { grantWish } from '../../../controller/domain/job-verbs.ts';
import { jobRecord, oneJobId } from '../../helpers/fake-farm.ts';

const hourMs = 3_600_000;

function released(changes: Partial<JobRecord>, atMs: number): JobRecord {
  const answer = grantWish(
    { ...jobRecord(oneJobId, 'delayed'), ...changes },
    { verb: 'release', reason: '' },
    atMs,
  );
  assert(answer.granted);
  return answer.job;
}

test('A job that is released from its back-off keeps its age; one that was not to start yet begins to wait', () => {
  const { submittedAtMs } = jobRecord(oneJobId);
  const atMs = submittedAtMs + hourMs;
  const notBeforeMs = atMs + hourMs;
  const failed = released({ notBeforeMs, reason: 'back-off' }, atMs);
  assert.deepEqual(
    [failed.state, failed.notBeforeMs, failed.reason, waitsSinceMs(failed)],
    ['waiting', undefined, undefined, submittedAtMs],
  );
  const early = released({ notBeforeMs, agedFromMs: notBeforeMs }, atMs);
  assert.equal(waitsSinceMs(early), atMs);
});
