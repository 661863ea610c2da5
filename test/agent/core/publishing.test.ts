import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assignment, CoreDriver, jobRef, manifest, ofType, sent, usage } from '../../helpers/agent-core.ts';

const a = jobRef('job-a', 1);
const grant = { kind: 'publish-grant' as const, ref: a, finalName: 'C_job-a.mp4' };

function ready(): CoreDriver {
  const core = new CoreDriver();
  core.attach();
  core.render(a);
  return core;
}

describe('publishing', () => {
  test('waits for the grant, which is written down in the step that renames', () => {
    const core = ready();
    assert.equal(ofType(core.effects, 'publish').length, 0);
    const effects = core.receive(grant);
    assert.equal(ofType(effects, 'publish').length, 1);
    assert.equal(core.records.at(-1)?.kind, 'granted');
  });

  test('of one fence begins once, however often it is granted', () => {
    const core = ready();
    core.receive(grant);
    assert.deepEqual(core.receive(grant), []);
    core.input({ type: 'publish-result', ref: a, result: { type: 'published', publishedPath: 'p' } });
    assert.equal(ofType(core.receive(grant), 'publish').length, 0);
  });

  test('goes on while the stream is away', () => {
    const core = ready();
    core.receive(grant);
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'reset' });
    core.input({ type: 'publish-result', ref: a, result: { type: 'published', publishedPath: 'p' } });
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'published');
    const events = sent(core.attach()).flatMap((message) =>
      message.kind === 'event' ? message.event.type : [],
    );
    assert.deepEqual(events, ['started', 'encoded', 'ready', 'finished']);
  });

  test('is tried again with a doubling wait while the share is away, and shows why', () => {
    const core = ready();
    core.receive(grant);
    const fail = () =>
      core.input({ type: 'publish-result', ref: a, result: { type: 'retry', detail: 'no share' } });
    fail();
    assert.equal(ofType(core.tick(999), 'publish').length, 0);
    assert.equal(ofType(core.tick(1), 'publish').length, 1);
    assert.equal(ofType(core.tick(60_000), 'publish').length, 0, 'one try is under way');
    fail();
    assert.equal(ofType(core.tick(1_999), 'publish').length, 0);
    assert.equal(ofType(core.tick(1), 'publish').length, 1);
    assert.equal(core.state.attempts.get('job-a/1.1')?.waiting?.reason, 'no share');
  });

  test('that finds an earlier result ends as published, with an alarm', () => {
    const core = ready();
    core.receive(grant);
    const effects = core.input({
      type: 'publish-result',
      ref: a,
      result: { type: 'earlier-result', publishedPath: 'p', detail: 'was there' },
    });
    assert.equal(ofType(effects, 'alarm')[0]?.code, 'EARLIER_RESULT');
    assert.equal(core.journal.attempts.get('job-a/1.1')?.finished?.outcome, 'published');
    assert.equal(ofType(effects, 'discard').length, 0, 'the dead folder is kept');
  });

  test('whose staged file is gone fails, and is the environment’s fault', () => {
    const core = ready();
    core.receive(grant);
    core.input({ type: 'publish-result', ref: a, result: { type: 'staging-gone', detail: 'gone' } });
    const finished = core.journal.attempts.get('job-a/1.1')?.finished;
    assert.equal(finished?.outcome, 'failed');
    assert.equal(finished.failureClass, 'environment');
  });

  test('for an owner that is gone runs once at a time, and is answered', () => {
    const core = new CoreDriver();
    core.attach();
    const request = { kind: 'finish-publish' as const, ref: a, output: assignment(a).output, manifest };
    assert.equal(ofType(core.receive(request), 'finish-publish').length, 1);
    assert.equal(ofType(core.receive(request), 'finish-publish').length, 0);
    const effects = core.input({ type: 'finish-publish-result', ref: a, result: { result: 'absent' } });
    assert.equal(sent(effects)[0]?.kind, 'finish-publish-reply');
    assert.equal(ofType(core.receive(request), 'finish-publish').length, 1);
  });

  test('leaves a staging folder alone while its attempt lives, whoever wants it discarded', () => {
    const core = ready();
    const { stagingFolder } = assignment(a).output;
    assert.equal(ofType(core.receive({ kind: 'discard', ref: a, stagingFolder }), 'discard').length, 0);
    core.receive({ kind: 'publish-refused', ref: a, reason: 'no' });
    assert.equal(ofType(core.receive({ kind: 'discard', ref: a, stagingFolder }), 'discard').length, 1);
  });
});

