import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedBudget, unlimitedBudget } from '../../../controller/scheduling/budget.ts';
import type { AttemptEvent, JobRef } from '../../../proto/agent-link.ts';
import { finished, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { agentOrder, heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

// Histories that broke a promise once.

const returned: AttemptEvent = { type: 'finished', finished: finished({ outcome: 'returned' }) };

/** A farm in which each of these agents has a granted publication. */
function publishingFarm(agents: readonly string[]): {
  readonly farm: TurnFarm;
  readonly sessions: readonly string[];
  readonly refs: readonly JobRef[];
} {
  const farm = new TurnFarm();
  const sessions = agents.map((agentId) => farm.attach(agentId));
  for (const n of agents.keys()) farm.submit(jobSpec(n + 1));
  const refs = sessions.map((session) => farm.assigned(session).ref);
  for (const [n, session] of sessions.entries()) {
    const ref = refs[n];
    assert.ok(ref);
    farm.say(session, journalEvent(1, ref, { type: 'ready', manifest }));
  }
  return { farm, sessions, refs };
}

test('an agent whose last process gave its job back, unheard, takes jobs again', () => {
  const { farm, pc1, ref } = runningFarm();
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  const again = farm.attach('pc1', { instanceId: 'pc1-2', held: [heldAs(ref, 'finished')], lastEvent: 2 });
  farm.say(again, journalEvent(2, ref, returned));
  assert.equal(farm.jobState(jobId(1)), 'waiting');
  farm.pass(farm.settings.times.cancelGraceMs);
  assert.equal(farm.jobState(jobId(1)), 'assigned');
});

test('a publication that its owner has given back is finished, whatever it holds on its return', () => {
  const { farm, sessions, refs } = publishingFarm(['pc1']);
  const [ref] = refs;
  const [session] = sessions;
  assert.ok(ref && session);
  farm.say(session, journalEvent(2, ref, returned));
  // The acknowledgement has not arrived.
  farm.run({ kind: 'stream-ended', sessionId: session, how: 'closed' });
  const back = farm.attach('pc1', { held: [heldAs(ref, 'finished')], firstUnackedEvent: 2, lastEvent: 2 });
  farm.say(back, journalEvent(2, ref, returned));
  farm.pass(1_000);
  assert.deepEqual(farm.last(back, 'finish-publish').ref, ref);
});

test('a mass loss is told once by agent, however long its publications wait for somebody', () => {
  const { farm } = publishingFarm(['pc1', 'pc2', 'pc3']);
  for (let s = 0; s < 600; s += 1) farm.pass(1_000);
  assert.equal(farm.logged.filter((event) => event === 'mass-loss').length, 3);
  assert.equal(farm.state.silences.length, 0);
});

test('a controller whose clock is behind that of the one before has a recovery window of the usual length', () => {
  const { farm } = runningFarm();
  farm.restart();
  farm.nowMs -= 3_600_000;
  farm.restart();
  assert.ok((farm.state.recoveryUntilMs ?? 0) <= farm.nowMs + farm.settings.times.recoveryWindowMs);
});

test('what an agent tells about another attempt than it was asked for makes no record', () => {
  const farmId = 'farm-1';
  const first = new TurnFarm();
  const session = first.attach('pc1');
  first.submit(jobSpec(1));
  const told = first.assigned(session);
  const { ref } = told;
  const wrong = [
    { ...told, ref: { jobId: jobId(2), fence: ref.fence } },
    { ...told, job: { ...told.job, jobId: jobId(2) } },
  ];
  for (const assign of wrong) {
    const farm = new TurnFarm();
    const held = heldAs(ref, 'running');
    const pc1 = farm.attach('pc1', { farmId, held: [held] });
    farm.say(pc1, { kind: 'recalled', ref, assign, held });
    assert.equal(farm.state.jobs.size, 0);
    assert.equal(farm.state.attempts.size, 0);
    assert.deepEqual([...farm.state.untold], [`${ref.jobId}/1.1`]);
  }
});

test('of two agents that hold the same lost attempt the second changes nothing', () => {
  const farmId = 'farm-1';
  const first = new TurnFarm();
  const session = first.attach('pc1');
  first.submit(jobSpec(1));
  const assign = first.assigned(session);
  const { ref } = assign;
  const held = heldAs(ref, 'running');
  const farm = new TurnFarm();
  farm.state.epoch = { term: 2, leaderId: 'leader-2' };
  const pc1 = farm.attach('pc1', { farmId, held: [held] });
  const pc2 = farm.attach('pc2', { farmId, held: [held] });
  farm.say(pc1, { kind: 'recalled', ref, assign, held });
  const back = farm.attach('pc1', { farmId, held: [held] });
  farm.say(pc2, { kind: 'recalled', ref, assign, held });
  farm.say(back, journalEvent(1, ref, { type: 'ready', manifest }));
  assert.equal(farm.jobState(ref.jobId), 'publishing');
});

test('shares that are not configured leave no record, however many an agent names', () => {
  const farm = new TurnFarm();
  const shareIds = [
    { share: 'results', id: 'a' },
    { share: 'made-up', id: 'b' },
  ];
  farm.attach('pc1', { inventory: inventory({ shareIds }) });
  assert.deepEqual([...farm.state.shares.keys()], ['results']);
});

test('a plan that was begun before an agent declined, or was closed, does not ask it again', () => {
  const cases: readonly ((farm: TurnFarm, pc1: string, ref: JobRef) => void)[] = [
    (farm, pc1, ref) => {
      farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'DISK_FULL', reason: 'full' });
    },
    (farm, pc1, ref) => {
      farm.order(agentOrder('cordon', 'pc1'));
      farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'NO_SLOT', reason: 'busy' });
      farm.pass(farm.settings.times.cancelGraceMs);
    },
  ];
  for (const declines of cases) {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.planning = () => countedBudget(0);
    farm.submit(jobSpec(1));
    assert.ok(farm.state.planning, 'the plan is under way, and the free slot was filled without it');
    declines(farm, pc1, farm.assigned(pc1).ref);
    farm.planning = () => unlimitedBudget;
    farm.pass(1_000);
    farm.pass(1_000);
    assert.equal(farm.all('assign').length, 1);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  }
});

