import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRef } from '../../../proto/agent-link.ts';
import { finished, heartbeat, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

describe('cancelling', () => {
  it('is durable at once; the attempt is told to stop and may not publish', () => {
    const { farm, pc1, ref } = runningFarm();
    assert.equal(farm.cancel(jobId(1)).kind, 'done');
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
    assert.equal(farm.last(pc1, 'cancel').outcome, 'cancelled');
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.equal(farm.last(pc1, 'publish-refused').ref.jobId, jobId(1));
    farm.say(
      pc1,
      journalEvent(3, ref, {
        type: 'finished',
        finished: finished({ outcome: 'failed', message: 'killed' }),
      }),
    );
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'cancelled', 'the first cause wins');
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
  });

  it('works at every stage before the grant', () => {
    const stages: readonly (readonly [string, (farm: TurnFarm, pc1: string, ref: JobRef) => void])[] = [
      ['assigned', () => undefined],
      [
        'preparing',
        (farm, pc1, ref) =>
          farm.say(pc1, {
            kind: 'assignment-reply',
            ref,
            accepted: true,
            presentBytes: 0,
            presentSegments: 0,
          }),
      ],
      [
        'running',
        (farm, pc1, ref) =>
          farm.say(
            pc1,
            journalEvent(1, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 }),
          ),
      ],
      ['finishing', (farm, pc1, ref) => farm.say(pc1, journalEvent(2, ref, { type: 'encoded' }))],
    ];
    for (const [index, [stage]] of stages.entries()) {
      const farm = new TurnFarm();
      const pc1 = farm.attach('pc1');
      farm.submit(jobSpec(1));
      const { ref } = farm.assigned(pc1);
      for (const [, advance] of stages.slice(0, index + 1)) advance(farm, pc1, ref);
      assert.equal(farm.jobState(jobId(1)), stage);
      assert.equal(farm.cancel(jobId(1)).kind, 'done', stage);
      assert.equal(farm.jobState(jobId(1)), 'cancelled', stage);
      assert.deepEqual(farm.last(pc1, 'cancel').ref, ref, stage);
    }
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    assert.equal(farm.jobState(jobId(1)), 'cancelled', 'waiting');
  });

  it('is refused from the grant on, and for a job that has ended', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    const late = farm.cancel(jobId(1));
    assert.ok(late.kind === 'refused' && late.code === 'JOB_PUBLISHING');
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: finished({ outcome: 'published' }) }));
    const ended = farm.cancel(jobId(1));
    assert.ok(ended.kind === 'refused' && ended.code === 'JOB_ENDED');
    const unknown = farm.cancel(jobId(9));
    assert.ok(unknown.kind === 'refused' && unknown.code === 'JOB_NOT_FOUND');
  });

  it('holds the slot until the agent says that it stopped', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.submit(jobSpec(2));
    farm.cancel(jobId(1));
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'cancelled' }) }));
    assert.equal(farm.jobState(jobId(2)), 'assigned');
  });
});

describe('publishing', () => {
  it('is granted to the attempt that holds the lease, and to nobody else', () => {
    const { farm, pc1, ref } = runningFarm();
    const pc2 = farm.attach('pc2');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    farm.say(pc2, journalEvent(1, farm.assigned(pc2).ref, { type: 'ready', manifest }));
    assert.equal(farm.jobState(jobId(1)), 'publishing');
    const back = farm.attach('pc1', { held: [heldAs(ref, 'ready')] });
    const [verdict] = farm.last(back, 'welcome').verdicts;
    assert.equal(verdict?.decision.verdict, 'refused');
    farm.say(back, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.deepEqual(
      farm.all('publish-grant').map((grant) => grant.ref),
      [farm.assigned(pc2).ref],
    );
  });

  it("asks for the lease at the last door too: a live attempt whose job is another one's gets no grant", () => {
    const { farm, pc1, ref } = runningFarm();
    const job = farm.state.jobs.get(jobId(1));
    assert.ok(job);
    // No history leads here; the check must not depend on that.
    const body = { ...job, fence: { term: 1, counter: 99 } };
    farm.state.jobs.set(jobId(1), body);
    farm.stored.set(`job/${jobId(1)}`, { kind: 'job', id: jobId(1), version: 1, body });
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.equal(farm.all('publish-grant').length, 0);
    assert.deepEqual(farm.last(pc1, 'publish-refused').ref, ref);
  });

  it('goes on after a restart of the agent in the middle: the grant is given again', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    const back = farm.attach('pc1', {
      instanceId: 'pc1-2',
      held: [{ ...heldAs(ref, 'publishing'), manifest }],
    });
    assert.equal(farm.last(back, 'welcome').verdicts[0]?.decision.verdict, 'publish');
  });

  it('is finished by another agent that reaches the share when the owner is gone for good', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    const pc2 = farm.attach('pc2');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    assert.equal(farm.jobState(jobId(1)), 'publishing', 'a granted job is never rendered again for that');
    assert.deepEqual(farm.last(pc2, 'finish-publish').ref, ref);
    farm.say(pc2, { kind: 'finish-publish-reply', ref, result: 'unreachable' });
    assert.match(farm.state.jobs.get(jobId(1))?.reason ?? '', /pc2 found unreachable/);
    const asked = farm.all('finish-publish').length;
    farm.pass(5_000);
    assert.equal(farm.all('finish-publish').length, asked + 1, 'tried again with back-off');
    farm.say(pc2, {
      kind: 'finish-publish-reply',
      ref,
      result: 'published',
      publishedPath: '\\\\nas\\Results\\x.mp4',
    });
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.equal(farm.state.jobs.get(jobId(1))?.outputPath, '\\\\nas\\Results\\x.mp4');
  });
});

