import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { without } from '../../../controller/domain/move-job.ts';
import type { HeldAttempt, JobRef, Verdict } from '../../../proto/agent-link.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

const farmId = 'farm-1';

/** pc1 has lost its job and pc2 has it; pc2 says how far it is. */
function givenAway(percentElsewhere: number): { farm: TurnFarm; lost: JobRef; pc2: string; other: JobRef } {
  const { farm, pc1, ref } = runningFarm();
  const pc2 = farm.attach('pc2');
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  farm.pass(10_000);
  const other = farm.assigned(pc2).ref;
  farm.say(pc2, {
    kind: 'assignment-reply',
    ref: other,
    accepted: true,
    presentBytes: 0,
    presentSegments: 0,
  });
  farm.say(pc2, {
    kind: 'progress',
    ref: other,
    state: 'running',
    percent: percentElsewhere,
    framesDone: 0,
    framesTotal: 1,
  });
  return { farm, lost: ref, pc2, other };
}

function verdictOf(farm: TurnFarm, session: string): Verdict {
  const [verdict] = farm.last(session, 'welcome').verdicts;
  assert.ok(verdict);
  return verdict.decision;
}

function adopted(farm: TurnFarm, session: string, ref: JobRef): JobRef {
  const verdict = verdictOf(farm, session);
  assert.ok(verdict.verdict === 'adopt', `expected adoption, not ${verdict.verdict}`);
  return { jobId: ref.jobId, fence: verdict.fence };
}

describe('an attempt that was lost and comes back', () => {
  it('goes on under a new fence where nobody else has the job, and its loss does not count', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    assert.equal(farm.state.jobs.get(jobId(1))?.losses, 1);
    const back = farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    const now = adopted(farm, back, ref);
    assert.equal(farm.state.jobs.get(jobId(1))?.losses, 0);
    assert.equal(farm.jobState(jobId(1)), 'running');
    assert.deepEqual(farm.state.jobs.get(jobId(1))?.fence, now.fence);
    assert.equal(farm.all('assign').length, 1, 'nothing is assigned a second time');
    const heir = farm.state.attempts.get(`${jobId(1)}/1.2`);
    assert.match(heir?.output.stagingFolder ?? '', /-1\.1$/, 'the staging folder stays that of the first');
  });

  it('is the one that goes on when it is further than the other, which is stopped', () => {
    const { farm, lost, pc2, other } = givenAway(20);
    const back = farm.attach('pc1', { held: [{ ...heldAs(lost, 'running'), percent: 60 }] });
    const now = adopted(farm, back, lost);
    assert.deepEqual(farm.last(pc2, 'cancel').ref, other);
    assert.equal(farm.last(pc2, 'cancel').outcome, 'superseded');
    farm.say(back, journalEvent(2, now, { type: 'ready', manifest }));
    assert.deepEqual(farm.last(back, 'publish-grant').ref, now);
    farm.say(pc2, journalEvent(1, other, { type: 'ready', manifest }));
    assert.equal(farm.all('publish-grant').length, 1);
  });

  it('is stopped when the other will end first, and by a grant in any case', () => {
    const { farm, lost } = givenAway(80);
    const back = farm.attach('pc1', { held: [{ ...heldAs(lost, 'running'), percent: 60 }] });
    assert.equal(verdictOf(farm, back).verdict, 'stop');
    const granted = givenAway(10);
    granted.farm.say(granted.pc2, journalEvent(1, granted.other, { type: 'ready', manifest }));
    const late = granted.farm.attach('pc1', { held: [{ ...heldAs(granted.lost, 'ready'), manifest }] });
    assert.equal(verdictOf(granted.farm, late).verdict, 'refused');
  });

  it('may still speak under its old fence, until it has heard of the new one', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    const back = farm.attach('pc1', { held: [heldAs(ref, 'finishing')] });
    const now = adopted(farm, back, ref);
    farm.say(back, journalEvent(2, ref, { type: 'encoded' }));
    farm.say(back, journalEvent(3, ref, { type: 'ready', manifest }));
    assert.equal(farm.state.counters.staleEvents, 0);
    assert.deepEqual(farm.last(back, 'publish-grant').ref, now);
  });

  it('hears the same verdict again when the first one was lost on the way, and keeps its fence', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    const first = adopted(farm, farm.attach('pc1', { held: [heldAs(ref, 'running')] }), ref);
    const again = farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    assert.deepEqual(adopted(farm, again, ref), first);
    assert.equal(farm.all('assign').length, 1);
    const knows = farm.attach('pc1', { held: [heldAs(first, 'running')] });
    assert.equal(verdictOf(farm, knows).verdict, 'keep');
  });

  it('is granted at once when it comes back staged, also as a new process', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    const back = farm.attach('pc1', {
      instanceId: 'pc1-2',
      held: [{ ...heldAs(ref, 'ready'), manifest }],
    });
    const now = adopted(farm, back, ref);
    assert.deepEqual(farm.last(back, 'publish-grant').ref, now);
    farm.say(back, journalEvent(2, now, { type: 'finished', finished: finished({ outcome: 'published' }) }));
    assert.equal(farm.jobState(jobId(1)), 'published');
  });

  it('is stopped when the job was cancelled meanwhile', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    farm.cancel(jobId(1));
    const back = farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    assert.equal(verdictOf(farm, back).verdict, 'stop');
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
  });
});

