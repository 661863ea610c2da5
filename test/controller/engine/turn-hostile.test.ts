import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDeadlineMs } from '../../../controller/engine/turn/turn.ts';
import type { JobRef } from '../../../proto/agent-link.ts';
import { finished, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

// What a broken, an old or a hostile agent can say: it harms nobody but itself.

/** A farm whose one job is granted: pc1 has said encoded (2) and ready (3). */
function publishingFarm(): { farm: TurnFarm; pc1: string; ref: JobRef } {
  const { farm, pc1, ref } = runningFarm();
  farm.say(pc1, journalEvent(2, ref, { type: 'encoded' }));
  farm.say(pc1, journalEvent(3, ref, { type: 'ready', manifest }));
  assert.equal(farm.jobState(jobId(1)), 'publishing');
  return { farm, pc1, ref };
}

test('an agent that asks for its grant again is given it again', () => {
  const { farm, pc1, ref } = publishingFarm();
  farm.say(pc1, journalEvent(4, ref, { type: 'ready', manifest }));
  assert.equal(farm.all('publish-grant').length, 2);
  assert.equal(farm.jobState(jobId(1)), 'publishing');
});

test('what was granted and is neither published nor failed is finished by somebody, and never rendered again', () => {
  for (const outcome of ['cancelled', 'returned', 'superseded', 'lost', 'declined'] as const) {
    const { farm, pc1, ref } = publishingFarm();
    farm.say(pc1, journalEvent(4, ref, { type: 'finished', finished: finished({ outcome }) }));
    assert.equal(farm.jobState(jobId(1)), 'publishing', outcome);
    farm.pass(1_000);
    assert.deepEqual(farm.last(pc1, 'finish-publish').ref, ref);
    assert.equal(farm.all('assign').length, 1);
  }
});

test('a granted publication that an agent gives back is finished by somebody else', () => {
  const { farm, pc1, ref } = publishingFarm();
  const pc2 = farm.attach('pc2');
  farm.say(pc1, { kind: 'goodbye', reason: 'shutdown', givesBack: [ref] });
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'goodbye' });
  farm.pass(1_000);
  assert.equal(farm.jobState(jobId(1)), 'publishing');
  assert.deepEqual(farm.last(pc2, 'finish-publish').ref, ref);
});

test('an agent cannot cancel a job by its own word', () => {
  const { farm, pc1, ref } = runningFarm();
  farm.say(
    pc1,
    journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'cancelled', message: 'mine' }) }),
  );
  assert.equal(farm.jobState(jobId(1)), 'waiting');
  assert.equal(farm.state.jobs.get(jobId(1))?.charged, 0);
});

test('an agent that gives every attempt up at once is not asked again at once', () => {
  const { farm, pc1, ref } = runningFarm();
  farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'superseded' }) }));
  assert.equal(farm.all('assign').length, 1);
  farm.pass(farm.settings.times.cancelGraceMs);
  assert.equal(farm.all('assign').length, 2);
});

test("an agent says nothing about another agent's attempt", () => {
  const { farm, ref } = runningFarm();
  const pc2 = farm.attach('pc2', { inventory: inventory({ queues: [] }) });
  farm.say(pc2, { kind: 'progress', ref, state: 'running', percent: 99, framesDone: 1, framesTotal: 1 });
  assert.equal(
    [...farm.state.runtimes.values()].some(({ percent }) => percent === 99),
    false,
  );
  const before = farm.state.jobs.get(jobId(1));
  const report = { kind: 'prefetch-report', announcementId: 'a', jobId: jobId(1), state: 'done' } as const;
  farm.say(pc2, { ...report, files: 1, bytes: 1 });
  assert.equal(farm.state.jobs.get(jobId(1)), before);
});