describe('failures', () => {
  it('of the input fail the job at once with every problem', () => {
    const { farm, pc1, ref } = runningFarm();
    const problems = [
      { position: 3, code: 'SOURCE_MISSING', message: 'no such file', subject: '\\\\nas\\Clips\\x.mp4' },
      { position: 5, code: 'SOURCE_MISSING', message: 'no such file', subject: '\\\\nas\\Clips\\y.mp4' },
    ];
    const report = finished({
      outcome: 'failed',
      failureClass: 'input',
      message: 'Failed to copy 2 files: x, y',
      problems,
    });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: report }));
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'failed');
    assert.equal(job.errorMessage, 'Failed to copy 2 files: x, y');
    assert.deepEqual(job.problems, problems);
  });

  it('of the job are tried again after a back-off, on another host, three times in all', () => {
    const farm = new TurnFarm();
    const sessions = { pc1: farm.attach('pc1'), pc2: farm.attach('pc2') };
    const numbers = { pc1: 0, pc2: 0 };
    farm.submit(jobSpec(1));
    const hosts: string[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const host = farm.state.jobs.get(jobId(1))?.agentId as 'pc1' | 'pc2';
      hosts.push(host);
      const report = finished({
        outcome: 'failed',
        failureClass: 'job',
        message: 'FFmpeg failed with return code 1',
      });
      numbers[host] += 1;
      farm.say(
        sessions[host],
        journalEvent(numbers[host], farm.assigned(sessions[host]).ref, {
          type: 'finished',
          finished: report,
        }),
      );
      if (attempt < 3) assert.equal(farm.jobState(jobId(1)), 'delayed');
      for (const beat of Object.values(sessions)) {
        farm.say(beat, heartbeat);
      }
      farm.nowMs += 30_000;
      for (const beat of Object.values(sessions)) {
        farm.say(beat, heartbeat);
      }
      farm.pass(0);
    }
    assert.equal(farm.jobState(jobId(1)), 'failed');
    assert.notEqual(hosts[0], hosts[1], 'the second try goes to another host');
    assert.equal(farm.state.jobs.get(jobId(1))?.charged, 3);
  });

  it('of the surroundings are not charged', () => {
    const { farm, pc1, ref } = runningFarm();
    const report = finished({ outcome: 'failed', failureClass: 'environment', message: 'disk full' });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: report }));
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'delayed');
    assert.equal(job.charged, 0);
    assert.match(job.reason ?? '', /disk full/);
  });

  it('an assignment that is not answered within 5 s resets the stream and is placed again', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.pass(4_999);
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    farm.pass(1);
    assert.ok(farm.ended.includes(pc1));
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'declined');
  });

  it('an agent that declined is asked again when it was started anew', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'SHUTTING_DOWN', reason: 'stops' });
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'goodbye' });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.attach('pc1', { instanceId: 'pc1-2' });
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('an agent that declines is not asked again for 5 minutes, or soon after its inventory changes', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, {
      kind: 'assignment-reply',
      ref,
      accepted: false,
      code: 'NO_SPACE',
      reason: 'no scratch space',
    });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.match(farm.state.waitReasons.get(jobId(1)) ?? '', /declined: no scratch space/);
    const { inventory: told } = farm.state.presences.get('pc1') ?? {};
    farm.say(pc1, { kind: 'inventory', inventory: { ...inventory(), ...told } });
    assert.equal(farm.jobState(jobId(1)), 'waiting', 'the same inventory again changes nothing');
    farm.say(pc1, { kind: 'inventory', inventory: inventory({ scratchFreeBytes: 200e9 }) });
    farm.pass(4_000);
    assert.equal(
      farm.jobState(jobId(1)),
      'waiting',
      'one that changes at every decline is not asked without end',
    );
    farm.pass(1_500);
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('an agent without a slot for a job is asked ever more seldom, and at once when an attempt has left one', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1', { inventory: inventory({ slots: 2 }) });
    farm.submit(jobSpec(1));
    const first = farm.assigned(pc1).ref;
    const accepted = {
      kind: 'assignment-reply',
      accepted: true,
      presentBytes: 0,
      presentSegments: 0,
    } as const;
    farm.say(pc1, { ...accepted, ref: first });
    farm.say(pc1, heartbeat);
    farm.submit(jobSpec(2));
    const declines = (seconds: number): number => {
      const before = farm.all('assign').length;
      for (let second = 0; second < seconds; second += 1) {
        if (farm.jobState(jobId(2)) === 'assigned') {
          const { ref } = farm.assigned(pc1);
          farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'NO_SLOT', reason: 'full' });
        }
        farm.pass(1_000);
        farm.say(pc1, heartbeat);
      }
      return farm.all('assign').length - before;
    };
    assert.equal(declines(1), 0, 'it was assigned when it came');
    assert.equal(declines(155), 4, 'after 10, 30, 70 and 150 s');
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    farm.say(pc1, journalEvent(1, first, { type: 'encoded' }));
    assert.equal(farm.jobState(jobId(2)), 'assigned');
  });
});
