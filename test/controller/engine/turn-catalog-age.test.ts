import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTimes } from '../../../controller/domain/times.ts';
import type { JobRef } from '../../../proto/agent-link.ts';
import { finished, journalEvent } from '../../helpers/agent-messages.ts';
import {
  answer,
  asked,
  away,
  found,
  heard,
  hourMs,
  submitKnown,
  unknown,
} from '../../helpers/catalog-answers.ts';
import { jobId, jobOrder, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

describe('a job whose paths are old', () => {
  it('is looked up before it is assigned, and gets the path that has changed', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    farm.pass(hourMs);
    const pc1 = farm.attach('pc1');
    assert.deepEqual(farm.all('assign'), []);
    assert.deepEqual(asked(farm).jobIds, [jobId(1)]);
    answer(farm, found(farm, 1));
    assert.equal(farm.assigned(pc1).job.items[0]?.path, '\\\\nas\\Clips\\new\\1.mp4');
    assert.equal(farm.lookUps.length, 1);
  });

  it('keeps what it has where nothing changed, without writing its items again', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    farm.pass(hourMs);
    const pc1 = farm.attach('pc1');
    const body = farm.state.bodies.get(jobId(1));
    answer(farm, { jobId: jobId(1), same: true });
    assert.equal(farm.state.bodies.get(jobId(1)), body);
    assert.equal(farm.assigned(pc1).job.items[0]?.path, '\\\\nas\\Clips\\old\\1.mp4');
    assert.equal(farm.assigned(pc1).resolution.resolvedAtMs, farm.nowMs);
  });

  it('fails by name where an id is gone, and is looked up again before it is planned when it is retried', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    farm.pass(hourMs);
    farm.attach('pc1');
    answer(farm, unknown(1, 'v1'));
    assert.equal(farm.state.jobs.get(jobId(1))?.errorMessage, 'Video ID v1 not found in BigQuery');
    farm.order(jobOrder('retry', 1));
    assert.equal(farm.lookUps.length, 2);
    assert.ok(farm.state.awaitingCatalog.has(jobId(1)));
    assert.deepEqual(farm.all('assign'), []);
  });

  it('is rendered with them while the catalogue is away', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    farm.pass(hourMs);
    const pc1 = farm.attach('pc1');
    assert.deepEqual(farm.all('assign'), []);
    away(farm);
    assert.equal(farm.assigned(pc1).job.items[0]?.path, '\\\\nas\\Clips\\old\\1.mp4');
  });

  it('does not wait for an answer that never comes', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    farm.pass(hourMs);
    const pc1 = farm.attach('pc1');
    // It goes on being heard.
    for (let ms = 0; ms < defaultTimes.catalogAnswerMs; ms += 5_000) {
      assert.deepEqual(farm.all('assign'), []);
      farm.nowMs += 5_000;
      heard(farm, pc1);
    }
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
  });

  it('is looked up ahead of its turn with its neighbours, so that no slot waits', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    accept(farm, pc1, farm.assigned(pc1).ref);
    submitKnown(farm, 2);
    farm.nowMs += 0.2 * hourMs;
    submitKnown(farm, 3);
    farm.nowMs += 0.5 * hourMs;
    heard(farm, pc1);
    assert.equal(farm.lookUps.length, 0, 'not old enough');
    farm.nowMs += 0.05 * hourMs;
    heard(farm, pc1);
    assert.deepEqual([...asked(farm).jobIds].sort(), [jobId(2), jobId(3)]);
    answer(farm, found(farm, 2), { jobId: jobId(3), same: true });
    farm.nowMs += 0.3 * hourMs;
    // Its attempt was silent for too long meanwhile, and began anew.
    const { ref } = farm.assigned(pc1);
    farm.cancel(jobId(1));
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: finished({ outcome: 'cancelled' }) }));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(2));
    assert.equal(farm.lookUps.length, 1);
  });

  it('is announced anew where a path has changed, and never with paths that are too old', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    accept(farm, pc1, farm.assigned(pc1).ref);
    submitKnown(farm, 2);
    assert.equal(farm.last(pc1, 'announce').items[0]?.path, '\\\\nas\\Clips\\old\\2.mp4');
    farm.nowMs += 0.8 * hourMs;
    heard(farm, pc1);
    answer(farm, found(farm, 2));
    assert.equal(farm.last(pc1, 'withdraw').jobId, jobId(2));
    assert.equal(farm.last(pc1, 'announce').items[0]?.path, '\\\\nas\\Clips\\new\\2.mp4');
    assert.equal(farm.all('announce').length, 2);
  });

  it('is not announced before it was looked up', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    submitKnown(farm, 2);
    farm.nowMs += hourMs;
    const pc1 = farm.attach('pc1');
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
    assert.deepEqual(farm.all('announce'), []);
    answer(farm, found(farm, 2));
    assert.equal(farm.last(pc1, 'announce').items[0]?.path, '\\\\nas\\Clips\\new\\2.mp4');
  });

  it('has no age where it has no ids', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    farm.pass(1_000 * hourMs);
    const pc1 = farm.attach('pc1');
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
    assert.deepEqual(farm.lookUps, []);
  });

  it('has the age that its items have where its record was written by an older release', () => {
    const farm = new TurnFarm();
    submitKnown(farm, 1);
    const { lookedUpAtMs, ...job } = farm.state.jobs.get(jobId(1)) ?? {};
    assert.equal(lookedUpAtMs, farm.nowMs);
    farm.stored.set(`job/${jobId(1)}`, { kind: 'job', id: jobId(1), version: 1, body: job });
    farm.nowMs += hourMs;
    farm.restart();
    farm.attach('pc1');
    assert.deepEqual(asked(farm).jobIds, [jobId(1)]);
  });
});

function accept(farm: TurnFarm, sessionId: string, ref: JobRef): void {
  farm.say(sessionId, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
}
