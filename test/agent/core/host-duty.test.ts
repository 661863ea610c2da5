import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitsForNoRecord } from '../../../agent/core/effects.ts';
import type { FinishedOutcome } from '../../../proto/index.ts';
import {
  announcement,
  assignment,
  CoreDriver,
  declineOf,
  failed,
  jobRef,
  manifest,
  ofType,
  sent,
} from '../../helpers/agent-core.ts';

const [a, b, c] = [jobRef('job-a', 1), jobRef('job-b', 2), jobRef('job-c', 3)];
describe('a mode', () => {
  test('that is not active declines assignments, and gives up what is fetched ahead', () => {
    for (const mode of ['cordoned', 'draining', 'evict'] as const) {
      const core = new CoreDriver({ slots: 2 });
      core.attach();
      core.receive(announcement('job-c'));
      const effects = core.receive({ kind: 'set-mode', mode, deadlineMs: 60_000, reason: 'new card' });
      assert.equal(ofType(effects, 'stop-prefetch')[0]?.why, 'withdrawn');
      assert.deepEqual(
        sent(effects).map((message) => message.kind === 'prefetch-report' && message.state),
        ['withdrawn'],
      );
      assert.equal(declineOf(core, c)?.code, 'CORDONED');
      assert.match(declineOf(core, c)?.reason ?? '', /new card/u);
      assert.equal(ofType(core.receive(announcement('job-c')), 'start-prefetch').length, 0);
    }
  });

  test('of draining lets what is at work come to its end', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    core.receive({ kind: 'set-mode', mode: 'draining', deadlineMs: 1_000, reason: 'r' });
    assert.deepEqual(ofType(core.tick(3_600_000 / 1_000), 'stop-attempt'), []);
  });

  test('of evict stops at the deadline what is at work, as evicted, and leaves what is staged', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.render(a);
    core.receive(assignment(b));
    core.receive({ kind: 'set-mode', mode: 'evict', deadlineMs: 2_000, reason: 'sold' });
    assert.deepEqual(ofType(core.tick(1_999), 'stop-attempt'), []);
    // The stream may break meanwhile: the deadline stands.
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' });
    assert.deepEqual(
      ofType(core.tick(1), 'stop-attempt').map(({ ref }) => ref),
      [b],
    );
    core.report(b, { type: 'ended', finished: failed });
    assert.equal(core.journal.tombstones.get('job-b/1.2')?.tombstone.outcome, 'evicted');
    assert.equal(core.state.attempts.get('job-a/1.1')?.state, 'ready');
  });

  test('of evict without a deadline stops at once', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    const effects = core.receive({ kind: 'set-mode', mode: 'evict', reason: 'now' });
    assert.equal(ofType(effects, 'stop-attempt').length, 1);
  });

  test('ends with the next Welcome, behind which it is sent again', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive({ kind: 'set-mode', mode: 'cordoned', reason: 'r' });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' });
    core.attach();
    assert.equal(declineOf(core, c), undefined);
  });
});

describe('a host check', () => {
  test('is made once, and answered behind the inventory that it changed', () => {
    const core = new CoreDriver();
    core.attach();
    const request = { kind: 'check-host', checkId: 'k', causes: ['DISK_FULL'], shares: [] } as const;
    assert.equal(ofType(core.receive(request), 'check-host').length, 1);
    assert.equal(ofType(core.receive(request), 'check-host').length, 0);
    const answer = core.input({ type: 'host-checked', checkId: 'k', ok: true, detail: 'room again' });
    assert.deepEqual(sent(answer), [{ kind: 'host-checked', checkId: 'k', ok: true, detail: 'room again' }]);
    assert.equal(ofType(core.receive(request), 'check-host').length, 1, 'it may be asked again');
  });

  test('beyond eight at once is turned down', () => {
    const core = new CoreDriver();
    core.attach();
    const request = { kind: 'check-host', causes: [], shares: [] } as const;
    for (let n = 1; n <= 8; n += 1) core.receive({ ...request, checkId: `k${n}` });
    const [answer] = sent(core.receive({ ...request, checkId: 'k9' }));
    assert.ok(answer?.kind === 'host-checked' && !answer.ok);
  });
});

describe('an annulment', () => {
  test('runs once at a time, also for an attempt of another agent, and is answered', () => {
    const core = new CoreDriver();
    core.attach();
    const request = { kind: 'annul-publish', ref: a, output: assignment(a).output, manifest } as const;
    assert.equal(ofType(core.receive(request), 'annul-publish').length, 1);
    assert.equal(ofType(core.receive(request), 'annul-publish').length, 0);
    const answer = core.input({ type: 'annul-publish-result', ref: a, result: { result: 'annulled' } });
    assert.deepEqual(sent(answer), [{ kind: 'annul-publish-reply', ref: a, result: 'annulled' }]);
  });

  test('of an own grant ends the attempt at its next look: the staged file is gone', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(a);
    core.receive({ kind: 'publish-grant', ref: a, finalName: 'x.mp4' });
    core.receive({ kind: 'annul-publish', ref: a, output: assignment(a).output, manifest });
    core.input({ type: 'annul-publish-result', ref: a, result: { result: 'annulled' } });
    core.input({ type: 'publish-result', ref: a, result: { type: 'staging-gone', detail: 'gone' } });
    assert.equal(core.journal.tombstones.get('job-a/1.1')?.tombstone.outcome, 'failed');
  });
});

