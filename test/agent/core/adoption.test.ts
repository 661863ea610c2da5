import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applyRecord, emptyJournal, keyOf, snapshotRecords } from '../../../agent/core/journal-fold.ts';
import type { JobRef } from '../../../proto/index.ts';
import {
  assignment,
  CoreDriver,
  failed,
  jobRef,
  manifest,
  ofType,
  sent,
  usage,
} from '../../helpers/agent-core.ts';

const [first, second, third] = [jobRef('job-a', 1), jobRef('job-a', 7), jobRef('job-a', 9)];

/** The stream breaks, and the next Welcome adopts `ref` under the fence of `to`. */
function adopt(core: CoreDriver, ref: JobRef, to: JobRef) {
  core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' });
  return core.attach({ verdicts: [{ ref, decision: { verdict: 'adopt', fence: to.fence } }] });
}

/** What the shell does when the record is durable. */
function follow(core: CoreDriver, ref: JobRef) {
  return core.input({ type: 'attempt-adopted', ref });
}

describe('an adopted attempt', () => {
  test('goes on under the new fence: nothing is stopped or started, and its paths stay', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(first));
    core.report(first, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 30 });
    const effects = adopt(core, first, second);
    assert.deepEqual(ofType(effects, 'adopt-attempt'), [{ type: 'adopt-attempt', from: first, to: second }]);
    assert.deepEqual([...ofType(effects, 'stop-attempt'), ...ofType(effects, 'start-attempt')], []);
    const kept = core.journal.attempts.get(keyOf(second));
    assert.equal(core.journal.attempts.has(keyOf(first)), false);
    assert.equal(kept?.assign.output.stagingFolder, assignment(first).output.stagingFolder);
    assert.deepEqual(kept.startedAs, first);
    assert.equal(core.state.attempts.get(keyOf(second))?.state, 'running');
  });

  test('shows its new fence as soon as the record is durable, and not before', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(first));
    const effects = [...adopt(core, first, second)];
    const figures = { percent: 1, framesDone: 1, framesTotal: 9, waitedForSharesMs: 0 };
    effects.push(...core.report(first, { type: 'progress', ...figures }), ...core.tick(2_000));
    const isProgress = (message: { kind: string }) => message.kind === 'progress';
    assert.deepEqual(sent(effects).filter(isProgress), []);
    const [progress] = sent(follow(core, second)).filter(isProgress);
    assert.ok(progress?.kind === 'progress');
    assert.deepEqual(progress.ref, second);
  });

  test('is reported under the new fence, whatever the shell still calls it', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(first));
    adopt(core, first, second);
    adopt(core, second, third);
    const before = core.journal.lastEvent;
    core.report(first, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 30 });
    core.report(second, { type: 'encoded' });
    core.report(third, { type: 'staged', manifest, usage });
    const events = core.journal.events.filter(({ number }) => number > before);
    assert.deepEqual(
      events.map(({ ref, event }) => [ref.fence.counter, event.type]),
      [
        [9, 'started'],
        [9, 'encoded'],
        [9, 'ready'],
      ],
    );
  });

  test('that was ready is published under the new fence from the first one’s folder, also after a restart', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    adopt(core, first, second);
    const again = new CoreDriver({ instanceId: 'i2' }, core.journal);
    again.attach();
    const effects = again.receive({ kind: 'publish-grant', ref: second, finalName: 'C_job-a.mp4' });
    const [publish] = ofType(effects, 'publish');
    assert.deepEqual(publish?.ref, second);
    assert.equal(publish.output.stagingFolder, assignment(first).output.stagingFolder);
    const end = again.input({
      type: 'publish-result',
      ref: second,
      result: { type: 'published', publishedPath: 'p' },
    });
    const [cleaned] = ofType(end, 'clean-up');
    assert.deepEqual([cleaned?.assign.ref, cleaned?.startedAs], [second, first]);
  });

  test('whose rename was under way is published under the new fence', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    core.receive({ kind: 'publish-grant', ref: first, finalName: 'x.mp4' });
    adopt(core, first, second);
    core.input({ type: 'publish-result', ref: first, result: { type: 'published', publishedPath: 'p' } });
    assert.equal(core.journal.tombstones.get(keyOf(second))?.tombstone.publishedPath, 'p');
  });

  test('keeps the events that it wrote under the old fence, in their order', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    const before = core.journal.events;
    adopt(core, first, second);
    assert.deepEqual(core.journal.events, before);
  });

  test('has one outcome: a cancel of the old fence cannot end it, an assignment of the old fence is stale', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.receive(assignment(first));
    adopt(core, first, second);
    const reason = 'late';
    const cancel = { kind: 'cancel', ref: first, mode: 'kill', graceMs: 0, reason, outcome: 'lost' } as const;
    const effects = core.receive(cancel);
    assert.deepEqual(
      effects.map((effect) => effect.type),
      ['alarm'],
    );
    const [reply] = sent(core.receive(assignment(first)));
    assert.ok(reply?.kind === 'assignment-reply' && !reply.accepted);
    assert.equal(reply.code, 'STALE_FENCE');
  });

  test('is never adopted backwards', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(second));
    const effects = adopt(core, second, first);
    assert.equal(ofType(effects, 'alarm')[0]?.code, 'ADOPTED_BACKWARDS');
    assert.ok(core.state.attempts.has(keyOf(second)));
  });

  test('leaves nothing behind when it ends: a later attempt of the job starts anew', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(first));
    adopt(core, first, second);
    core.report(first, { type: 'ended', finished: failed });
    core.receive({ kind: 'event-ack', number: core.journal.lastEvent });
    assert.deepEqual([core.state.attempts.size, core.state.formerRefs.size], [0, 0]);
    const [started] = ofType(core.receive(assignment(third)), 'start-attempt');
    assert.deepEqual(started?.assign.ref, third);
  });

  test('is in a rewritten journal what it is in the first one', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    adopt(core, first, second);
    const again = snapshotRecords(core.journal).reduce(applyRecord, emptyJournal('other'));
    assert.deepEqual(again, core.journal);
  });

  test('keeps others away from its staging folder, which has an older fence’s name', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    adopt(core, first, second);
    const { output } = assignment(first);
    const discarded = core.receive({ kind: 'discard', ref: first, stagingFolder: output.stagingFolder });
    assert.equal(ofType(discarded, 'discard').length, 0);
    for (const kind of ['annul-publish', 'finish-publish'] as const) {
      const effects = core.receive({ kind, ref: first, output, manifest });
      assert.equal(effects.filter((effect) => effect.type === kind).length, 0);
      const [reply] = sent(effects);
      assert.ok(reply !== undefined && 'result' in reply);
      assert.equal(reply.result, 'unreachable');
    }
  });
});

