import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sizeOf } from '../../../controller/domain/estimate.ts';
import type { Verdict } from '../../../proto/agent-link.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { Archive } from '../../helpers/archive.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { tellAll } from '../../helpers/outbox-farm.ts';
import { heldAs, jobId, jobOrder, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

const farmId = 'farm-1';

/** A farm whose job 1 has failed on pc1 and left the hot store. */
function archived() {
  const running = runningFarm();
  const { farm, pc1, ref } = running;
  const outcome = finished({ outcome: 'failed', failureClass: 'input', message: 'No path for video' });
  farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: outcome }));
  const archive = new Archive(farm);
  archive.leave();
  assert.equal(farm.jobState(jobId(1)), 'gone');
  assert.ok(farm.state.tombstones.has(jobId(1)));
  return { ...running, archive };
}

function refusedAs(reply: ReturnType<Archive['retry']>): string {
  return reply.kind === 'refused' ? reply.code : reply.kind;
}

function verdictOf(farm: TurnFarm, sessionId: string): Verdict {
  const [verdict] = farm.last(sessionId, 'welcome').verdicts;
  assert.ok(verdict);
  return verdict.decision;
}

describe('retrying a job that has left the hot store', () => {
  it('brings it back under its id: its age, its log folder and the numbers of its attempts go on', () => {
    const { farm, archive, ref } = archived();
    const before = archive.past(1).job;
    assert.equal(refusedAs(archive.retry(1)), 'done');
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.equal(farm.state.tombstones.size, 0);
    const pc1 = farm.attach('pc1', { instanceId: 'later' });
    const assign = farm.assigned(pc1);
    assert.equal(assign.attemptNumber, 2);
    assert.equal(assign.job.logDate, before.logDate);
    assert.equal(assign.job.submittedAtMs, before.submittedAtMs);
    assert.ok(assign.ref.fence.counter > ref.fence.counter || assign.ref.fence.term > ref.fence.term);
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.startedAtMs, before.startedAtMs);
    assert.deepEqual([job?.errorMessage, job?.endedAtMs, job?.charged], [undefined, undefined, 0]);
    assert.deepEqual(
      job?.timeline.map(({ what }) => what),
      ['submitted', 'assigned', 'accepted', 'started', 'failed', 'retried', 'assigned'],
    );
    assert.equal(farm.state.attemptsOfJob.get(jobId(1))?.length, 2);
  });

  it('is as long as its items say, whatever a table of history that others write makes of it', () => {
    const { farm, archive } = archived();
    const past = archive.past(1);
    for (const estimateMs of [0, -1e300, 1e300]) {
      archive.retry(1, '', { ...past, job: { ...past.job, estimateMs, itemCount: 7e9, videoCount: -1 } });
      const { itemCount, videoCount, estimateMs: kept } = farm.state.jobs.get(jobId(1)) ?? {};
      assert.deepEqual({ itemCount, videoCount, estimateMs: kept }, sizeOf(past.body.spec.items));
      farm.cancel(jobId(1));
      archive.leave();
    }
  });

  it('gets a place of its own in the list of jobs, where its old number may be taken by now', () => {
    const { farm, archive } = archived();
    farm.restart();
    for (const n of [2, 3]) farm.submit(jobSpec(n));
    archive.retry(1);
    const numbers = [...farm.state.jobs.values()].map(({ sequence }) => sequence);
    assert.equal(new Set(numbers).size, 3, String(numbers));
  });

  it('is done once for a request id, before and after a restart, and whatever becomes of the job', () => {
    const { farm, archive } = archived();
    assert.equal(refusedAs(archive.retry(1, 'once')), 'done');
    assert.equal(refusedAs(archive.retry(1, 'once')), 'done');
    assert.equal(farm.state.jobs.get(jobId(1))?.timeline.filter(({ what }) => what === 'retried').length, 1);
    farm.cancel(jobId(1));
    farm.restart();
    assert.equal(refusedAs(archive.retry(1, 'once')), 'done');
    assert.equal(farm.jobState(jobId(1)), 'cancelled', 'the same request opens nothing a second time');
    assert.equal(refusedAs(archive.retry(2, 'once')), 'REQUEST_ID_REUSED');
  });

  it('is a usual retry where the job is back already, and never beside an open one', () => {
    const { farm, archive } = archived();
    archive.retry(1);
    assert.equal(refusedAs(archive.retry(1, 'another')), 'JOB_NOT_ENDED');
    farm.cancel(jobId(1));
    assert.equal(refusedAs(archive.retry(1, 'third')), 'done');
    assert.equal(farm.state.openJobs.size, 1);
  });

  it('is refused for a completed job, also where history is behind what the tombstone knows', () => {
    const { farm, pc1, ref } = runningFarm();
    const archive = new Archive(farm);
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: finished({ outcome: 'published' }) }));
    archive.leave();
    assert.equal(refusedAs(archive.retry(1)), 'JOB_ENDED');
    const past = archive.past(1);
    const behind = { ...past, job: { ...past.job, state: 'failed' as const } };
    assert.equal(refusedAs(archive.retry(1, '', behind)), 'JOB_ENDED');
    assert.equal(farm.jobState(jobId(1)), 'gone');
    assert.equal(farm.state.tombstones.get(jobId(1))?.state, 'published');
  });

  it('is refused while the outbox is full, as a new one is', () => {
    const { limits } = farmSettings();
    const farm = new TurnFarm({ limits: { ...limits, outboxRowsMax: 1 }, destinations: ['directory'] });
    const archive = new Archive(farm);
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    tellAll(farm);
    archive.leave();
    assert.equal(farm.jobState(jobId(1)), 'gone');
    farm.submit(jobSpec(2));
    assert.equal(refusedAs(archive.retry(1)), 'OUTBOX_FULL');
    tellAll(farm);
    assert.equal(refusedAs(archive.retry(1)), 'done');
  });

  it('is refused where the farm is full, its queue is gone, or history has nothing, and changes nothing then', () => {
    const { limits } = farmSettings();
    const farm = new TurnFarm({ limits: { ...limits, jobsPerUserMax: 1 } });
    const archive = new Archive(farm);
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    archive.leave();
    farm.submit(jobSpec(2));
    assert.equal(refusedAs(archive.retry(1, 'r')), 'TOO_MANY_JOBS');
    assert.equal(refusedAs(archive.retry(3)), 'JOB_NOT_FOUND');
    assert.equal(refusedAs(farm.order(jobOrder('retry', 1))), 'JOB_ARCHIVED');
    farm.cancel(jobId(2));
    const past = archive.past(1);
    const elsewhere = { ...past, job: { ...past.job, queue: 'gone' } };
    const asked = { ...elsewhere, body: { ...past.body, spec: { ...past.body.spec, queue: 'gone' } } };
    assert.equal(refusedAs(archive.retry(1, '', asked)), 'UNKNOWN_QUEUE');
    assert.ok(farm.state.tombstones.has(jobId(1)));
    assert.equal(
      refusedAs(archive.retry(1, 'r', elsewhere)),
      'done',
      'one that was refused is not remembered',
    );
    assert.equal(farm.state.jobs.get(jobId(1))?.queue, 'default_queue', 'routed anew');
  });
});

