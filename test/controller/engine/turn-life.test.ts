import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { jobId, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

describe('a job that goes well', () => {
  it('is assigned at once, passes every state in order, and is published', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    assert.deepEqual(farm.submit(jobSpec(1)), {
      kind: 'submitted',
      reply: { jobId: jobId(1), queue: 'default_queue', routeRule: 'default', existed: false },
    });
    const { ref, output, job } = farm.assigned(pc1);
    assert.equal(output.finalName, `Kids TV_${jobId(1)}.mp4`);
    assert.equal(output.stagingFolder, `\\\\nas\\Results\\.renderfarm\\${jobId(1)}-1.1`);
    assert.equal(job.logDate, '2001-09-09');
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    assert.equal(farm.jobState(jobId(1)), 'preparing');
    farm.say(
      pc1,
      journalEvent(1, ref, { type: 'started', copiedBytes: 9, reusedBytes: 0, totalFrames: 150 }),
    );
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.say(pc1, journalEvent(2, ref, { type: 'segment-done', position: 0, reused: false, frames: 150 }));
    farm.say(pc1, journalEvent(3, ref, { type: 'encoded' }));
    assert.equal(farm.jobState(jobId(1)), 'finishing');
    farm.say(pc1, journalEvent(4, ref, { type: 'ready', manifest }));
    assert.equal(farm.jobState(jobId(1)), 'publishing');
    assert.deepEqual(farm.last(pc1, 'publish-grant'), {
      kind: 'publish-grant',
      ref,
      finalName: output.finalName,
    });
    farm.say(
      pc1,
      journalEvent(5, ref, {
        type: 'finished',
        finished: finished({ outcome: 'published', publishedPath: `\\\\nas\\Results\\${output.finalName}` }),
      }),
    );
    const ended = farm.state.jobs.get(jobId(1));
    assert.equal(ended?.state, 'published');
    assert.equal(ended.outputPath, `\\\\nas\\Results\\${output.finalName}`);
    assert.deepEqual(ended.features, ['logo_overlay']);
    assert.deepEqual(farm.last(pc1, 'event-ack'), { kind: 'event-ack', number: 5 });
    assert.deepEqual(
      ended.timeline.map(({ what }) => what),
      ['submitted', 'assigned', 'accepted', 'started', 'encoded', 'ready', 'granted', 'published'],
    );
  });

  it('frees its slot at the last encoded frame, so that the announced job starts there at once', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.submit(jobSpec(2));
    const first = farm.assigned(pc1).ref;
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    farm.say(pc1, {
      kind: 'assignment-reply',
      ref: first,
      accepted: true,
      presentBytes: 0,
      presentSegments: 0,
    });
    farm.say(
      pc1,
      journalEvent(1, first, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 }),
    );
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    farm.say(pc1, journalEvent(2, first, { type: 'encoded' }));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(2));
    assert.equal(farm.all('withdraw').length, 0, 'an Assign voids the Announce; no Withdraw is needed');
  });
});

describe('announcements', () => {
  it('are withdrawn when the job goes elsewhere or is cancelled', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.submit(jobSpec(2));
    const { announcementId } = farm.last(pc1, 'announce');
    farm.cancel(jobId(2));
    assert.deepEqual(farm.last(pc1, 'withdraw'), { kind: 'withdraw', announcementId, jobId: jobId(2) });
    farm.submit(jobSpec(3));
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(3));
    const pc2 = farm.attach('pc2');
    assert.equal(farm.assigned(pc2).ref.jobId, jobId(3), 'a free agent does not wait for a hint');
    assert.equal(farm.last(pc1, 'withdraw').jobId, jobId(3));
  });

  it('tell the timeline what was prefetched', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.submit(jobSpec(2));
    const { announcementId } = farm.last(pc1, 'announce');
    farm.say(pc1, {
      kind: 'prefetch-report',
      announcementId,
      jobId: jobId(2),
      state: 'done',
      files: 3,
      bytes: 12,
    });
    const timeline = farm.state.jobs.get(jobId(2))?.timeline.map(({ what }) => what);
    assert.deepEqual(timeline, ['submitted', 'announced', 'prefetched']);
  });
});

describe('a submit', () => {
  it('is one job for the same job id, and for the same request id with the same body', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1), 'r1');
    const again = farm.submit(jobSpec(1), 'r1');
    assert.ok(again.kind === 'submitted' && again.reply.existed);
    const sameJob = farm.submit(jobSpec(1), 'r2');
    assert.ok(sameJob.kind === 'submitted' && sameJob.reply.existed);
    assert.equal(farm.state.jobs.size, 1);
  });

  it('is refused when its request id was used for something else', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1), 'r1');
    const other = farm.submit(jobSpec(2), 'r1');
    assert.ok(other.kind === 'refused' && other.code === 'REQUEST_ID_REUSED');
    const cancel = farm.cancel(jobId(1), 'r1');
    assert.ok(cancel.kind === 'refused' && cancel.code === 'REQUEST_ID_REUSED');
  });

  it('is refused for an unknown queue, a full farm and a user with too many jobs', () => {
    const settings = new TurnFarm().settings;
    const farm = new TurnFarm({ limits: { ...settings.limits, jobsMax: 2, jobsPerUserMax: 1 } });
    const unknown = farm.submit(jobSpec(9, { queue: 'nowhere' }));
    assert.ok(unknown.kind === 'refused' && unknown.code === 'UNKNOWN_QUEUE');
    farm.submit(jobSpec(1));
    const second = farm.submit(jobSpec(2));
    assert.ok(second.kind === 'refused' && second.code === 'TOO_MANY_JOBS' && second.message.includes('ann'));
    farm.submit(jobSpec(3, { userId: 'bob' }));
    const full = farm.submit(jobSpec(4, { userId: 'eve' }));
    assert.ok(
      full.kind === 'refused' && full.code === 'TOO_MANY_JOBS' && full.message.includes('limit is 2'),
    );
  });

  it('leaves the hot store a day after its end; its id stays known', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1), 'r1');
    farm.cancel(jobId(1));
    farm.pass(24 * 3_600_000 - 1);
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
    farm.pass(2);
    assert.equal(farm.jobState(jobId(1)), 'gone');
    assert.equal(farm.state.bodies.size, 0);
    farm.pass(1);
    assert.equal(farm.state.requests.size, 0);
    const again = farm.submit(jobSpec(1));
    assert.ok(again.kind === 'submitted' && again.reply.existed);
  });
});
