import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyRecord, emptyJournal } from '../../../agent/core/journal-fold.ts';
import { CoreDriver, jobRef } from '../../helpers/agent-core.ts';

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