describe('a grant that is taken back', () => {
  const refused = { kind: 'publish-refused', ref: a, reason: 'annulled' } as const;
  const publishing = () => {
    const core = new CoreDriver();
    core.attach();
    core.render(a);
    core.receive({ kind: 'publish-grant', ref: a, finalName: 'x.mp4' });
    return core;
  };
  const outcomeOf = (core: CoreDriver) => core.journal.tombstones.get('job-a/1.1')?.tombstone.outcome;

  test('ends an attempt that waits for its share: it does not try for ever', () => {
    const core = publishing();
    core.input({ type: 'publish-result', ref: a, result: { type: 'retry', detail: 'another share' } });
    core.receive(refused);
    assert.equal(outcomeOf(core), 'superseded');
    assert.deepEqual(ofType(core.tick(3_600_000), 'publish'), []);
  });

  test('does not hide what a rename under way has done', () => {
    const core = publishing();
    core.receive(refused);
    assert.equal(outcomeOf(core), undefined);
    core.input({ type: 'publish-result', ref: a, result: { type: 'published', publishedPath: 'p' } });
    assert.equal(outcomeOf(core), 'published');
    const late = publishing();
    late.receive(refused);
    late.input({ type: 'publish-result', ref: a, result: { type: 'retry', detail: 'away' } });
    assert.equal(outcomeOf(late), 'superseded');
  });
});

const noSession: FinishedOutcome = {
  ...failed,
  failureClass: 'environment',
  problems: [{ code: 'ENCODER_SESSION_LIMIT', message: 'OpenEncodeSessionEx failed: out of memory (10)' }],
};

function slotsTold(effects: Parameters<typeof sent>[0]) {
  return sent(effects).flatMap((message) => (message.kind === 'inventory' ? message.inventory.slots : []));
}

describe('an encoder without a session left', () => {
  test('costs a slot, at once, and is tried again after ten minutes beside what runs', () => {
    const core = new CoreDriver({ slots: 3 });
    core.attach();
    for (const ref of [a, b, c]) core.receive(assignment(ref));
    assert.deepEqual(slotsTold(core.report(c, { type: 'ended', finished: noSession })), [2]);
    assert.equal(declineOf(core, jobRef('job-d', 4))?.code, 'NO_SLOT');
    assert.deepEqual(ofType(core.tick(599_999), 'probe-sessions'), []);
    assert.deepEqual(ofType(core.tick(1), 'probe-sessions'), [{ type: 'probe-sessions', sessions: 1 }]);
    assert.deepEqual(ofType(core.tick(600_000), 'probe-sessions'), [], 'one at a time');
    assert.deepEqual(slotsTold(core.input({ type: 'sessions-probed', ok: false, detail: 'no' })), []);
    assert.deepEqual(ofType(core.tick(600_000), 'probe-sessions').length, 1);
    core.attach();
    assert.deepEqual(slotsTold(core.input({ type: 'sessions-probed', ok: true, detail: '' })), [3]);
  });

  test('leaves no slot where not even one is left, and all of them come back one by one', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.receive(assignment(a));
    assert.deepEqual(slotsTold(core.report(a, { type: 'ended', finished: noSession })), [0]);
    assert.equal(declineOf(core, c)?.code, 'NO_SLOT');
    core.tick(600_000);
    core.attach();
    assert.deepEqual(slotsTold(core.input({ type: 'sessions-probed', ok: true, detail: '' })), [1]);
    assert.deepEqual(ofType(core.tick(1), 'probe-sessions'), [{ type: 'probe-sessions', sessions: 2 }]);
    assert.deepEqual(slotsTold(core.input({ type: 'sessions-probed', ok: true, detail: '' })), [2]);
    assert.deepEqual(ofType(core.tick(3_600_000), 'probe-sessions'), []);
  });

  test('is in Hello too', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.receive(assignment(a));
    core.report(a, { type: 'ended', finished: noSession });
    const [hello] = sent(core.input({ type: 'link-opened', linkId: 9 }));
    assert.ok(hello?.kind === 'hello');
    assert.equal(hello.inventory.slots, 0);
  });
});

describe('a journal without room', () => {
  test('is told as an inventory without slots, which waits for no record, nor does a decline', () => {
    const core = new CoreDriver();
    core.attach();
    const effects = core.input({ type: 'journal-room', ok: false });
    assert.deepEqual(slotsTold(effects), [0]);
    const declined = core.receive(assignment(a));
    assert.ok([...effects, ...declined].every(waitsForNoRecord));
    assert.deepEqual(slotsTold(core.input({ type: 'journal-room', ok: true })), [1]);
    assert.ok(
      !core.receive(assignment(a)).some((effect) => waitsForNoRecord(effect)),
      'an accepted one waits',
    );
  });
});

test('a PC that slept opens its stream anew, and asks nobody whether the old one is dead', () => {
  const core = new CoreDriver();
  core.attach();
  core.receive(assignment(a));
  const effects = core.input({ type: 'woke', awayMs: 61_000 });
  assert.match(ofType(effects, 'reopen')[0]?.reason ?? '', /61000 ms/u);
  assert.equal(core.state.attempts.size, 1);
});
