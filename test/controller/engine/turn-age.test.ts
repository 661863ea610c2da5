import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitsSinceMs } from '../../../controller/domain/job.ts';
import { finished, journalEvent } from '../../helpers/agent-messages.ts';
import { jobId, jobOrder, jobSpec, runningFarm } from '../../helpers/turn-farm.ts';

const hour = 3_600_000;

describe('the age of a job', () => {
  it('that a person held counts from its release', () => {
    const { farm } = runningFarm();
    farm.submit(jobSpec(2));
    farm.order(jobOrder('hold', 2));
    farm.pass(20 * hour);
    farm.submit(jobSpec(3));
    farm.pass(1_000);
    farm.order(jobOrder('release', 2));
    const [held, later] = [farm.state.jobs.get(jobId(2)), farm.state.jobs.get(jobId(3))];
    assert.ok(held && later);
    assert.ok(
      waitsSinceMs(held) > waitsSinceMs(later),
      'held for a day, it does not stand a day before others',
    );
  });

  it('that was not to start before a time counts from then', () => {
    const { farm } = runningFarm();
    const notBeforeMs = farm.nowMs + 20 * hour;
    farm.submit({ ...jobSpec(2), notBeforeMs });
    farm.pass(21 * hour);
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    const job = farm.state.jobs.get(jobId(2));
    assert.ok(job);
    assert.equal(waitsSinceMs(job), notBeforeMs);
  });

  it('that is requeued is that of its submit; one that a person retries begins anew', () => {
    const { farm, pc1, ref } = runningFarm();
    const submittedAtMs = farm.nowMs;
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'returned' }) }));
    const requeued = farm.state.jobs.get(jobId(1));
    assert.ok(requeued);
    assert.ok(waitsSinceMs(requeued) <= submittedAtMs);
    farm.cancel(jobId(1));
    farm.pass(20 * hour);
    farm.order(jobOrder('retry', 1));
    const retried = farm.state.jobs.get(jobId(1));
    assert.ok(retried);
    assert.equal(waitsSinceMs(retried), farm.nowMs);
  });
});
