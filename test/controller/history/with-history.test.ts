import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmView } from '../../../controller/engine/farm.ts';
import type { History, PastJobDetail } from '../../../controller/history/port.ts';
import { withHistory } from '../../../controller/history/with-history.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { jobRecord } from '../../helpers/fake-farm.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

/** A leading farm that has left one job to history, with these items. */
async function open(items = jobSpec(1).items) {
  const controller = await new EngineController().start();
  const job = { ...jobRecord(jobId(1), 'failed'), endedAtMs: 1_700_000_070_000 };
  const past: PastJobDetail = { job, percent: 0, spec: jobSpec(1, { items }), attempts: [] };
  const history: History = {
    get: (id) => Promise.resolve(id === jobId(1) ? past : undefined),
    list: () => Promise.resolve([]),
  };
  const alarms: AlarmView[] = [];
  return { controller, alarms, farm: withHistory(controller.engine, history, () => alarms) };
}

const retry = { kind: 'retry', jobId: jobId(1), reason: '', requestId: '' } as const;

test('A job of which history has no items that can be used is not begun anew, and stays what it was', async () => {
  const { farm, controller } = await open([]);
  await assert.rejects(farm.orderJob(retry), {
    code: 'INVALID_JOB',
    message: `No items found for job ${jobId(1)}: history has none that can be used`,
  });
  assert.equal((await farm.job(jobId(1))).job.state, 'failed');
  assert.equal((await controller.engine.summary()).jobs.size, 0);
});

test('With its items it is; what is no retry is refused as ever', async () => {
  const { farm } = await open();
  const cancel = { ...retry, kind: 'cancel' } as const;
  await assert.rejects(farm.orderJob(cancel), { code: 'JOB_NOT_FOUND' });
  assert.equal((await farm.orderJob(retry)).job.state, 'waiting');
  await assert.rejects(farm.orderJob({ ...retry, jobId: jobId(2) }), { code: 'JOB_NOT_FOUND' });
});

test('Alarms of this controller stand before those of the farm, while they stand', async () => {
  const { farm, alarms } = await open();
  assert.deepEqual((await farm.summary()).alarms, []);
  alarms.push({ atMs: 1, event: 'logs-unwritable', fields: { reason: 'ENOSPC' } });
  assert.deepEqual((await farm.summary()).alarms, alarms);
});
