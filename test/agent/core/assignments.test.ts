import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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

const a = jobRef('job-a', 1);

function replies(effects: Parameters<typeof sent>[0]) {
  return sent(effects).flatMap((message) => (message.kind === 'assignment-reply' ? message : []));
}

describe('an assignment', () => {
  test('is written down in the very step that answers and starts it', () => {
    const core = new CoreDriver();
    core.attach();
    const effects = core.receive(assignment(a));
    assert.deepEqual(
      effects.map((effect) => effect.type),
      ['start-attempt', 'send'],
    );
    assert.equal(core.records.at(-1)?.kind, 'accepted');
    assert.equal(replies(effects)[0]?.accepted, true);
  });

  test('that comes again with the same fence is answered, and starts nothing', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    const again = core.receive(assignment(a));
    assert.equal(ofType(again, 'start-attempt').length, 0);
    assert.equal(replies(again)[0]?.accepted, true);
  });

  test('of a fence that has ended is answered with its old outcome', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    core.report(a, { type: 'ended', finished: failed });
    core.receive({ kind: 'event-ack', number: core.journal.lastEvent });
    const again = core.receive(assignment(a));
    assert.equal(ofType(again, 'start-attempt').length, 0);
    const events = sent(again).filter((message) => message.kind === 'event');
    assert.equal(events.length, 1);
    assert.deepEqual(events[0]?.event.type === 'finished' && events[0].event.finished.outcome, 'failed');
  });

  test('finds no slot while another attempt renders, and finds one from its last encoded frame on', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    const b = jobRef('job-b', 2);
    const refused = replies(core.receive(assignment(b)))[0];
    assert.equal(refused?.accepted === false && refused.code, 'NO_SLOT');
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    core.report(a, { type: 'encoded' });
    assert.equal(replies(core.receive(assignment(b)))[0]?.accepted, true);
  });

  test('with an older fence than the job had here is stale', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(jobRef('job-a', 5)));
    const reply = replies(core.receive(assignment(jobRef('job-a', 4))))[0];
    assert.equal(reply?.accepted === false && reply.code, 'STALE_FENCE');
  });

  test('of a job whose process tree still runs is declined, and the old attempt is ended', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.receive(assignment(a));
    const newer = jobRef('job-a', 2);
    const effects = core.receive(assignment(newer));
    const reply = replies(effects)[0];
    assert.equal(reply?.accepted === false && reply.code, 'PREVIOUS_ATTEMPT_RUNNING');
    assert.equal(ofType(effects, 'stop-attempt').length, 1);
    core.report(a, { type: 'ended', finished: failed });
    const finished = core.journal.attempts.get('job-a/1.1')?.finished;
    assert.equal(finished?.outcome, 'superseded');
    assert.equal(replies(core.receive(assignment(newer)))[0]?.accepted, true);
  });

  test('is declined while the journal has no room', () => {
    const core = new CoreDriver();
    core.attach();
    core.input({ type: 'journal-room', ok: false });
    const reply = replies(core.receive(assignment(a)))[0];
    assert.equal(reply?.accepted === false && reply.code, 'JOURNAL_FULL');
    core.input({ type: 'journal-room', ok: true });
    assert.equal(replies(core.receive(assignment(a)))[0]?.accepted, true);
  });

  test('makes the announcement of its job void, after the attempt has started', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive({ kind: 'announce', announcementId: 'n1', jobId: 'job-a', channelName: 'C', items: [] });
    core.input({
      type: 'prefetch',
      report: { announcementId: 'n1', jobId: 'job-a', state: 'done', files: 2, bytes: 77 },
    });
    const effects = core.receive(assignment(a));
    assert.deepEqual(
      effects.map((effect) => effect.type),
      ['start-attempt', 'stop-prefetch', 'send'],
    );
    assert.equal(ofType(effects, 'stop-prefetch')[0]?.why, 'assigned');
    const reply = replies(effects)[0];
    assert.equal(reply?.accepted === true && reply.presentBytes, 77);
    assert.equal(core.state.announcements.size, 0);
  });
});

describe('a cancel', () => {
  const cancel = {
    kind: 'cancel' as const,
    ref: a,
    mode: 'graceful' as const,
    graceMs: 100,
    reason: 'a person said so',
    outcome: 'cancelled' as const,
  };

  test('of something that is not held is answered with its outcome, once', () => {
    const core = new CoreDriver();
    core.attach();
    const events = [...sent(core.receive(cancel)), ...sent(core.receive(cancel))];
    assert.equal(events.length, 1);
    assert.equal(events[0]?.kind, 'event');
  });

  test('names the outcome, whatever the process says when it dies of it', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    assert.equal(ofType(core.receive(cancel), 'stop-attempt')[0]?.mode, 'graceful');
    assert.equal(
      ofType(core.receive({ ...cancel, mode: 'kill', outcome: 'evicted' }), 'stop-attempt').length,
      1,
    );
    assert.equal(ofType(core.receive(cancel), 'stop-attempt').length, 0);
    core.report(a, { type: 'ended', finished: failed });
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'cancelled');
  });

  test('that crosses the staged file throws the staging folder away', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    core.report(a, { type: 'encoded' });
    core.receive(cancel);
    const effects = core.report(a, { type: 'staged', manifest, usage });
    assert.equal(ofType(effects, 'discard').length, 1);
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'cancelled');
  });

  test('of a ready attempt ends it at once; of a granted one it changes nothing', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.render(a);
    core.receive(cancel);
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'cancelled');
    const b = jobRef('job-b', 2);
    core.render(b);
    core.receive({ kind: 'publish-grant', ref: b, finalName: 'C_job-b.mp4' });
    core.receive({ ...cancel, ref: b });
    assert.equal(core.state.attempts.get('job-b/1.2')?.state, 'publishing');
  });
});

describe('run time', () => {
  test('beyond the soft limit stops the attempt cleanly, beyond the hard one by force', () => {
    const core = new CoreDriver();
    core.attach({ heartbeatMs: 1_000_000 });
    core.receive(assignment(a));
    assert.equal(ofType(core.tick(9_999), 'stop-attempt').length, 0);
    assert.equal(ofType(core.tick(1), 'stop-attempt')[0]?.mode, 'graceful');
    assert.equal(ofType(core.tick(1_000), 'stop-attempt').length, 0);
    assert.equal(ofType(core.tick(1_000), 'stop-attempt')[0]?.mode, 'kill');
    core.report(a, { type: 'ended', finished: failed });
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'timed-out');
  });

  test('does not count the waiting for shares, and ends with the last encoded frame', () => {
    const core = new CoreDriver();
    core.attach({ heartbeatMs: 1_000_000 });
    core.receive(assignment(a));
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    core.report(a, { type: 'progress', percent: 1, framesDone: 0, framesTotal: 1, waitedForSharesMs: 5_000 });
    assert.equal(ofType(core.tick(14_000), 'stop-attempt').length, 0);
    core.report(a, { type: 'encoded' });
    assert.equal(ofType(core.tick(90_000), 'stop-attempt').length, 0);
  });
});