describe('announcements', () => {
  const announce = (id: string, jobId: string) => ({
    kind: 'announce' as const,
    announcementId: id,
    jobId,
    channelName: 'C',
    items: [],
  });

  test('are fetched ahead, and given up when they are withdrawn', () => {
    const core = new CoreDriver();
    core.attach();
    assert.equal(ofType(core.receive(announce('n1', 'job-b')), 'start-prefetch').length, 1);
    const effects = core.receive({ kind: 'withdraw', announcementId: 'n1', jobId: 'job-b' });
    assert.equal(ofType(effects, 'stop-prefetch')[0]?.why, 'withdrawn');
    assert.ok(sent(effects).some((message) => message.kind === 'prefetch-report'));
  });

  test('that are withdrawn without being held are answered', () => {
    const core = new CoreDriver();
    core.attach();
    const [report] = sent(core.receive({ kind: 'withdraw', announcementId: 'n9', jobId: 'job-z' }));
    assert.ok(report?.kind === 'prefetch-report' && report.state === 'withdrawn');
  });

  test('of a job that is here, or beyond two a slot, are turned down', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    assert.equal(ofType(core.receive(announce('n1', 'job-a')), 'start-prefetch').length, 0);
    core.receive(announce('n2', 'job-b'));
    core.receive(announce('n3', 'job-c'));
    assert.equal(ofType(core.receive(announce('n4', 'job-d')), 'start-prefetch').length, 0);
  });

  test('of a stream that is over make room for those of the next one: nobody will withdraw them', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(announce('n1', 'job-b'));
    core.receive(announce('n2', 'job-c'));
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' });
    core.attach();
    const effects = core.receive(announce('n3', 'job-d'));
    assert.deepEqual(
      ofType(effects, 'stop-prefetch').map(({ announcementId }) => announcementId),
      ['n1'],
    );
    assert.equal(ofType(effects, 'start-prefetch').length, 1);
    assert.equal(ofType(core.receive(announce('n4', 'job-e')), 'start-prefetch').length, 1);
    assert.equal(ofType(core.receive(announce('n5', 'job-f')), 'start-prefetch').length, 0);
  });
});

describe('a clean leave', () => {
  test('stops and gives back what renders, keeps what is ready, then says Goodbye and exits', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    core.render(a);
    const b = jobRef('job-b', 2);
    core.receive(assignment(b));
    const asked = core.input({ type: 'shutdown', reason: 'shutdown' });
    assert.deepEqual(
      ofType(asked, 'stop-attempt').map(({ ref }) => ref),
      [b],
    );
    assert.ok(!sent(asked).some((message) => message.kind === 'goodbye'));
    const ended = core.report(b, {
      type: 'ended',
      finished: { outcome: 'failed', problems: [], stderrTail: [], usage: usage },
    });
    const words = sent(ended);
    assert.deepEqual(
      words.map((message) => message.kind),
      ['event', 'goodbye'],
    );
    assert.ok(words[1]?.kind === 'goodbye');
    assert.deepEqual(words[1].givesBack, [b]);
    assert.equal(core.journal.attempts.get('job-b/1.2')?.finished?.outcome, 'returned');
    assert.equal(ofType(ended, 'exit').length, 0);
    const acked = core.receive({ kind: 'event-ack', number: core.journal.lastEvent });
    assert.equal(ofType(acked, 'exit').length, 1);
    assert.equal(core.journal.attempts.has('job-a/1.1'), true);
  });

  test('takes nothing new, and does not wait for ever for an acknowledgement', () => {
    const core = new CoreDriver();
    core.attach();
    core.render(a);
    assert.equal(ofType(core.input({ type: 'shutdown', reason: 'shutdown' }), 'exit').length, 0);
    const reply = sent(core.receive(assignment(jobRef('job-b', 2))))[0];
    assert.ok(reply?.kind === 'assignment-reply' && !reply.accepted && reply.code === 'SHUTTING_DOWN');
    assert.equal(ofType(core.tick(2_000), 'exit').length, 1);
    assert.equal(ofType(core.tick(2_000), 'exit').length, 0);
  });

  test('without a controller exits as soon as nothing is at work', () => {
    const core = new CoreDriver();
    assert.equal(ofType(core.input({ type: 'shutdown', reason: 'shutdown' }), 'exit').length, 1);
  });
});

describe('a new instance', () => {
  test('holds what is ready, granted and finished; the rest ended with its process', () => {
    const core = new CoreDriver({ slots: 9 });
    core.attach();
    const [b, c, d] = [jobRef('job-b', 2), jobRef('job-c', 3), jobRef('job-d', 4)];
    core.render(a);
    core.render(b);
    core.receive({ kind: 'publish-grant', ref: b, finalName: 'granted.mp4' });
    core.receive(assignment(c));
    core.receive(assignment(d));
    core.report(d, {
      type: 'ended',
      finished: { outcome: 'failed', problems: [], stderrTail: [], usage: usage },
    });
    const next = new CoreDriver({ instanceId: 'i2' }, core.journal);
    assert.deepEqual(
      [...next.state.attempts.values()].map((live) => [live.ref.jobId, live.state]),
      [
        ['job-a', 'ready'],
        ['job-b', 'publishing'],
        ['job-d', 'finished'],
      ],
    );
    const [again] = ofType(next.effects, 'publish');
    assert.equal(again?.output.finalName, 'granted.mp4');
    assert.deepEqual(
      ofType(next.effects, 'clean-up').map(({ assign }) => assign.ref),
      [c, d],
      'also what has ended: the process may have been killed before that was done',
    );
    assert.equal(next.journal.tombstones.get('job-c/1.3')?.tombstone.outcome, 'lost');
  });
});
