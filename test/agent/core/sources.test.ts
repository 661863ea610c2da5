import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AskSources, RenderOptions } from '../../../proto/index.ts';
import { extraFeatures, noOptions, requiredFeatures } from '../../../proto/index.ts';
import { assignment, CoreDriver, jobRef, ofType, sent } from '../../helpers/agent-core.ts';

function ask(jobId: string): AskSources {
  return { kind: 'ask-sources', jobId, enable4k: false, rateProfile: 'studio', items: [] };
}

const found = { totalBytes: 100, presentBytes: 70, presentSegments: 2, presentOutputMs: 4_000 };

function looked(effects: Parameters<typeof sent>[0]): readonly string[] {
  return ofType(effects, 'look-at-sources').map((effect) => effect.ask.jobId);
}

describe('an ask for sources', () => {
  test('is looked into one at a time, and each is answered', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(looked(core.receive(ask('a'))), ['a']);
    assert.deepEqual(looked(core.receive(ask('b'))), []);
    assert.deepEqual(looked(core.receive(ask('b'))), [], 'a repeated ask waits once');
    const first = core.input({ type: 'sources', jobId: 'a', found });
    assert.deepEqual(sent(first), [
      { kind: 'sources-report', jobId: 'a', totalBytes: 100, presentBytes: 70, presentOutputMs: 4_000 },
    ]);
    assert.deepEqual(looked(first), ['b']);
    const second = core.input({
      type: 'sources',
      jobId: 'b',
      found: { totalBytes: 0, presentBytes: 0, presentSegments: 0, presentOutputMs: 0, message: 'away' },
    });
    assert.deepEqual(looked(second), []);
    const [answer] = sent(second);
    assert.ok(answer?.kind === 'sources-report');
    assert.equal(answer.message, 'away');
  });

  test('beyond what may wait is answered at once, with the reason', () => {
    const core = new CoreDriver();
    core.attach();
    for (let n = 0; n <= 256; n += 1) core.receive(ask(`job-${n}`));
    const [answer] = sent(core.receive(ask('one-more')));
    assert.ok(answer?.kind === 'sources-report');
    assert.deepEqual([answer.totalBytes, answer.message], [0, '256 asks are waiting']);
  });

  test('ends with its stream, but for the one that is looked into', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(ask('a'));
    core.receive(ask('b'));
    core.input({ type: 'link-closed', linkId: core.linkId, reason: 'cut' });
    core.attach();
    assert.deepEqual(looked(core.receive(ask('c'))), [], 'the look at a goes on');
    assert.deepEqual(looked(core.input({ type: 'sources', jobId: 'a', found })), ['c']);
    assert.deepEqual(
      looked(core.input({ type: 'sources', jobId: 'c', found })),
      [],
      'b went with its stream',
    );
    assert.deepEqual(looked(core.receive(ask('b'))), ['b']);
  });

  test('is what Hello promises', () => {
    const core = new CoreDriver();
    const [hello] = sent(core.attach());
    assert.ok(hello?.kind === 'hello');
    assert.ok(hello.features.includes('sources'));
  });
});

describe('the options of a job', () => {
  test('are all promised: none is left to agents that do not know it', () => {
    const [hello] = sent(new CoreDriver().attach());
    assert.ok(hello?.kind === 'hello');
    const off = Object.entries(noOptions);
    const options = Object.fromEntries(off.map(([name]) => [name, true])) as unknown as RenderOptions;
    const asked = [
      ...requiredFeatures({ options, items: [{ normalizeLoudness: true }] }),
      ...extraFeatures(options),
    ];
    assert.equal(asked.length, off.length + 1, 'each option is one feature, and so is the one of items');
    assert.deepEqual(
      asked.filter((feature) => !hello.features.includes(feature)),
      [],
    );
  });
});

describe('the answer to an assignment', () => {
  const replyTo = (core: CoreDriver) => {
    const [reply] = sent(core.receive(assignment(jobRef('job-a', 1))));
    assert.ok(reply?.kind === 'assignment-reply' && reply.accepted);
    return [reply.presentBytes, reply.presentSegments];
  };

  test('says what the last look found here, and what a prefetch has brought since', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(ask('job-a'));
    core.input({ type: 'sources', jobId: 'job-a', found });
    core.receive({ kind: 'announce', announcementId: 'n', jobId: 'job-a', channelName: 'C', items: [] });
    core.input({
      type: 'prefetch',
      report: {
        announcementId: 'n',
        jobId: 'job-a',
        state: 'fetching',
        files: 1,
        bytes: 90,
        totalBytes: 100,
      },
    });
    assert.deepEqual(replyTo(core), [90, 2]);
    assert.equal(core.state.sources.size, 0, 'what a job has that is here is its own affair');
  });

  test('says it also of a job that was never announced, and a look that failed later takes nothing away', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(ask('job-a'));
    core.input({ type: 'sources', jobId: 'job-a', found });
    core.receive(ask('job-a'));
    const nothing = { totalBytes: 0, presentBytes: 0, presentSegments: 0, presentOutputMs: 0 };
    core.input({ type: 'sources', jobId: 'job-a', found: { ...nothing, message: 'away' } });
    assert.deepEqual(replyTo(core), [70, 2]);
  });

  test('claims nothing of a job that nobody asked about', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(replyTo(core), [0, 0]);
  });
});

test('a copy speed is told when it is another one, not at every copy', () => {
  const core = new CoreDriver();
  core.attach();
  const told = (bytesPerSecond: number) =>
    sent(core.input({ type: 'copy-speed', bytesPerSecond })).map(
      (message) => message.kind === 'inventory' && message.inventory.copyBytesPerSecond,
    );
  assert.deepEqual(told(100e6), [100e6]);
  assert.deepEqual(told(109e6), []);
  assert.deepEqual(told(111e6), [111e6]);
});