test('progress that is no number does not stay for ever', () => {
  const { farm, pc1, ref } = runningFarm();
  const progress = { kind: 'progress', ref, state: 'running', framesDone: 1, framesTotal: 1 } as const;
  farm.say(pc1, { ...progress, percent: Number.NaN });
  farm.say(pc1, { ...progress, percent: 20 });
  assert.deepEqual(
    [...farm.state.runtimes.values()].map(({ percent }) => percent),
    [20],
  );
});

test('the old process that comes back on a new stream is alive too: who waits to take its place is told', () => {
  const farm = new TurnFarm();
  farm.attach('pc1');
  const newcomer = farm.attach('pc1', { instanceId: 'pc1-2' });
  assert.equal(farm.replies.has(newcomer), false);
  farm.attach('pc1');
  const reply = farm.reply(newcomer);
  assert.equal(reply.kind === 'refused' && reply.code, 'AGENT_CLONED');
});

test('the answer to an assignment whose job was cancelled leaves nothing behind', () => {
  const farm = new TurnFarm();
  const pc1 = farm.attach('pc1');
  farm.submit(jobSpec(1));
  const { ref } = farm.assigned(pc1);
  farm.cancel(jobId(1));
  farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'NO_SLOT', reason: 'busy' });
  assert.equal(farm.state.refusals.size, 0);
});

test('a job that is declined for ever keeps a bounded history', () => {
  const { times } = farmSettings();
  const farm = new TurnFarm({ times: { ...times, declinedMs: times.cancelGraceMs } });
  const pc1 = farm.attach('pc1');
  farm.submit(jobSpec(1));
  for (let n = 0; n < 150; n++) {
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'NO_SLOT', reason: 'busy' });
    farm.pass(farm.settings.times.cancelGraceMs);
  }
  assert.equal(farm.state.jobs.get(jobId(1))?.attemptCount, 151);
  assert.equal(farm.state.attempts.size, 100);
  assert.equal([...farm.stored.keys()].filter((key) => key.startsWith('attempt/')).length, 100);
  assert.equal(farm.state.attemptsOfJob.get(jobId(1))?.length, 100);
});

test('an inventory of impossible numbers costs no memory and no other agent its jobs', () => {
  const farm = new TurnFarm();
  farm.attach('pc1', { inventory: inventory({ slots: Number.MAX_SAFE_INTEGER }) });
  const pc2 = farm.attach('pc2', { inventory: inventory({ slots: Number.POSITIVE_INFINITY }) });
  farm.say(pc2, { kind: 'inventory', inventory: inventory({ slots: Number.NaN }) });
  farm.submit(jobSpec(1));
  assert.equal(farm.jobState(jobId(1)), 'assigned');
  assert.ok(nextDeadlineMs(farm.state, farm.settings) > farm.nowMs);
});

test('a sentence of an agent is cut before it is kept', () => {
  const { farm, pc1, ref } = runningFarm();
  const message = 'x'.repeat(1_000_000);
  farm.say(pc1, {
    ...{ kind: 'progress', ref, state: 'running', percent: 1, framesDone: 1, framesTotal: 1 },
    waiting: { reason: message, waitedMs: 1 },
  });
  farm.say(
    pc1,
    journalEvent(2, ref, {
      type: 'finished',
      finished: finished({ outcome: 'failed', failureClass: 'input', message, stderrTail: [message] }),
    }),
  );
  const job = farm.state.jobs.get(jobId(1));
  assert.equal(job?.state, 'failed');
  assert.ok(JSON.stringify(job).length < 20_000);
  assert.ok(JSON.stringify([...farm.state.attempts.values()]).length < 40_000);
});

test('a resumed agent that lists an attempt twice is answered twice', () => {
  const { farm, ref } = runningFarm();
  const again = farm.attach('pc1', { held: [heldAs(ref, 'running'), heldAs(ref, 'ready')] });
  assert.deepEqual(
    farm.last(again, 'welcome').verdicts.map(({ decision }) => decision.verdict),
    ['keep', 'keep'],
  );
});