describe('a job that comes back while the catalogue is away', () => {
  it('waits for it, and is given to nobody before', () => {
    const { farm, archive } = archived();
    const past = archive.past(1);
    const body = { ...past.body, resolved: [] };
    assert.equal(refusedAs(archive.retry(1, '', { ...past, body, awaits: 'BigQuery is away' })), 'done');
    farm.attach('pc1', { instanceId: 'later' });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.ok(farm.state.awaitingCatalog.has(jobId(1)));
  });
});

describe('the fences of a job that came back', () => {
  it('stop what an agent still holds of it, also where history keeps no attempts', () => {
    const verdicts: string[] = [];
    for (const keepsAttempts of [true, false]) {
      const { farm, archive, ref } = archived();
      const past = archive.past(1);
      archive.retry(1, '', keepsAttempts ? past : { ...past, attempts: [] });
      const late = farm.attach('pc9', { farmId, held: [heldAs(ref, 'running')] });
      verdicts.push(verdictOf(farm, late).verdict);
      assert.equal(farm.all('recall').length, 0, 'nothing of it is made anew');
      assert.equal(farm.jobState(jobId(1)), 'assigned', 'to the same PC, under a fence of its own');
    }
    assert.deepEqual(verdicts, ['stop', 'stop']);
  });

  it('are in its tombstone again when it leaves once more, and then in the horizon', () => {
    const { farm, archive, ref } = archived();
    archive.retry(1, '', { ...archive.past(1), attempts: [] });
    farm.cancel(jobId(1));
    archive.leave();
    assert.deepEqual(farm.state.tombstones.get(jobId(1))?.fence, ref.fence);
    farm.pass(farm.settings.times.tombstonesMs + 1);
    assert.equal(farm.state.tombstones.size, 0);
    assert.deepEqual(farm.state.farm.get('farm')?.horizon, ref.fence);
    assert.equal(refusedAs(archive.retry(1)), 'done', 'after 90 days too');
    const back = farm.attach('pc9', { farmId, held: [heldAs(ref, 'running')] });
    assert.notEqual(verdictOf(farm, back).verdict, 'keep');
    assert.equal(farm.all('recall').length, 0);
  });

  it('let an earlier publication end the job, instead of rendering it again', () => {
    const { farm, archive, ref } = archived();
    archive.retry(1);
    const tombstones = [{ ref, outcome: 'published' as const, publishedPath: '\\\\nas\\Results\\x.mp4' }];
    farm.attach('pc1', { farmId, instanceId: 'later', tombstones });
    assert.equal(farm.jobState(jobId(1)), 'published');
  });
});
