import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DestinationName } from '../../../controller/domain/outbox.ts';
import { dueRows } from '../../../controller/engine/turn/outbox-due.ts';
import { outboxViews } from '../../../controller/engine/turn/outbox-view.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { outboxFarm, rowsOf, tellAll } from '../../helpers/outbox-farm.ts';
import { jobId, jobOrder, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

function markOf(farm: TurnFarm, destination: DestinationName, n = 1): number {
  const mark = farm.state.rows.get(`${destination}/${jobId(n)}`)?.mark;
  assert.ok(mark !== undefined, `${destination} is owed nothing of job ${n}`);
  return mark;
}

function tell(farm: TurnFarm, destination: DestinationName, mark: number, n = 1, refused?: string): void {
  const said = { kind: 'told', destination, jobId: jobId(n), mark } as const;
  farm.run(refused === undefined ? said : { ...said, refused });
}

/** Its directory hears of each step that is counted. */
function publish(farm: TurnFarm, session: string): void {
  const { ref } = farm.assigned(session);
  farm.say(session, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
  farm.say(
    session,
    journalEvent(1, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 }),
  );
  farm.say(session, journalEvent(2, ref, { type: 'encoded' }));
  farm.say(session, journalEvent(3, ref, { type: 'ready', manifest }));
  const published = finished({ outcome: 'published', publishedPath: 'p' });
  farm.say(session, journalEvent(4, ref, { type: 'finished', finished: published }));
}

describe('the outbox', () => {
  it('holds nothing where nobody outside is to be told', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    publish(farm, farm.attach('pc1'));
    assert.equal(farm.jobState(jobId(1)), 'published');
    assert.equal(farm.state.rows.size, 0);
    assert.deepEqual(
      [...farm.stored.keys()].filter((key) => key.startsWith('row/')),
      [],
    );
  });

  it('owes the directory a job from its submit on, in the same batch', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    assert.deepEqual(rowsOf(farm), ['directory']);
    assert.ok(farm.stored.has(`row/directory/${jobId(1)}`));
  });

  it('marks the directory for what the jobs row shows, and for nothing else', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    const submitted = markOf(farm, 'directory');
    farm.order({ kind: 'priority', jobId: jobId(1), priority: 'high', reason: '', requestId: '' });
    farm.order(jobOrder('hold', 1));
    assert.equal(markOf(farm, 'directory'), submitted, 'users see queued, as before');
    farm.order(jobOrder('release', 1));
    const pc1 = farm.attach('pc1');
    const assigned = markOf(farm, 'directory');
    assert.ok(assigned > submitted, 'processing, and on which agent');
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    assert.equal(markOf(farm, 'directory'), assigned);
    farm.say(
      pc1,
      journalEvent(1, ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 }),
    );
    assert.ok(markOf(farm, 'directory') > assigned, 'started_at');
  });

  it('owes results and history a job that was published, one row each', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    publish(farm, farm.attach('pc1'));
    assert.deepEqual(rowsOf(farm), ['directory', 'history', 'results']);
  });

  it('owes results no other end, unless every end is wished', () => {
    for (const [results, expected] of [
      ['completed', ['directory', 'history']],
      ['all', ['directory', 'history', 'results']],
    ] as const) {
      const farm = outboxFarm({ results });
      farm.submit(jobSpec(1));
      farm.cancel(jobId(1));
      assert.deepEqual(rowsOf(farm), expected);
    }
  });

  it('owes history a retry out of an end; an end that was not told is no result any more', () => {
    const farm = outboxFarm({ results: 'all' });
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    const ended = markOf(farm, 'history');
    farm.order(jobOrder('retry', 1));
    assert.ok(markOf(farm, 'history') > ended);
    assert.deepEqual(rowsOf(farm), ['directory', 'history']);
    farm.cancel(jobId(1));
    assert.deepEqual(rowsOf(farm), ['directory', 'history', 'results']);
  });

  it('owes history an attempt that stops later than its job', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    const pc1 = farm.attach('pc1');
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    farm.cancel(jobId(1));
    tellAll(farm);
    assert.equal(farm.state.rows.size, 0);
    const stopped = finished({ outcome: 'cancelled' });
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: stopped }));
    assert.deepEqual(rowsOf(farm), ['history']);
  });

  it('drops a row that was delivered, and none that was marked again meanwhile', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    const old = markOf(farm, 'directory');
    farm.cancel(jobId(1));
    tell(farm, 'directory', old);
    assert.deepEqual(rowsOf(farm), ['directory', 'history']);
    tell(farm, 'directory', markOf(farm, 'directory'));
    assert.deepEqual(rowsOf(farm), ['history']);
    // It comes twice: the answer of one that was given up, late.
    tell(farm, 'directory', old);
    assert.deepEqual(rowsOf(farm), ['history']);
  });

  it('keeps rows, their order and their marks over a restart', () => {
    const farm = outboxFarm();
    farm.submit(jobSpec(1));
    farm.nowMs += 1_000;
    farm.submit(jobSpec(2));
    farm.cancel(jobId(1));
    farm.submit(jobSpec(4));
    const mark = markOf(farm, 'directory', 4);
    // A store gives records in any order.
    const stored = [...farm.stored].reverse();
    farm.stored.clear();
    for (const [key, record] of stored) farm.stored.set(key, record);
    farm.restart();
    assert.deepEqual([...(farm.state.lanes.get('directory')?.due ?? [])], [1, 2, 4].map(jobId));
    farm.submit(jobSpec(3));
    assert.ok(markOf(farm, 'directory', 3) > mark);
  });

  it('keeps a job in the hot store that has a row, however long', () => {
    const farm = outboxFarm({ destinations: ['history'] });
    farm.submit(jobSpec(1));
    farm.cancel(jobId(1));
    farm.pass(farm.settings.times.endedJobsMs + 1);
    farm.pass(farm.settings.times.endedJobsMs);
    assert.equal(farm.jobState(jobId(1)), 'cancelled');
    tellAll(farm);
    farm.pass(1_000);
    assert.equal(farm.jobState(jobId(1)), 'gone');
    assert.ok(farm.state.tombstones.has(jobId(1)));
  });

  it('refuses new jobs when it is full, naming who is owed and since when, and takes them again', () => {
    const limits = { ...farmSettings().limits, outboxRowsMax: 2 };
    const farm = outboxFarm({ limits });
    farm.submit(jobSpec(1));
    const since = new Date(farm.nowMs).toISOString();
    farm.nowMs += 60_000;
    farm.submit(jobSpec(2));
    const refused = farm.submit(jobSpec(3));
    assert.ok(refused.kind === 'refused' && refused.code === 'OUTBOX_FULL', JSON.stringify(refused));
    assert.deepEqual(refused.resource, { type: 'destination', name: 'directory' });
    assert.match(refused.message, /2 wait for directory/u);
    assert.ok(refused.message.includes(since), refused.message);
    // What is known is no new job, and what is here goes on, beyond the limit.
    assert.equal(farm.submit(jobSpec(1)).kind, 'submitted');
    farm.cancel(jobId(1));
    assert.equal(farm.state.rows.size, 3);
    tellAll(farm);
    assert.equal(farm.submit(jobSpec(3)).kind, 'submitted');
  });
});

