import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { jobId, jobOrder, jobSpec, priorityOrder, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

function refusedAs(reply: ReturnType<TurnFarm['order']>): string {
  return reply.kind === 'refused' ? reply.code : reply.kind;
}

/** A job that failed on pc1 for its input. */
function failedFarm(): ReturnType<typeof runningFarm> {
  const running = runningFarm();
  const { farm, pc1, ref } = running;
  const outcome = finished({ outcome: 'failed', failureClass: 'input', message: 'No path for video' });
  farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: outcome }));
  assert.equal(farm.jobState(jobId(1)), 'failed');
  return running;
}

/** A job that has lost its agent three times. */
function quarantinedFarm(): TurnFarm {
  const farm = new TurnFarm();
  farm.submit(jobSpec(1));
  for (let loss = 1; loss <= 3; loss += 1) loseAgent(farm, `pc1-${loss}`);
  assert.equal(farm.jobState(jobId(1)), 'quarantined');
  return farm;
}

function loseAgent(farm: TurnFarm, instanceId: string): void {
  const session = farm.attach('pc1', { instanceId });
  farm.run({ kind: 'stream-ended', sessionId: session, how: 'closed' });
  farm.pass(10_000);
}

describe('retrying a job', () => {
  it('starts a failed job afresh: it is open again without an error, and its history stays', () => {
    const { farm, pc1 } = failedFarm();
    assert.equal(farm.order(jobOrder('retry', 1)).kind, 'done');
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'assigned');
    assert.equal(farm.assigned(pc1).attemptNumber, 2);
    assert.equal(job.errorMessage, undefined);
    assert.equal(job.endedAtMs, undefined);
    assert.deepEqual(
      job.timeline.map(({ what }) => what),
      ['submitted', 'assigned', 'accepted', 'started', 'failed', 'retried', 'assigned'],
    );
    assert.ok(farm.logged.includes('job-retried'));
  });

  it('forgets what was counted against the job', () => {
    const farm = quarantinedFarm();
    farm.order(jobOrder('retry', 1));
    const job = farm.state.jobs.get(jobId(1));
    assert.deepEqual([job?.charged, job?.losses, job?.attemptCount], [0, 0, 3]);
    loseAgent(farm, 'pc1-4');
    loseAgent(farm, 'pc1-5');
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    loseAgent(farm, 'pc1-6');
    assert.equal(farm.jobState(jobId(1)), 'quarantined');
  });

  it('of a cancelled job leaves its old attempt stopping: it may not publish', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.cancel(jobId(1));
    farm.order(jobOrder('retry', 1));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.equal(farm.all('publish-grant').length, 0);
    const stopped = finished({ outcome: 'cancelled' });
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: stopped }));
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    assert.equal(farm.assigned(pc1).attemptNumber, 2);
  });

  it('is refused for a job that is open, published, gone from the store, or unknown', () => {
    const { farm } = runningFarm();
    assert.equal(refusedAs(farm.order(jobOrder('retry', 1))), 'JOB_NOT_ENDED');
    assert.equal(refusedAs(farm.order(jobOrder('retry', 9))), 'JOB_NOT_FOUND');
    const { farm: done, pc1, ref } = runningFarm();
    done.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    const published = finished({ outcome: 'published' });
    done.say(pc1, journalEvent(3, ref, { type: 'finished', finished: published }));
    assert.equal(refusedAs(done.order(jobOrder('retry', 1))), 'JOB_ENDED');
    const failed = failedFarm().farm;
    failed.pass(failed.settings.times.endedJobsMs + 1);
    assert.ok(failed.state.tombstones.has(jobId(1)));
    assert.equal(refusedAs(failed.order(jobOrder('retry', 1))), 'JOB_ARCHIVED');
  });

  it('is refused where the farm is full: a job that is opened again counts', () => {
    const { limits } = farmSettings();
    const farm = new TurnFarm({ limits: { ...limits, jobsPerUserMax: 1 } });
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    farm.submit(jobSpec(2));
    assert.equal(refusedAs(farm.order(jobOrder('retry', 1))), 'TOO_MANY_JOBS');
    farm.cancel(jobId(2));
    assert.equal(farm.order(jobOrder('retry', 1)).kind, 'done');
  });
});