describe('a tombstone', () => {
  test('of a published fence answers its Assign with the outcome and the path', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    core.receive({ kind: 'publish-grant', ref: first, finalName: 'x.mp4' });
    core.input({ type: 'publish-result', ref: first, result: { type: 'published', publishedPath: 'p' } });
    core.receive({ kind: 'event-ack', number: core.journal.lastEvent });
    const again = sent(core.receive(assignment(first)));
    const [answer] = again.flatMap((message) => (message.kind === 'event' ? message.event : []));
    assert.ok(answer?.type === 'finished');
    assert.deepEqual([answer.finished.outcome, answer.finished.publishedPath], ['published', 'p']);
  });

  test('is kept for 30 days, and among the newest 5,000', () => {
    const dayMs = 24 * 3_600_000;
    const bury = (counter: number, atMs: number) =>
      ({ kind: 'tombstone', tombstone: { ref: jobRef('job-a', counter), outcome: 'lost' }, atMs }) as const;
    const old = [bury(1, 0), bury(2, 29 * dayMs)].reduce(applyRecord, emptyJournal('j'));
    const counters = (state: typeof old) =>
      [...state.tombstones.values()].map((one) => one.tombstone.ref.fence.counter);
    assert.deepEqual(counters(old), [1, 2]);
    assert.deepEqual(counters(applyRecord(old, bury(3, 31 * dayMs))), [2, 3]);
    let many = emptyJournal('j');
    for (let counter = 1; counter <= 5_002; counter += 1) many = applyRecord(many, bury(counter, 0));
    assert.deepEqual([many.tombstones.size, counters(many)[0]], [5_000, 3]);
  });
});

describe('a recall', () => {
  test('is answered with the Assign and the state, from the journal', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(first);
    const [answer] = sent(core.receive({ kind: 'recall', ref: first }));
    assert.ok(answer?.kind === 'recalled');
    assert.deepEqual([answer.assign, answer.held?.state], [assignment(first), 'ready']);
    assert.deepEqual(answer.held?.manifest, manifest);
  });

  test('of something that is not held is answered without it', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(sent(core.receive({ kind: 'recall', ref: first })), [{ kind: 'recalled', ref: first }]);
  });
});
