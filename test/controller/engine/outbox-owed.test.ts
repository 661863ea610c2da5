import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { owedBy } from '../../../controller/engine/turn/outbox-owed.ts';
import { jobRecord } from '../../helpers/fake-farm.ts';
import { jobId } from '../../helpers/turn-farm.ts';

const before = jobRecord(jobId(1));

function owed(changes: Partial<JobRecord>): readonly string[] {
  return owedBy({ destinations: ['directory', 'results', 'history'] }, before, { ...before, ...changes });
}

test('The directory hears of each thing that its row shows, and nobody else does before the end', () => {
  const shown: Partial<JobRecord> = {
    state: 'running',
    startedAtMs: 7,
    endedAtMs: 8,
    agentId: 'pc7',
    queue: 'another_queue',
    outputPath: 'p',
    finalDurationMs: 9,
    errorMessage: 'no such file',
    cancelReason: 'not wanted',
  };
  for (const [name, value] of Object.entries(shown)) {
    assert.deepEqual(owed({ [name]: value }), ['directory'], name);
  }
});

test('Nobody hears of what no row shows', () => {
  assert.deepEqual(owed({ priority: 'low', sequence: 99, attemptCount: 3, reason: 'waits for a slot' }), []);
});
