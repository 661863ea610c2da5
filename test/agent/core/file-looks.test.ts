import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentMessage, FileSeen, LookAtFiles } from '../../../proto/index.ts';
import { CoreDriver, ofType, sent } from '../../helpers/agent-core.ts';

function ask(lookId: string): LookAtFiles {
  return { kind: 'look-at-files', lookId, paths: ['\\\\nas\\Clips\\a.mp4'], limitMs: 8_000 };
}

const seen: readonly FileSeen[] = [{ state: 'readable', sizeBytes: 7 }];

function started(effects: Parameters<typeof sent>[0]): readonly string[] {
  return ofType(effects, 'look-at-files').map((effect) => effect.ask.lookId);
}

function answered(effects: Parameters<typeof sent>[0]): readonly AgentMessage[] {
  return sent(effects).filter(({ kind }) => kind === 'files-seen');
}

describe('a look at files', () => {
  test('starts at once, beside others, and each is answered once', () => {
    const core = new CoreDriver();
    core.attach();
    assert.deepEqual(started(core.receive(ask('a'))), ['a']);
    assert.deepEqual(started(core.receive(ask('b'))), ['b']);
    assert.deepEqual(started(core.receive(ask('b'))), [], 'the same look is one look');
    assert.deepEqual(answered(core.input({ type: 'files', lookId: 'b', files: seen })), [
      { kind: 'files-seen', lookId: 'b', files: seen },
    ]);
    assert.deepEqual(answered(core.input({ type: 'files', lookId: 'b', files: seen })), []);
  });

  test('beyond the limit is answered at once: nothing was looked at', () => {
    const core = new CoreDriver();
    core.attach();
    for (let n = 0; n < 8; n += 1) assert.equal(started(core.receive(ask(`look-${n}`))).length, 1);
    const effects = core.receive(ask('one-more'));
    assert.deepEqual(started(effects), []);
    assert.deepEqual(answered(effects), [
      {
        ...{ kind: 'files-seen', lookId: 'one-more' },
        files: [{ state: 'not-looked', message: 'the agent has 8 looks under way' }],
      },
    ]);
    core.input({ type: 'files', lookId: 'look-0', files: seen });
    assert.deepEqual(started(core.receive(ask('later'))), ['later']);
  });

  test('ends with its stream: what it came to is told to nobody', () => {
    const core = new CoreDriver();
    core.attach();
    core.receive(ask('a'));
    core.attach();
    assert.deepEqual(answered(core.input({ type: 'files', lookId: 'a', files: seen })), []);
  });

  test('is refused by an agent that is leaving', () => {
    const core = new CoreDriver();
    core.attach();
    core.input({ type: 'shutdown', reason: 'shutdown' });
    const effects = core.receive(ask('a'));
    assert.deepEqual(started(effects), []);
    const [answer] = answered(effects);
    assert.ok(answer === undefined || answer.kind === 'files-seen');
    assert.equal(answer?.files[0]?.state, 'not-looked');
  });
});