/** The farm's store loses everything about a job that pc1 runs; pc1 has seen term 1. */
function afterLostTail(state: HeldAttempt['state']): { farm: TurnFarm; ref: JobRef; held: HeldAttempt[] } {
  const { farm, ref } = runningFarm();
  const assign = farm.all('assign')[0];
  assert.ok(assign);
  for (const key of [...farm.stored.keys()]) if (!key.startsWith('farm/')) farm.stored.delete(key);
  farm.restart();
  return { farm, ref, held: [{ ...heldAs(ref, state), manifest }] };
}

describe('a job that the store has lost', () => {
  it('is told by the agent that works on it, and goes on there', () => {
    const { farm, ref, held } = afterLostTail('running');
    const [assign] = farm.all('assign');
    const back = farm.attach('pc1', { farmId, held });
    assert.equal(verdictOf(farm, back).verdict, 'keep');
    assert.deepEqual(farm.last(back, 'recall').ref, ref);
    assert.ok(assign);
    farm.say(back, { kind: 'recalled', ref, assign, ...(held[0] && { held: held[0] }) });
    assert.deepEqual(farm.ended.at(-1), back, 'the stream begins again, so that its events are sent again');
    const again = farm.attach('pc1', { farmId, held });
    adopted(farm, again, ref);
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.state, 'running');
    assert.equal(job.userId, 'ann');
    assert.equal(job.attemptCount, 2);
    assert.equal(job.losses, 0);
    assert.deepEqual(farm.state.bodies.get(jobId(1))?.resolved, assign.job.items);
  });

  it('needs the shares of its logos too', () => {
    const { farm, ref, held } = afterLostTail('running');
    const back = farm.attach('pc1', { farmId, held });
    const [assign] = farm.all('assign');
    assert.ok(assign);
    const item = {
      position: 0,
      itemType: 'video',
      path: '\\\\nas\\Old\\a.mp4',
      logoPath: '\\\\nas\\Clips\\logo.png',
    } as const;
    const told = { ...assign, job: { ...assign.job, items: [item] } };
    farm.say(back, { kind: 'recalled', ref, assign: told, ...(held[0] && { held: held[0] }) });
    assert.deepEqual(farm.state.jobs.get(jobId(1))?.shares, ['clips', 'results']);
  });

  it('keeps the events of its agent unacknowledged until it is told', () => {
    const { farm, ref, held } = afterLostTail('running');
    const back = farm.attach('pc1', { farmId, held, lastEvent: 2 });
    farm.say(back, journalEvent(1, ref, { type: 'ready', manifest }));
    assert.equal(farm.all('event-ack').filter(({ number }) => number === 1).length, 1, 'only that of before');
    assert.equal(farm.state.agents.get('pc1')?.ackedEvent, 0);
  });

  it('holds its slot until it is told: its agent is given nothing that would end it', () => {
    const { farm, held } = afterLostTail('running');
    farm.submit(jobSpec(2));
    const before = farm.all('assign').length;
    farm.attach('pc1', { farmId, held });
    farm.pass(1_000);
    assert.equal(farm.all('assign').length, before);
  });

  it('is forgotten where its agent cannot tell, and asked for only once', () => {
    const { farm, ref, held } = afterLostTail('running');
    const back = farm.attach('pc1', { farmId, held });
    farm.say(back, { kind: 'recalled', ref });
    assert.equal(verdictOf(farm, farm.attach('pc1', { farmId, held })).verdict, 'forget');
    const silent = afterLostTail('running');
    silent.farm.attach('pc1', { farmId, held: silent.held });
    silent.farm.pass(5_000);
    const again = silent.farm.attach('pc1', { farmId, held: silent.held });
    assert.equal(verdictOf(silent.farm, again).verdict, 'forget');
  });

  it('is not made anew from an agent of another farm, nor from one that knows no farm', () => {
    for (const other of [{ farmId: 'farm-2' }, {}]) {
      const { farm, held } = afterLostTail('running');
      assert.equal(verdictOf(farm, farm.attach('pc1', { ...other, held })).verdict, 'forget');
    }
  });

  it('is published when its agent remembers that it was', () => {
    const { farm, ref } = afterLostTail('running');
    farm.submit(jobSpec(1));
    const publishedPath = '\\\\nas\\Results\\Kids_TV.mp4';
    farm.attach('pc1', { farmId, tombstones: [{ ref, outcome: 'published', publishedPath }] });
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.equal(farm.state.jobs.get(jobId(1))?.outputPath, publishedPath);
    assert.ok(farm.logged.includes('earlier-result'));
  });

  it('is known as published by a repeated submit, though nobody knows the job itself any more', () => {
    const { farm, ref } = afterLostTail('running');
    farm.attach('pc1', { farmId, tombstones: [{ ref, outcome: 'published' }] });
    const reply = farm.submit(jobSpec(1));
    assert.ok(reply.kind === 'submitted' && reply.reply.existed);
    assert.equal(farm.all('assign').length, 1, 'only that of before');
  });

  it('whose attempt alone was lost is adopted as well; an older attempt than the newest known is not', () => {
    const { farm, ref } = runningFarm();
    const [assign] = farm.all('assign');
    assert.ok(assign);
    farm.stored.delete(`attempt/${jobId(1)}/1.1`);
    const job = farm.stored.get(`job/${jobId(1)}`);
    assert.ok(job);
    const body = { ...without(job.body as JobRecord, 'fence'), state: 'waiting', attemptCount: 0 };
    farm.stored.set(`job/${jobId(1)}`, { ...job, body });
    farm.restart();
    const held = [heldAs(ref, 'running')];
    const back = farm.attach('pc1', { farmId, held });
    farm.say(back, { kind: 'recalled', ref, assign, ...(held[0] && { held: held[0] }) });
    adopted(farm, farm.attach('pc1', { farmId, held }), ref);
    const older = { jobId: jobId(1), fence: { term: 0, counter: 1 } };
    const late = farm.attach('pc3', { farmId, held: [heldAs(older, 'running')] });
    assert.equal(verdictOf(farm, late).verdict, 'stop');
  });
});

