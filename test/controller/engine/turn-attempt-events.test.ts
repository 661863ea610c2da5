import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { journalEvent } from '../../helpers/agent-messages.ts';
import { jobId, runningFarm } from '../../helpers/turn-farm.ts';

describe('events', () => {
  it('that were applied are acknowledged again and change nothing', () => {
    const { farm, pc1, ref } = runningFarm();
    const before = JSON.stringify([...farm.state.jobs]);
    farm.say(
      pc1,
      journalEvent(1, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 }),
    );
    assert.equal(JSON.stringify([...farm.state.jobs]), before);
    assert.equal(farm.last(pc1, 'event-ack').number, 1);
  });

  it('under an old fence are acknowledged, counted and dropped', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    farm.pass(10_000);
    const back = farm.attach('pc1', { instanceId: 'pc1-2' });
    farm.say(back, journalEvent(2, ref, { type: 'encoded' }));
    assert.equal(farm.last(back, 'event-ack').number, 2);
    assert.equal(farm.state.counters.staleEvents, 1);
  });

  it('with a gap are accepted and counted', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.say(pc1, journalEvent(5, ref, { type: 'encoded' }));
    assert.equal(farm.jobState(jobId(1)), 'finishing');
    assert.equal(farm.state.counters.eventGaps, 1);
    assert.equal(farm.last(pc1, 'event-ack').number, 5);
  });
});
