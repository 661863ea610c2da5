import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applyRecord } from '../../../agent/core/journal-fold.ts';
import { encodeAgentMessage } from '../../../proto/index.ts';
import { assignment, CoreDriver, failed, jobRef, ofType, sent } from '../../helpers/agent-core.ts';

const a = jobRef('job-a', 1);

describe('Hello', () => {
  test('is the first word on every stream, and lists what is held now', () => {
    const core = new CoreDriver({ slots: 3 });
    core.attach();
    core.render(a);
    core.receive(assignment(jobRef('job-b', 2)));
    core.receive(assignment(jobRef('job-c', 3)));
    core.report(jobRef('job-c', 3), { type: 'ended', finished: failed });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'reset' });
    const [hello] = sent(core.input({ type: 'link-opened', linkId: 9 }));
    assert.ok(hello?.kind === 'hello');
    assert.deepEqual(
      hello.held.map(({ ref, state }) => [ref.jobId, state]),
      [
        ['job-a', 'ready'],
        ['job-b', 'preparing'],
        ['job-c', 'finished'],
      ],
    );
    assert.ok(hello.held[0]?.manifest);
    assert.equal(hello.held[2]?.finished?.outcome, 'failed');
    assert.equal(hello.firstUnackedEvent, 1);
    assert.equal(hello.lastEvent, core.journal.lastEvent);
    assert.equal(hello.highestTerm, 1);
    assert.equal(hello.tombstones.length, 1);
  });

  test('fits a message of 1 MiB, whatever is held and whatever it is called', () => {
    const core = new CoreDriver({ slots: 64 });
    core.attach();
    const publishedPath = `\\\\nas\\Out\\${'影'.repeat(240)}.mp4`;
    const atMs = core.nowMs;
    core.journal = Array.from({ length: 1_000 }, (_, counter) => ({
      ...{ kind: 'tombstone' as const, atMs },
      tombstone: {
        ref: jobRef(`old-${'x'.repeat(120)}`, counter),
        outcome: 'published' as const,
        publishedPath,
      },
    })).reduce(applyRecord, core.journal);
    const again = new CoreDriver({ slots: 64 }, core.journal);
    again.attach();
    const text = '影'.repeat(4_000);
    const problems = Array.from({ length: 100 }, () => ({
      code: 'FILE_MISSING',
      subject: text,
      message: text,
    }));
    for (let counter = 1; counter <= 64; counter += 1) {
      const ref = jobRef(`job-${counter}`, counter);
      again.receive(assignment(ref));
      again.report(ref, { type: 'ended', finished: { ...failed, message: text, problems } });
    }
    const [hello] = sent(again.input({ type: 'link-opened', linkId: 9 }));
    assert.ok(hello?.kind === 'hello');
    assert.deepEqual([hello.held.length, hello.held[0]?.finished?.outcome], [64, 'failed']);
    const bytes = encodeAgentMessage(hello).length;
    assert.ok(bytes < 1024 ** 2, `${bytes} bytes`);
  });

  test('has at most 1,000 tombstones, the newest', () => {
    const core = new CoreDriver();
    core.attach();
    for (let counter = 1; counter <= 1_001; counter += 1) {
      const ref = jobRef(`job-${counter}`, counter);
      core.receive(assignment(ref));
      core.report(ref, { type: 'ended', finished: failed });
      core.receive({ kind: 'event-ack', number: core.journal.lastEvent });
    }
    const [hello] = sent(core.input({ type: 'link-opened', linkId: 9 }));
    assert.ok(hello?.kind === 'hello');
    assert.equal(hello.tombstones.length, 1_000);
    assert.equal(hello.tombstones[0]?.ref.jobId, 'job-2');
  });
});

