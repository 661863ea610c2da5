import assert from 'node:assert/strict';
import { test } from 'node:test';
import { journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { jobId, jobSpec, runningFarm, TurnFarm } from '../../helpers/turn-farm.ts';

// What the simulation has found, each as the shortest story that shows it.

test('a job whose assignment was not answered is not given to the stream that is being ended', () => {
  const farm = new TurnFarm();
  farm.attach('pc1');
  farm.submit(jobSpec(1));
  assert.equal(farm.all('assign').length, 1);
  farm.pass(farm.settings.times.assignmentReplyMs);
  assert.equal(farm.ended.length, 1);
  assert.equal(farm.all('assign').length, 1);
  assert.equal(farm.jobState(jobId(1)), 'waiting');
  farm.attach('pc1');
  assert.equal(farm.all('assign').length, 2);
});

test('an agent that declines for the moment is asked again soon, one that cannot take the job later', () => {
  for (const [code, soon] of [
    ['PREVIOUS_ATTEMPT_RUNNING', true],
    ['NO_SLOT', true],
    ['JOURNAL_FULL', false],
  ] as const) {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code, reason: 'busy' });
    farm.pass(farm.settings.times.cancelGraceMs);
    assert.equal(farm.all('assign').length, soon ? 2 : 1, code);
    // It goes on living: only the refusal counts.
    assert.equal(farm.ended.length, 0);
  }
});

test('a granted publication is finished even when its owner comes back without its disk', () => {
  const { farm, pc1, ref } = runningFarm();
  farm.say(pc1, journalEvent(2, ref, { type: 'encoded' }));
  farm.say(pc1, journalEvent(3, ref, { type: 'ready', manifest }));
  assert.equal(farm.jobState(jobId(1)), 'publishing');
  farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
  const again = farm.attach('pc1', { instanceId: 'pc1-2', journalId: 'another' });
  farm.pass(1_000);
  assert.equal(farm.last(again, 'finish-publish').ref.jobId, jobId(1));
});
