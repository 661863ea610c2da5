import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyRecord, emptyJournal } from '../../../agent/core/journal-fold.ts';
import { CoreDriver, jobRef, ofType } from '../../helpers/agent-core.ts';

test('a crash in the middle of writing that a file is staged leaves no file that nobody was told of', () => {
  const core = new CoreDriver();
  core.attach();
  core.render(jobRef('job-a', 1));
  for (let kept = 0; kept <= core.records.length; kept += 1) {
    const journal = core.records.slice(0, kept).reduce(applyRecord, emptyJournal('journal-1'));
    const again = new CoreDriver({ instanceId: 'instance-2' }, journal);
    const holdsReady = [...again.state.attempts.values()].some(({ state }) => state === 'ready');
    const isTold = again.journal.events.some(({ event }) => event.type === 'ready');
    assert.ok(!holdsReady || isTold, `after ${kept} records`);
  }
});

test('a crash in the middle of writing an end leaves no attempt that goes on although its end will be told', () => {
  const core = new CoreDriver();
  core.attach();
  const ref = jobRef('job-a', 1);
  core.render(ref);
  const cancel = {
    kind: 'cancel',
    ref,
    mode: 'kill',
    graceMs: 0,
    reason: 'wish',
    outcome: 'cancelled',
  } as const;
  core.receive(cancel);
  for (let kept = 0; kept <= core.records.length; kept += 1) {
    const journal = core.records.slice(0, kept).reduce(applyRecord, emptyJournal('journal-1'));
    const again = new CoreDriver({ instanceId: 'instance-2' }, journal);
    const isTold = again.journal.events.some(({ event }) => event.type === 'finished');
    const goesOn = [...again.state.attempts.values()].some(({ state }) => state !== 'finished');
    assert.ok(!isTold || !goesOn, `after ${kept} records`);
    const isCleaned = ofType(again.effects, 'clean-up').length === 1;
    assert.ok(!isTold || isCleaned, `after ${kept} records its log is closed and its folders go`);
    again.attach();
    again.receive({ kind: 'event-ack', number: again.journal.lastEvent });
    assert.ok(!isTold || again.state.attempts.size === 0, `after ${kept} records it is let go`);
  }
});