describe('a leader', () => {
  test('of a lower term than was seen is not obeyed', () => {
    const core = new CoreDriver();
    core.attach({ term: 5 });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'x' });
    const effects = core.attach({ term: 4 });
    assert.equal(ofType(effects, 'alarm')[0]?.code, 'TERM_TOO_LOW');
    assert.equal(ofType(effects, 'reopen').length, 1);
    assert.deepEqual(core.receive(assignment(a)), []);
  });

  test('in the term of another one is not obeyed', () => {
    const core = new CoreDriver();
    core.attach({ term: 5 });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'x' });
    const effects = core.attach({ term: 5, leaderId: 'somebody-else' });
    assert.equal(ofType(effects, 'alarm')[0]?.code, 'TWO_LEADERS');
  });

  test('of another farm begins a new count of terms', () => {
    const core = new CoreDriver();
    core.attach({ term: 5 });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'x' });
    core.attach({ farmId: 'other', term: 2 });
    assert.equal(core.state.link?.session?.term, 2);
    assert.equal(core.journal.farm?.farmId, 'other');
  });

  test('whose term falls under a heartbeat is left', () => {
    const core = new CoreDriver();
    core.attach({ term: 5 });
    assert.equal(ofType(core.receive({ kind: 'heartbeat-ack', sequence: 1, term: 4 }), 'reopen').length, 1);
  });

  test('whose term rises is followed, and the term is remembered', () => {
    const core = new CoreDriver();
    core.attach({ term: 5 });
    core.receive({ kind: 'heartbeat-ack', sequence: 1, term: 8 });
    assert.equal(core.journal.farm?.term, 8);
  });
});

describe('a verdict', () => {
  test('keep changes nothing, stop ends, forget lets go without a report', () => {
    const core = new CoreDriver({ slots: 3 });
    core.attach();
    const [b, c] = [jobRef('job-b', 2), jobRef('job-c', 3)];
    core.receive(assignment(a));
    core.receive(assignment(b));
    core.render(c);
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'x' });
    const before = core.journal.lastEvent;
    const effects = core.attach({
      verdicts: [
        { ref: a, decision: { verdict: 'keep' } },
        { ref: b, decision: { verdict: 'stop', reason: 'given away', outcome: 'superseded' } },
        { ref: c, decision: { verdict: 'forget' } },
      ],
    });
    assert.deepEqual(
      ofType(effects, 'stop-attempt').map(({ ref }) => ref.jobId),
      ['job-b'],
    );
    assert.equal(core.state.attempts.has('job-c/1.3'), false);
    assert.equal(core.journal.attempts.has('job-c/1.3'), false);
    assert.equal(core.journal.lastEvent, before);
    assert.equal(ofType(effects, 'discard').length, 1);
  });

  test('publish is a grant, refused ends a ready attempt as superseded', () => {
    const core = new CoreDriver({ slots: 2 });
    core.attach();
    const b = jobRef('job-b', 2);
    core.render(a);
    core.render(b);
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'x' });
    const effects = core.attach({
      verdicts: [
        { ref: a, decision: { verdict: 'publish', finalName: 'C_job-a.mp4' } },
        { ref: b, decision: { verdict: 'refused', reason: 'another attempt has won' } },
      ],
    });
    assert.equal(ofType(effects, 'publish').length, 1);
    assert.equal(core.journal.attempts.get('job-b/1.2')?.finished?.outcome, 'superseded');
  });
});

