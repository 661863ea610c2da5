import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finished, heartbeat, journalEvent } from '../../helpers/agent-messages.ts';
import { heldAs, jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

describe('an agent that goes away', () => {
  it('keeps its lease for 10 s after a broken connection, then the job is requeued uncharged', () => {
    const { farm, pc1 } = runningFarm();
    const pc2 = farm.attach('pc2');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(9_999);
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(1);
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.losses, 1);
    assert.equal(job.charged, 0);
    assert.equal(farm.assigned(pc2).ref.jobId, jobId(1));
    assert.equal(farm.assigned(pc2).attemptNumber, 2);
  });

  it('is suspect after 15 s of silence and lost after 40 s; a stream that we ended leaves the silence clock', () => {
    const { farm, pc1 } = runningFarm();
    farm.pass(15_000);
    assert.ok(farm.logged.includes('agent-suspect'));
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'ours' });
    farm.pass(24_999);
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(1);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });

  it('gets no new job while it is suspect', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.pass(15_000);
    farm.submit(jobSpec(1));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    const beat = heartbeat;
    farm.say(pc1, beat);
    assert.equal(farm.jobState(jobId(1)), 'assigned');
  });

  it('is quarantined as a job after three losses', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    for (let loss = 1; loss <= 3; loss += 1) {
      const session = farm.attach('pc1', { instanceId: `pc1-${loss}` });
      farm.run({ kind: 'stream-ended', sessionId: session, how: 'closed' });
      farm.pass(10_000);
    }
    assert.equal(farm.jobState(jobId(1)), 'quarantined');
    assert.match(farm.state.jobs.get(jobId(1))?.errorMessage ?? '', /^quarantined: lost its agent 3 times/);
  });

  it('ends what it held at once when it comes back as a new process, except staged results', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    const again = farm.attach('pc1', { instanceId: 'pc1-2' });
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'lost');
    const next = farm.assigned(again);
    assert.deepEqual(next.ref.fence, { term: 1, counter: 2 });
    assert.notDeepEqual(next.ref, ref);
  });

  it('gives a job back before it says goodbye, and does not get it again', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'returned' }) }));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.attach('pc1', { instanceId: 'pc1-2' }, 'again');
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    assert.equal(farm.jobState(jobId(1)), 'assigned', 'its next process gets it');
  });

  it('gives back what it says goodbye to, uncounted', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, { kind: 'goodbye', reason: 'shutdown', givesBack: [ref] });
    assert.equal(farm.state.attempts.size, 1);
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'goodbye' });
    const job = farm.state.jobs.get(jobId(1));
    assert.equal(job?.losses, 0);
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'returned');
    assert.equal(farm.jobState(jobId(1)), 'waiting', 'an agent that says goodbye gets nothing new');
  });
});

describe('an agent id that is used twice', () => {
  it('probes the open stream; an answer refuses the newcomer', () => {
    const { farm, pc1 } = runningFarm();
    farm.attach('pc1', { instanceId: 'clone' }, 'newcomer');
    const { probeId } = farm.last(pc1, 'probe');
    farm.say(pc1, { ...heartbeat, probeId });
    const reply = farm.reply('newcomer');
    assert.ok(reply.kind === 'refused' && reply.code === 'AGENT_CLONED');
    assert.equal(farm.jobState(jobId(1)), 'running');
  });

  it('admits the newcomer when the open stream does not answer within 3 s', () => {
    const { farm, pc1 } = runningFarm();
    farm.attach('pc1', { instanceId: 'new process' }, 'newcomer');
    farm.pass(2_999);
    assert.ok(!farm.ended.includes(pc1));
    farm.pass(1);
    assert.ok(farm.ended.includes(pc1));
    assert.equal(farm.reply('newcomer').kind, 'attached');
    assert.equal(farm.state.attempts.get(`${jobId(1)}/1.1`)?.outcome, 'lost');
  });

  it('a second stream of the same process supersedes the first and keeps its work', () => {
    const { farm, pc1, ref } = runningFarm();
    const again = farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    assert.ok(farm.ended.includes(pc1));
    assert.deepEqual(farm.last(again, 'welcome').verdicts, [{ ref, decision: { verdict: 'keep' } }]);
    farm.say(pc1, journalEvent(2, ref, { type: 'encoded' }));
    assert.equal(farm.jobState(jobId(1)), 'running', 'the superseded stream is not heard any more');
  });
});

describe('a controller that was killed', () => {
  it('adopts the running attempt and does not start the job again', () => {
    const { farm, ref } = runningFarm();
    farm.restart();
    assert.equal(farm.jobState(jobId(1)), 'running');
    farm.pass(59_999);
    assert.equal(farm.jobState(jobId(1)), 'running', 'no lease ends in the recovery window');
    const again = farm.attach('pc1', { held: [heldAs(ref, 'running')], firstUnackedEvent: 2, lastEvent: 1 });
    assert.equal(farm.last(again, 'welcome').ackedEvent, 1);
    assert.equal(
      farm.state.runtimes.get(`${jobId(1)}/1.1`)?.percent,
      50,
      'progress comes back with the agent',
    );
    assert.deepEqual(farm.last(again, 'welcome').verdicts, [{ ref, decision: { verdict: 'keep' } }]);
    farm.pass(10_000);
    assert.equal(farm.state.recoveryUntilMs, undefined, 'everybody is back');
    farm.say(again, journalEvent(2, ref, { type: 'encoded' }));
    assert.equal(farm.jobState(jobId(1)), 'finishing');
    assert.equal(farm.state.attempts.size, 1);
  });

  it('sends an assignment again, with the same fence, that the same process never got', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    farm.restart();
    const again = farm.attach('pc1');
    assert.deepEqual(farm.assigned(again).ref, ref);
  });

  it('places a job that was assigned before only after the window, a new one at once', () => {
    const { farm, pc1 } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    farm.submit(jobSpec(7));
    farm.restart();
    const pc2 = farm.attach('pc2');
    assert.equal(farm.assigned(pc2).ref.jobId, jobId(7));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });

  it('ends the leases of agents that do not come back within the window', () => {
    const { farm } = runningFarm();
    farm.restart();
    farm.pass(60_000);
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });
});