describe('an adoption that the store has lost', () => {
  it('is told again; nothing is assigned beside the work that goes on, and it keeps its slot', () => {
    goesOn(50);
  });

  it('also where the work has not got further than what the store believes to run there', () => {
    goesOn(0);
  });
});

/** The first fence of the same work is no rival to be compared with. */
function goesOn(percent: number): void {
  const { farm, pc1, ref } = runningFarm();
  const [assign] = farm.all('assign');
  assert.ok(assign);
  const before = new Map(farm.stored);
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  farm.pass(10_000);
  const now = adopted(
    farm,
    farm.attach('pc1', { farmId, held: [{ ...heldAs(ref, 'running'), percent }] }),
    ref,
  );
  farm.stored.clear();
  for (const [key, record] of before) farm.stored.set(key, record);
  farm.restart();
  const held = [{ ...heldAs(now, 'running'), percent }];
  const back = farm.attach('pc1', { farmId, held });
  assert.deepEqual(farm.last(back, 'recall').ref, now);
  assert.equal(farm.all('assign').length, 1, 'only the first of all');
  const told = { ...assign, ref: now, attemptNumber: 2 };
  farm.say(back, { kind: 'recalled', ref: now, assign: told, held: { ...heldAs(now, 'running'), percent } });
  const again = farm.attach('pc1', { farmId, held });
  const heir = adopted(farm, again, now);
  assert.equal(farm.all('assign').length, 1);
  assert.equal(farm.all('cancel').length, 0, 'what goes on is not told to stop under its first fence');
  assert.deepEqual(
    [...(farm.state.liveAttempts.get('pc1') ?? [])],
    [`${jobId(1)}/${heir.fence.term}.${heir.fence.counter}`],
  );
  assert.equal(farm.jobState(jobId(1)), 'running');
}

describe('the horizon', () => {
  it('rises when a tombstone is dropped: nothing at or below it is made anew', () => {
    const { farm, pc1, ref } = runningFarm();
    const [assign] = farm.all('assign');
    assert.ok(assign);
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: finished({ outcome: 'published' }) }));
    farm.pass(25 * 3_600_000);
    assert.equal(farm.jobState(jobId(1)), 'gone');
    assert.deepEqual(farm.state.tombstones.get(jobId(1))?.fence, ref.fence);
    const known = farm.attach('pc1', { farmId, held: [heldAs(ref, 'running')] });
    assert.equal(verdictOf(farm, known).verdict, 'stop');
    farm.pass(91 * 24 * 3_600_000);
    assert.equal(farm.state.tombstones.size, 0);
    assert.deepEqual(farm.state.farm.get('farm')?.horizon, ref.fence);
    farm.restart();
    const back = farm.attach('pc1', { farmId, held: [heldAs(ref, 'running')] });
    assert.equal(verdictOf(farm, back).verdict, 'forget');
  });
});