describe('a link', () => {
  test('without Welcome in 10 s is given up', () => {
    const core = new CoreDriver();
    core.linkId = 1;
    core.input({ type: 'link-opened', linkId: 1 });
    assert.equal(ofType(core.tick(9_999), 'reopen').length, 0);
    assert.equal(ofType(core.tick(1), 'reopen').length, 1);
  });

  test('whose heartbeats are not answered for three intervals is given up; an answer keeps it', () => {
    const core = new CoreDriver();
    core.attach();
    core.tick(14_000);
    core.receive({ kind: 'heartbeat-ack', sequence: 1, term: 1 });
    assert.equal(ofType(core.tick(14_999), 'reopen').length, 0);
    assert.equal(ofType(core.tick(1), 'reopen').length, 1);
  });

  test('carries a heartbeat at once, then at every interval; a probe is answered at once', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(
      [0, 4_999, 1, 4_999, 1].map((ms) => ofType(core.tick(ms), 'heartbeat').length),
      [1, 0, 1, 0, 1],
    );
    assert.equal(ofType(core.receive({ kind: 'probe', probeId: 'p' }), 'heartbeat')[0]?.probeId, 'p');
  });

  test('that is not the current one is not listened to', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(core.input({ type: 'received', linkId: 99, message: assignment(a) }), []);
    core.input({ type: 'link-closed', linkId: 99, reason: 'late' });
    assert.ok(core.state.link);
  });

  test('that is redirected is opened again at the leader', () => {
    const core = new CoreDriver();
    core.attach();
    const effects = core.receive({
      kind: 'goodbye',
      reason: 'redirect',
      comeBackAfterMs: 5,
      address: 'leader:1',
    });
    assert.equal(ofType(effects, 'reopen')[0]?.address, 'leader:1');
    assert.equal(ofType(effects, 'reopen')[0]?.afterMs, 5);
  });

  test('that is lost leaves the attempts alone, and reports of the meantime follow on the next', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    const lost = core.input({ type: 'link-closed', linkId: core.linkId, reason: 'reset' });
    assert.deepEqual(lost, []);
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 9 });
    core.report(a, { type: 'encoded' });
    const numbers = sent(core.attach()).flatMap((message) =>
      message.kind === 'event' ? message.number : [],
    );
    assert.deepEqual(numbers, [1, 2]);
  });
});

describe('events', () => {
  test('are at most 64 on the wire, and acknowledgements let the next ones go', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 100 });
    for (let position = 0; position < 99; position += 1) {
      core.report(a, { type: 'segment', position, reused: false, frames: 1 });
    }
    const events = () => sent(core.effects).filter((message) => message.kind === 'event');
    assert.equal(events().length, 64);
    core.receive({ kind: 'event-ack', number: 10 });
    assert.equal(events().length, 74);
    assert.deepEqual(
      events().map((event) => event.number),
      Array.from({ length: 74 }, (_, index) => index + 1),
    );
  });

  test('that were committed before the stream broke are not sent again', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    core.report(a, { type: 'encoded' });
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'reset' });
    const again = sent(core.attach({ ackedEvent: 1 })).filter((message) => message.kind === 'event');
    assert.deepEqual(
      again.map((event) => event.number),
      [2],
    );
  });

  test('that a journal lost its number to go on after what the controller has seen', () => {
    const core = new CoreDriver();
    core.attach({ ackedEvent: 7 });
    core.receive(assignment(a));
    core.report(a, { type: 'ended', finished: failed });
    assert.equal(core.journal.lastEvent, 8);
  });
});

describe('progress', () => {
  test('is sent at most once a second, and at least every 30 s', () => {
    const core = new CoreDriver();
    core.attach({ heartbeatMs: 1_000_000 });
    core.receive(assignment(a, { limits: { softRunMs: 1e9, hardRunMs: 1e9, stallMs: 1, startStallMs: 1 } }));
    core.report(a, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 100 });
    const count = (ms: number) => {
      const before = core.effects.length;
      for (let at = 0; at < ms; at += 100) {
        core.report(a, {
          type: 'progress',
          percent: 1,
          framesDone: at,
          framesTotal: 1e6,
          waitedForSharesMs: 0,
        });
        core.tick(100);
      }
      return sent(core.effects.slice(before)).filter((message) => message.kind === 'progress').length;
    };
    assert.equal(count(10_000), 10);
    core.tick(1_000);
    let quiet = 0;
    for (let second = 0; second < 60; second += 1) quiet += sent(core.tick(1_000)).length;
    assert.equal(quiet, 2);
  });

  test('never goes back within an attempt, and stays below 100', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(assignment(a));
    for (const percent of [50, 20, 100]) {
      core.report(a, { type: 'progress', percent, framesDone: 0, framesTotal: 1, waitedForSharesMs: 0 });
      assert.equal(core.state.attempts.get('job-a/1.1')?.percent, percent === 100 ? 99 : 50);
    }
  });
});