test('Welcome is the first word on a stream, also where something of this very agent is stopped', () => {
  const { farm, pc1, ref } = runningFarm();
  const tombstones = [{ ref: { ...ref, fence: { term: 0, counter: 1 } }, outcome: 'published' as const }];
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  const back = farm.attach('pc1', { farmId: 'farm-1', held: [heldAs(ref, 'running')], tombstones });
  assert.equal(farm.sent.find(({ sessionId }) => sessionId === back)?.message.kind, 'welcome');
  assert.equal(farm.last(back, 'cancel').outcome, 'superseded');
});

test('a publication whose owner is back does not say any more that it is gone', () => {
  const { farm, sessions, refs } = publishingFarm(['pc1']);
  const [ref] = refs;
  assert.ok(ref);
  farm.run({ kind: 'stream-ended', sessionId: sessions[0] ?? '', how: 'closed' });
  farm.pass(10_000);
  assert.match(farm.state.jobs.get(jobId(1))?.reason ?? '', /no attached agent reaches share/);
  farm.attach('pc1', { held: [{ ...heldAs(ref, 'publishing'), manifest }] });
  assert.equal(farm.state.jobs.get(jobId(1))?.reason, undefined);
});

test('what was to stop anyway is no loss of the host that was started anew', () => {
  const { farm, pc1 } = runningFarm();
  farm.cancel(jobId(1));
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  farm.attach('pc1', { instanceId: 'pc1-2' });
  assert.deepEqual(
    [...farm.state.attempts.values()].map(({ outcome }) => outcome),
    ['cancelled'],
  );
});

test('an agent is not forgotten while a process of it waits to be let in', () => {
  const farm = new TurnFarm();
  farm.attach('pc1');
  farm.nowMs += farm.settings.times.leaseMs;
  const waiting = farm.attach('pc1', { instanceId: 'pc1-2' });
  farm.run({ kind: 'tick' });
  assert.equal(
    farm.state.presences.get('pc1')?.session,
    undefined,
    'the old stream is ended for its silence',
  );
  const reply = farm.order(agentOrder('forget', 'pc1'));
  assert.equal(reply.kind === 'refused' && reply.code, 'AGENT_IN_USE');
  farm.pass(farm.settings.times.probeAnswerMs);
  assert.equal(farm.reply(waiting).kind, 'attached');
});
