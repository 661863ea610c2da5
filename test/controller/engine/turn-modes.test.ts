import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { nextDeadlineMs } from '../../../controller/engine/turn/turn.ts';
import { agentPage } from '../../../controller/engine/turn/views.ts';
import { finished, heartbeat, inventory, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import {
  agentOrder,
  evictOrder,
  heldAs,
  jobId,
  jobOrder,
  jobSpec,
  runningFarm,
  TurnFarm,
} from '../../helpers/turn-farm.ts';

const everything = { size: 10, token: '' };

function viewOf(farm: TurnFarm, agentId: string) {
  const view = agentPage(farm.state, farm.nowMs, everything).entries.find((one) => one.agentId === agentId);
  assert.ok(view);
  return view;
}

function finish(farm: TurnFarm, session: string, ref: Parameters<typeof journalEvent>[1]): void {
  farm.say(session, journalEvent(2, ref, { type: 'ready', manifest }));
  farm.say(session, journalEvent(3, ref, { type: 'finished', finished: finished({ outcome: 'published' }) }));
}

describe('a cordoned agent', () => {
  it('gets nothing new, and a job says why it waits', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    assert.equal(farm.order(agentOrder('cordon', 'pc1')).kind, 'done');
    const { mode, reason } = farm.last(pc1, 'set-mode');
    assert.deepEqual([mode, reason], ['cordoned', 'new driver']);
    farm.submit(jobSpec(1));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    const told = explanation(farm.state, farm.settings, farm.nowMs, jobId(1));
    assert.equal(told?.summary, 'no agent can take it (pc1: cordoned by ops (new driver))');
    assert.deepEqual(told.agents[0]?.reasons, ['cordoned by ops (new driver)']);
    assert.equal(viewOf(farm, 'pc1').mode, 'cordoned');
    assert.equal(farm.order(agentOrder('uncordon', 'pc1')).kind, 'done');
    assert.equal(farm.last(pc1, 'set-mode').mode, 'active');
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('stays cordoned over restarts of both sides, and is told so behind each Welcome', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    farm.order(agentOrder('cordon', 'pc1'));
    farm.restart();
    const again = farm.attach('pc1', { instanceId: 'pc1-2' });
    const kinds = farm.sent.filter(({ sessionId }) => sessionId === again).map(({ message }) => message.kind);
    assert.deepEqual(kinds, ['welcome', 'set-mode']);
    farm.submit(jobSpec(1));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });

  it('takes what it declined meanwhile as soon as it is active again', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.order(agentOrder('cordon', 'pc1'));
    const { ref } = farm.assigned(pc1);
    const declined = { kind: 'assignment-reply', ref, accepted: false } as const;
    farm.say(pc1, { ...declined, code: 'CORDONED', reason: 'cordoned: new driver' });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.order(agentOrder('uncordon', 'pc1'));
    assert.equal(farm.assigned(pc1).attemptNumber, 2);
  });

  it('loses its announcement, and finishes what it runs', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.submit(jobSpec(2));
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    farm.order(agentOrder('cordon', 'pc1'));
    assert.equal(farm.last(pc1, 'withdraw').jobId, jobId(2));
    finish(farm, pc1, ref);
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.equal(farm.jobState(jobId(2)), 'waiting');
  });
});

describe('a draining agent', () => {
  it('finishes what it runs, and then is drained: once, durably', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.order(agentOrder('drain', 'pc1'));
    assert.equal(farm.last(pc1, 'set-mode').mode, 'draining');
    farm.pass(1_000);
    assert.ok(!farm.logged.includes('agent-drained'));
    finish(farm, pc1, ref);
    farm.pass(1_000);
    farm.say(pc1, heartbeat);
    farm.pass(1_000);
    assert.equal(farm.logged.filter((event) => event === 'agent-drained').length, 1);
    assert.deepEqual(viewOf(farm, 'pc1').held, []);
    farm.submit(jobSpec(2));
    assert.equal(farm.jobState(jobId(2)), 'waiting');
  });
});