describe('holding and releasing a job', () => {
  it('keeps a waiting job from every agent until it is released', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    assert.equal(farm.order({ ...jobOrder('hold', 1), reason: 'wrong logo' }).kind, 'done');
    const pc1 = farm.attach('pc1');
    assert.equal(farm.jobState(jobId(1)), 'held');
    farm.pass(60_000);
    assert.equal(farm.jobState(jobId(1)), 'held');
    const told = explanation(farm.state, farm.settings, farm.nowMs, jobId(1));
    assert.equal(told?.summary, 'held: held by a person: wrong logo');
    farm.restart();
    assert.equal(farm.jobState(jobId(1)), 'held');
    farm.attach('pc1', {}, pc1);
    assert.equal(farm.order(jobOrder('release', 1)).kind, 'done');
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    assert.deepEqual(
      farm.state.jobs.get(jobId(1))?.timeline.map(({ what }) => what),
      ['submitted', 'held', 'released', 'assigned'],
    );
  });

  it('withdraws the announcement of a job that is held', () => {
    const { farm, pc1 } = runningFarm();
    farm.submit(jobSpec(2));
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    farm.order(jobOrder('hold', 2));
    assert.equal(farm.last(pc1, 'withdraw').jobId, jobId(2));
  });

  it('is refused for a job that an agent has, and releasing for one that is not held', () => {
    const { farm } = runningFarm();
    assert.equal(refusedAs(farm.order(jobOrder('hold', 1))), 'JOB_PROCESSING');
    assert.equal(refusedAs(farm.order(jobOrder('release', 1))), 'JOB_NOT_HELD');
    assert.equal(refusedAs(failedFarm().farm.order(jobOrder('hold', 1))), 'JOB_ENDED');
  });

  it('lets a quarantined job go on with its history, and does not quarantine it at once', () => {
    const farm = quarantinedFarm();
    assert.equal(farm.order(jobOrder('release', 1)).kind, 'done');
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.equal(farm.state.jobs.get(jobId(1))?.errorMessage, undefined);
    loseAgent(farm, 'pc1-4');
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.equal(farm.state.attemptsOfJob.get(jobId(1))?.length, 4);
  });
});

describe('a quarantined job', () => {
  it('stays for 14 days, with its history, for a person to decide', () => {
    const farm = quarantinedFarm();
    const { endedJobsMs, quarantinedJobsMs } = farm.settings.times;
    farm.pass(endedJobsMs + 1);
    assert.equal(farm.jobState(jobId(1)), 'quarantined');
    farm.pass(quarantinedJobsMs - endedJobsMs);
    assert.equal(refusedAs(farm.order(jobOrder('release', 1))), 'JOB_ARCHIVED');
  });
});

describe('changing a job’s priority', () => {
  it('reorders the jobs that wait, and says so', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.submit(jobSpec(2));
    farm.submit(jobSpec(3));
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    assert.equal(farm.order(priorityOrder(3, 'urgent')).kind, 'done');
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(3));
    assert.equal(farm.state.jobs.get(jobId(3))?.timeline.at(-2)?.detail, 'normal -> urgent');
    const end = finished({ outcome: 'failed', failureClass: 'input', message: 'broken' });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: end }));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(3));
    assert.equal(farm.assigned(pc1).job.priority, 'urgent');
  });

  it('of a running job counts when it waits again; of one that has ended it is refused', () => {
    const { farm } = runningFarm();
    assert.equal(farm.order(priorityOrder(1, 'low')).kind, 'done');
    assert.equal(farm.state.jobs.get(jobId(1))?.priority, 'low');
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.cancel(jobId(1));
    assert.equal(refusedAs(farm.order(priorityOrder(1, 'high'))), 'JOB_ENDED');
  });
});

describe('a request id', () => {
  it('makes each verb happen once, also after a restart, for 24 h', () => {
    const { farm } = failedFarm();
    farm.order(jobOrder('retry', 1, 'r1'));
    farm.restart();
    assert.equal(farm.order(jobOrder('retry', 1, 'r1')).kind, 'done');
    const retried = farm.state.jobs.get(jobId(1))?.timeline.filter(({ what }) => what === 'retried');
    assert.equal(retried?.length, 1);
    farm.pass(farm.settings.times.requestIdMs + 1);
    assert.equal(refusedAs(farm.order(jobOrder('retry', 1, 'r1'))), 'JOB_NOT_ENDED');
  });

  it('is refused for another job, another body and another verb', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1), 's1');
    farm.submit(jobSpec(2));
    farm.order(jobOrder('hold', 1, 'r1'));
    assert.equal(refusedAs(farm.order(jobOrder('hold', 2, 'r1'))), 'REQUEST_ID_REUSED');
    assert.equal(refusedAs(farm.order(jobOrder('release', 1, 'r1'))), 'REQUEST_ID_REUSED');
    assert.equal(refusedAs(farm.order({ ...jobOrder('hold', 1, 'r1'), reason: 'x' })), 'REQUEST_ID_REUSED');
    assert.equal(refusedAs(farm.order(jobOrder('cancel', 1, 's1'))), 'REQUEST_ID_REUSED');
    assert.equal(farm.jobState(jobId(1)), 'held');
    assert.equal(farm.jobState(jobId(2)), 'waiting');
  });

  it('of a request that was refused may be used again', () => {
    const { farm } = runningFarm();
    assert.equal(refusedAs(farm.order(jobOrder('retry', 1, 'r1'))), 'JOB_NOT_ENDED');
    farm.cancel(jobId(1));
    assert.equal(farm.order(jobOrder('retry', 1, 'r1')).kind, 'done');
  });
});
