import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTimes } from '../../../controller/domain/times.ts';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { planView } from '../../../controller/engine/turn/plan-view.ts';
import { jobView } from '../../../controller/engine/turn/views.ts';
import {
  answer,
  asked,
  away,
  found,
  heard,
  hourMs,
  submitAway,
  submitKnown,
  unknown,
  why,
} from '../../helpers/catalog-answers.ts';
import { jobId, jobOrder, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

/** Pauses between the questions of a catalogue that stays away, in ms. */
function pauses(farm: TurnFarm, questions: number): readonly number[] {
  const times: number[] = [];
  for (let left = 400_000; times.length < questions && left > 0; left -= 50) {
    const before = farm.lookUps.length;
    farm.pass(50);
    if (farm.lookUps.length === before) continue;
    times.push(farm.nowMs);
    away(farm);
  }
  return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
}

describe('a job that is submitted while the catalogue is away', () => {
  it('waits for it, says so, and is planned as soon as its paths are known', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    assert.equal(submitAway(farm, 1).kind, 'submitted');
    const job = farm.state.jobs.get(jobId(1));
    assert.ok(job);
    assert.equal(job.state, 'waiting');
    assert.equal(jobView(farm.state, job).job.reason, `catalogue: ${why}`);
    farm.nowMs += 90_000;
    const { summary } = explanation(farm.state, farm.settings, farm.nowMs, jobId(1)) ?? {};
    assert.match(
      summary ?? '',
      /^waits for the catalogue since 2 min: BigQuery has not answered within 15 s\./u,
    );
    assert.deepEqual(planView(farm.state, farm.nowMs).blocked, [
      { reason: `catalogue: ${why}`, jobs: 1, jobIds: [jobId(1)] },
    ]);
    heard(farm, pc1);
    assert.deepEqual(asked(farm).jobIds, [jobId(1)]);
    assert.deepEqual(farm.all('assign'), []);
    answer(farm, found(farm, 1));
    const assign = farm.assigned(pc1);
    assert.equal(assign.job.items[0]?.path, '\\\\nas\\Clips\\new\\1.mp4');
    assert.equal(assign.resolution.resolvedAtMs, farm.nowMs);
    assert.deepEqual(farm.state.jobs.get(jobId(1))?.shares, ['clips', 'results']);
    assert.deepEqual(
      farm.state.jobs.get(jobId(1))?.timeline.map(({ what }) => what),
      ['submitted', 'looked-up', 'assigned'],
    );
  });

  it('shares one question with all others, which comes again with a back-off that has an end', () => {
    const farm = new TurnFarm();
    for (const n of [1, 2, 3]) submitAway(farm, n);
    // The middle of the jitter: three quarters of 1, 2, 4... 30 s. The submit's own try was the first.
    assert.deepEqual(
      pauses(farm, 8).map((ms) => ms / 1_000),
      [1.5, 3, 6, 12, 22.5, 22.5, 22.5],
    );
    assert.deepEqual(asked(farm).jobIds, [jobId(1), jobId(2), jobId(3)]);
    assert.equal(farm.logged.filter((event) => event === 'catalog-away').length, 1);
  });

  it('is asked for at once when another submit finds the catalogue back', () => {
    const farm = new TurnFarm();
    submitAway(farm, 1);
    pauses(farm, 6);
    const before = farm.lookUps.length;
    submitKnown(farm, 2);
    assert.equal(farm.lookUps.length, before + 1);
    assert.deepEqual(asked(farm).jobIds, [jobId(1)]);
    farm.submit(jobSpec(3));
    assert.equal(farm.lookUps.length, before + 1, 'one question at a time');
  });

  it('fails by the old words with every id that is not there, and asks again when it is retried', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    submitAway(farm, 1);
    farm.pass(1_000);
    answer(farm, unknown(1, 'a', 'b'));
    const failed = farm.state.jobs.get(jobId(1));
    assert.equal(failed?.state, 'failed');
    assert.equal(failed.errorMessage, 'Video ID a not found in BigQuery; Video ID b not found in BigQuery');
    assert.deepEqual(failed.problems, [
      { code: 'UNKNOWN_VIDEO_ID', subject: 'items[0].video_id', message: 'Video ID a not found in BigQuery' },
      { code: 'UNKNOWN_VIDEO_ID', subject: 'items[1].video_id', message: 'Video ID b not found in BigQuery' },
    ]);
    farm.nowMs += 60_000;
    heard(farm, pc1);
    assert.equal(farm.lookUps.length, 1, 'nobody waits for it any more');
    farm.order(jobOrder('retry', 1));
    assert.equal(farm.lookUps.length, 2);
    assert.deepEqual(farm.all('assign'), []);
    answer(farm, found(farm, 1));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
  });

  it('survives a restart: who leads next asks at its first look at the clock', () => {
    const farm = new TurnFarm();
    submitAway(farm, 1);
    farm.nowMs += 10_000;
    farm.restart();
    farm.pass(1_000);
    assert.deepEqual(asked(farm).jobIds, [jobId(1)]);
    answer(farm, found(farm, 1));
    const pc1 = farm.attach('pc1');
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
  });

  it('waits in numbers that have a limit; jobs without ids are taken all the same', () => {
    const farm = new TurnFarm();
    const settings = { ...farm.settings, limits: { ...farm.settings.limits, catalogWaitingMax: 1 } };
    const full = new TurnFarm(settings);
    submitAway(full, 1);
    const refused = submitAway(full, 2);
    assert.ok(refused.kind === 'refused');
    assert.equal(refused.code, 'CATALOG_UNAVAILABLE');
    assert.match(refused.message, /1 jobs wait for the catalogue already, the limit is 1$/u);
    assert.equal(full.submit(jobSpec(3)).kind, 'submitted');
    full.cancel(jobId(1));
    assert.equal(submitAway(full, 4).kind, 'submitted');
  });

  it('is looked up while it is held or not to start yet, and fails from there', () => {
    const farm = new TurnFarm();
    const pc1 = farm.attach('pc1');
    for (const n of [1, 2, 3]) submitAway(farm, n, n === 1 ? {} : { notBeforeMs: farm.nowMs + hourMs });
    farm.order(jobOrder('hold', 1));
    farm.order(jobOrder('hold', 3));
    farm.pass(1_000);
    answer(farm, found(farm, 1), unknown(2, 'v2'), unknown(3, 'v3'));
    assert.deepEqual(
      [1, 2, 3].map((n) => farm.jobState(jobId(n))),
      ['held', 'failed', 'failed'],
    );
    farm.order(jobOrder('release', 1));
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(1));
  });

  it('is left alone by an answer that comes when it was cancelled', () => {
    const farm = new TurnFarm();
    submitAway(farm, 1);
    farm.pass(1_000);
    farm.cancel(jobId(1));
    answer(farm, unknown(1, 'v1'));
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
  });

  it('is asked for again when a question is never answered, and the late answer counts for nothing', () => {
    const farm = new TurnFarm();
    submitAway(farm, 1);
    farm.pass(1_000);
    const { askId } = asked(farm);
    farm.pass(defaultTimes.catalogAnswerMs - 1);
    assert.equal(farm.lookUps.length, 1);
    farm.pass(1);
    farm.pass(defaultTimes.catalogRetryMaxMs);
    assert.equal(farm.lookUps.length, 2);
    farm.run({ kind: 'looked-up', askId, answers: [unknown(1, 'v1')] });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
  });

  it('is not asked for in a circle where the answer has nothing of it', () => {
    const farm = new TurnFarm();
    submitAway(farm, 1);
    farm.pass(1_000);
    answer(farm);
    assert.equal(farm.lookUps.length, 1);
    farm.pass(defaultTimes.catalogRetryMinMs);
    assert.equal(farm.lookUps.length, 2);
  });

  it('is one of at most 200 in a question; the others follow at once', () => {
    const farm = new TurnFarm();
    for (let n = 1; n <= 201; n += 1) submitAway(farm, n);
    farm.pass(1_000);
    assert.equal(asked(farm).jobIds.length, 200);
    answer(farm, ...Array.from({ length: 200 }, (_, index) => found(farm, index + 1)));
    assert.deepEqual(asked(farm).jobIds, [jobId(201)]);
  });
});