describe('what a destination has refused', () => {
  it('is set aside with one alarm, keeps its job, and is due again after its time', () => {
    const farm = outboxFarm({ destinations: ['directory'] });
    farm.submit(jobSpec(1));
    farm.submit(jobSpec(2));
    tell(farm, 'directory', markOf(farm, 'directory'), 1, `no such user\n${'x'.repeat(5_000)}`);
    const row = farm.state.rows.get(`directory/${jobId(1)}`);
    assert.equal(row?.refused?.reason.length, 500);
    assert.ok(!/\p{Cc}/u.test(row.refused.reason), 'one line of a log stays one line');
    assert.deepEqual(dueIds(farm), [jobId(2)]);
    const [view] = outboxViews(farm.state, farm.settings);
    assert.equal(view?.rows, 2);
    assert.equal(view.refused, 1);
    assert.equal(view.refusals[0]?.jobId, jobId(1));

    farm.pass(farm.settings.times.deliveryRefusedMs - 1);
    assert.deepEqual(dueIds(farm), [jobId(2)]);
    farm.pass(1);
    assert.deepEqual(dueIds(farm), [jobId(2), jobId(1)]);
    tell(farm, 'directory', markOf(farm, 'directory'), 1, 'still no such user');
    assert.deepEqual(dueIds(farm), [jobId(2)]);
    const alarms = farm.state.alarms.filter(({ event }) => event === 'outbox-refused');
    assert.equal(alarms.length, 1);
    assert.equal(alarms[0]?.fields['jobId'], jobId(1));
  });

  it('is due at once when its job changes', () => {
    const farm = outboxFarm({ destinations: ['directory'] });
    farm.submit(jobSpec(1));
    tell(farm, 'directory', markOf(farm, 'directory'), 1, 'no');
    assert.deepEqual(dueIds(farm), []);
    farm.cancel(jobId(1));
    assert.deepEqual(dueIds(farm), [jobId(1)]);
    farm.restart();
    assert.deepEqual(dueIds(farm), [jobId(1)]);
  });

  it('of an older mark sets nothing aside', () => {
    const farm = outboxFarm({ destinations: ['directory'] });
    farm.submit(jobSpec(1));
    const old = markOf(farm, 'directory');
    farm.cancel(jobId(1));
    tell(farm, 'directory', old, 1, 'no');
    assert.deepEqual(dueIds(farm), [jobId(1)]);
  });
});

function dueIds(farm: TurnFarm): readonly string[] {
  const request = { destination: 'directory', itemsMax: 100, told: new Map() } as const;
  return dueRows(farm.state, request, farm.nowMs, () => '1').rows.map(({ item }) => item.job.jobId);
}