describe('an evicted agent', () => {
  it('has until the deadline, then its job is requeued uncharged and goes elsewhere, whatever the agent does', () => {
    const { farm, pc1, ref } = runningFarm();
    const pc2 = farm.attach('pc2');
    farm.order(evictOrder('pc1', 30_000));
    const { mode, deadlineMs } = farm.last(pc1, 'set-mode');
    assert.deepEqual([mode, deadlineMs], ['evict', 30_000]);
    assert.equal(nextDeadlineMs(farm.state, farm.settings), farm.nowMs + 15_000);
    farm.pass(10_000);
    for (const session of [pc1, pc2]) farm.say(session, heartbeat);
    farm.pass(10_000);
    for (const session of [pc1, pc2]) farm.say(session, heartbeat);
    farm.pass(9_999);
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(1);
    assert.equal(farm.last(pc1, 'cancel').outcome, 'evicted');
    const job = farm.state.jobs.get(jobId(1));
    assert.deepEqual([job?.charged, job?.losses, job?.agentId], [0, 0, 'pc2']);
    assert.equal(farm.assigned(pc2).attemptNumber, 2);
    // It renders on as if it had not heard: it may not publish.
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.equal(farm.all('publish-grant').length, 0);
    const stopped = finished({ outcome: 'failed', failureClass: 'job', message: 'killed' });
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: stopped }));
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'evicted');
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('may stop by itself first: the outcome is evicted all the same', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.order(evictOrder('pc1', 30_000));
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'evicted' }) }));
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'evicted');
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });

  it('cannot say evicted where nobody ordered it', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'evicted' }) }));
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'returned');
  });

  it('is emptied at once without a deadline, and is not counted as lost when it never answers', () => {
    const { farm } = runningFarm();
    farm.order(evictOrder('pc1', 0));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.pass(40_000);
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'evicted');
    assert.equal(farm.state.jobs.get(jobId(1))?.losses, 0);
  });

  it('finishes a publication that was granted', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    farm.order(evictOrder('pc1', 0));
    assert.equal(farm.jobState(jobId(1)), 'publishing');
    const end = finished({ outcome: 'published' });
    farm.say(pc1, journalEvent(3, ref, { type: 'finished', finished: end }));
    assert.equal(farm.jobState(jobId(1)), 'published');
  });

  it('that was lost before is not given its job back when it returns: another PC goes on with it', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    const pc2 = farm.attach('pc2');
    farm.order(evictOrder('pc1', 0));
    const next = farm.assigned(pc2).ref;
    const again = farm.attach('pc1', { held: [{ ...heldAs(ref, 'running'), percent: 99 }] });
    assert.equal(farm.last(again, 'welcome').verdicts[0]?.decision.verdict, 'stop');
    assert.deepEqual(farm.state.jobs.get(jobId(1))?.fence, next.fence);
  });

  it('that comes back after the deadline is told to stop what it still holds', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.order(evictOrder('pc1', 1_000));
    farm.pass(1_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    const again = farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    const [verdict] = farm.last(again, 'welcome').verdicts;
    assert.deepEqual(verdict?.decision, {
      verdict: 'stop',
      reason: 'evicted from pc1: new driver',
      outcome: 'evicted',
    });
    assert.equal(farm.last(again, 'set-mode').deadlineMs, 0);
  });
});

describe('forgetting an agent', () => {
  it('is refused while it is attached or holds a job', () => {
    const { farm, pc1 } = runningFarm();
    const attached = farm.order(agentOrder('forget', 'pc1'));
    assert.equal(attached.kind === 'refused' && attached.code, 'AGENT_IN_USE');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    const holding = farm.order(agentOrder('forget', 'pc1'));
    assert.match(holding.kind === 'refused' ? holding.message : '', /still holds 1 job;/);
  });

  it('takes away its record, its order and its refusals; it may come back as a new one', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.order(agentOrder('cordon', 'pc1'));
    const failed = finished({ outcome: 'failed', failureClass: 'job', message: 'x' });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: failed }));
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'goodbye' });
    assert.equal(farm.order(agentOrder('forget', 'pc1', 'r1')).kind, 'done');
    assert.equal(farm.order(agentOrder('forget', 'pc1', 'r1')).kind, 'done');
    assert.deepEqual(agentPage(farm.state, farm.nowMs, everything).entries, []);
    assert.equal(farm.stored.get('agent/pc1'), undefined);
    const again = farm.attach('pc1');
    assert.equal(viewOf(farm, 'pc1').mode, 'active');
    farm.submit(jobSpec(2));
    assert.equal(farm.assigned(again).ref.jobId, jobId(2));
  });

  it('needs an agent that the farm knows, like every order', () => {
    const farm = new TurnFarm();
    const reply = farm.order(agentOrder('cordon', 'pc9'));
    assert.equal(reply.kind === 'refused' && reply.code, 'AGENT_NOT_FOUND');
  });
});

describe('an operator’s word on publications', () => {
  it('takes a grant back, once, and only one that is given', () => {
    const { farm, pc1, ref } = runningFarm();
    const early = farm.order(jobOrder('annul', 1));
    assert.equal(early.kind === 'refused' && early.code, 'JOB_NOT_PUBLISHING');
    farm.say(pc1, journalEvent(2, ref, { type: 'ready', manifest }));
    assert.equal(farm.order({ ...jobOrder('annul', 1, 'r1'), reason: 'bad sound' }).kind, 'done');
    farm.pass(1);
    assert.equal(farm.last(pc1, 'annul-publish').ref.jobId, jobId(1));
    farm.say(pc1, { kind: 'annul-publish-reply', ref, result: 'annulled' });
    assert.notEqual(farm.jobState(jobId(1)), 'publishing');
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.failureClass, 'environment');
  });

  it('declares a share replaced: the identity that agents see now is the share’s', () => {
    const farm = new TurnFarm();
    const seeing = (id: string) => ({ inventory: inventory({ shareIds: [{ share: 'clips', id }] }) });
    farm.attach('pc1', seeing('old'));
    farm.attach('pc2', seeing('new'));
    assert.equal(farm.state.shares.get('clips')?.id, 'old');
    const order = { kind: 'share-replaced', share: 'clips', reason: '', requestId: '' } as const;
    assert.equal(farm.order(order).kind, 'done');
    assert.equal(farm.state.shares.get('clips')?.id, 'new');
    const unknown = farm.order({ ...order, share: 'nowhere' });
    assert.equal(unknown.kind === 'refused' && unknown.code, 'UNKNOWN_SHARE');
  });
});
