import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toExplanation, toJob } from '../../../controller/rpc/job-message.ts';
import { jobWire } from '../../../proto/index.ts';
import { jobRecord, oneJobId } from '../../helpers/fake-farm.ts';

test('A job is told to wait for its time until it has ended, whatever its record has kept', () => {
  const notBeforeMs = 1_700_000_100_000;
  const told = (['delayed', 'held', 'published'] as const).map((state) => {
    const job = { ...jobRecord(oneJobId, state), notBeforeMs };
    return toJob({ job, percent: 0 }).notBefore?.getTime();
  });
  assert.deepEqual(told, [notBeforeMs, notBeforeMs, undefined]);
});

test('Bytes that are estimated, and so no whole number, can be sent', () => {
  const outlook = {
    freeInMs: 0.25,
    missingBytes: 1_999.5,
    copyingMs: 0.5,
    renderingMs: 1.5,
    endInMs: 2.25,
    speed: 0.89,
    speedBasis: 'test encode only',
  };
  const explanation = toExplanation({
    job: jobRecord(oneJobId),
    percent: 0,
    summary: '',
    placeInOrder: 1,
    order: [],
    agents: [{ agentId: 'pc1', feasible: true, reasons: [], outlook }],
    overdue: false,
    basis: '',
  });
  const sent = jobWire.ExplainJobResponse.encode(explanation).finish();
  const [opinion] = jobWire.ExplainJobResponse.decode(sent).agents;
  assert.deepEqual([opinion?.missingBytes, opinion?.copying], [2_000, { seconds: 0, nanos: 500_000 }]);
});
