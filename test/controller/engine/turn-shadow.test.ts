import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRef } from '../../../proto/agent-link.ts';
import { shadowReason } from '../../../proto/shadow.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { heldAs, jobId, jobOrder, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

/** A farm that is a shadow, or is none; pc1 has staged the result of job 1. */
function stagedFarm({ shadow }: { shadow: boolean }): { farm: TurnFarm; pc1: string; ref: JobRef } {
  const farm = new TurnFarm({ shadow });
  const pc1 = farm.attach('pc1');
  farm.submit(jobSpec(1));
  return { farm, pc1, ref: stage(farm, pc1, 1) };
}

function stage(farm: TurnFarm, session: string, firstEvent: number): JobRef {
  const { ref } = farm.assigned(session);
  const answer = { accepted: true, presentBytes: 0, presentSegments: 0 } as const;
  farm.say(session, { kind: 'assignment-reply', ref, ...answer });
  const started = { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 } as const;
  farm.say(session, journalEvent(firstEvent, ref, started));
  farm.say(session, journalEvent(firstEvent + 1, ref, { type: 'ready', manifest }));
  return ref;
}

describe('a farm that is a shadow', () => {
  it('grants nothing: the job has ended well, without an output, and its agent is told to drop what it staged', () => {
    const { farm, pc1, ref } = stagedFarm({ shadow: true });
    assert.deepEqual(farm.all('publish-grant'), []);
    assert.deepEqual(farm.last(pc1, 'publish-refused'), {
      kind: 'publish-refused',
      ref,
      reason: shadowReason,
    });
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'published');
    assert.equal(job.outputPath, undefined);
    assert.equal(job.grant, undefined);
    assert.equal(job.errorMessage, undefined);
    assert.deepEqual(job.shadow, { frames: manifest.frames, sizeBytes: manifest.sizeBytes });
    assert.equal(job.finalDurationMs, manifest.durationMs);
    assert.equal(job.timeline.at(-1)?.what, 'shadowed');
    assert.ok(!farm.logged.some((event) => event.includes('publish')), farm.logged.join());
  });

  it('takes the word of the agent that it dropped it: nothing comes of that, and its slot is free', () => {
    const { farm, pc1, ref } = stagedFarm({ shadow: true });
    const dropped = finished({ outcome: 'superseded', message: shadowReason });
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: dropped }));
    assert.equal(farm.last(pc1, 'event-ack').number, 3);
    assert.equal(farm.jobState(jobId(1)), 'published');
    farm.submit(jobSpec(2));
    stage(farm, pc1, 4);
    assert.equal(farm.jobState(jobId(2)), 'published');
  });

  it('refuses the same result again when its agent comes back with it', () => {
    const { farm, pc1, ref } = stagedFarm({ shadow: true });
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    const again = farm.attach('pc1', { held: [{ ...heldAs(ref, 'ready'), manifest }] });
    assert.deepEqual(
      farm.last(again, 'welcome').verdicts.map(({ decision }) => decision.verdict),
      ['refused'],
    );
    assert.deepEqual(farm.all('publish-grant'), []);
  });

  it('charges its user as if it had been published, so that it plans as the real farm would', () => {
    const spent = [true, false].map((shadow) => {
      const farm = new TurnFarm({ shadow });
      const pc1 = farm.attach('pc1');
      farm.submit(jobSpec(1));
      // What a user has had is told beside others who wait.
      for (const n of [2, 3]) farm.submit(jobSpec(n));
      for (const n of [4, 5, 6]) farm.submit(jobSpec(n, { userId: 'bob' }));
      const ref = stage(farm, pc1, 1);
      if (!shadow) {
        const published = finished({ outcome: 'published', publishedPath: '\\\\nas\\Results\\x.mp4' });
        farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: published }));
      }
      return farm.state.charges?.standsAtMs(JSON.stringify(['ann']));
    });
    assert.ok((spent[0] ?? 0) > 0, 'something was charged');
    assert.equal(spent[0], spent[1]);
  });

  it('keeps a job a shadow for good: neither a restart without the setting nor a second submit publishes it', () => {
    const farm = new TurnFarm({ shadow: true });
    farm.submit(jobSpec(1));
    const real = new TurnFarm({ shadow: false });
    for (const [key, record] of farm.stored) real.stored.set(key, record);
    real.restart();
    const reply = real.submit(jobSpec(1));
    assert.equal(reply.kind === 'refused' && reply.code, 'JOB_IN_SHADOW');
    const pc1 = real.attach('pc1');
    stage(real, pc1, 1);
    assert.deepEqual(real.all('publish-grant'), []);
    assert.equal(real.state.jobs.get(jobId(1))?.shadow?.frames, manifest.frames);
    // What is left of it after a day says so too.
    real.pass(real.settings.times.endedJobsMs + 1_000);
    assert.equal(real.jobState(jobId(1)), 'gone');
    const later = real.submit(jobSpec(1));
    assert.equal(later.kind === 'refused' && later.code, 'JOB_IN_SHADOW');
  });

  it('counts for the health of its host: what was rendered is no failure', () => {
    const farm = new TurnFarm({ shadow: true });
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    const broken = finished({ outcome: 'failed', failureClass: 'environment', message: 'no space left' });
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: broken }));
    const healthOf = () => farm.state.agents.get('pc1')?.health;
    const before = healthOf();
    assert.ok(before !== undefined);
    farm.submit(jobSpec(2));
    stage(farm, pc1, 2);
    assert.equal(farm.jobState(jobId(2)), 'published');
    assert.notDeepEqual(healthOf(), before);
    assert.deepEqual(healthOf()?.failures ?? [], []);
  });

  it('says so to who only asks: what is refused is no job that exists', async () => {
    const shadow = await new EngineController().start({ shadow: true });
    await shadow.submit(1);
    const asked = { requestId: '', spec: jobSpec(1), validateOnly: true, jobIdMade: false };
    assert.equal((await shadow.engine.submit(asked)).existed, true);
    await shadow.engine.stop();
    const real = await new EngineController(shadow.disk, shadow.clock).start();
    const refused = { code: 'JOB_IN_SHADOW', resource: { type: 'job', name: jobId(1) } };
    await assert.rejects(real.engine.submit(asked), refused);
    await assert.rejects(real.engine.known(jobId(1)), refused);
    await assert.rejects(real.submit(1), refused);
    await real.engine.stop();
  });

  it('publishes no job that was there before it became one', () => {
    const real = new TurnFarm({ shadow: false });
    real.submit(jobSpec(1));
    const farm = new TurnFarm({ shadow: true });
    for (const [key, record] of real.stored) farm.stored.set(key, record);
    farm.restart();
    stage(farm, farm.attach('pc1'), 1);
    assert.deepEqual(farm.all('publish-grant'), []);
    assert.equal(farm.jobState(jobId(1)), 'published');
  });

  it('fails and cancels jobs as ever', () => {
    const farm = new TurnFarm({ shadow: true });
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    const broken = finished({
      outcome: 'failed',
      failureClass: 'input',
      message: 'Could not get duration for x',
    });
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: broken }));
    assert.equal(farm.jobState(jobId(1)), 'failed');
    farm.submit(jobSpec(2));
    farm.order(jobOrder('cancel', 2));
    assert.equal(farm.jobState(jobId(2)), 'cancelled');
  });
});

it('A farm that is none grants, as ever', () => {
  const { farm } = stagedFarm({ shadow: false });
  assert.equal(farm.all('publish-grant').length, 1);
});
