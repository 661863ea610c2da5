import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobLimits, validateJob } from '../../../controller/domain/validate.ts';
import { toJobDraft } from '../../../controller/rpc/to-job-draft.ts';
import { jobWire } from '../../../proto/index.ts';

test('items beyond the limit are counted, and not measured one by one', () => {
  const { itemsMax, itemBytesMax } = jobLimits;
  const item = jobWire.Item.create({ title: 'x'.repeat(itemBytesMax) });
  const items = Array.from({ length: itemsMax + 2 }, () => item);
  const draft = toJobDraft({ ...jobWire.JobSpec.create(), items });
  const sizes = draft.items.map(({ encodedBytes }) => encodedBytes > itemBytesMax);
  assert.deepEqual(sizes, [...Array.from({ length: itemsMax }, () => true), false, false]);
  const judged = validateJob(draft, { isInSourceShare: () => true, newJobId: '', nowMs: 0 });
  assert.ok(!judged.valid);
  assert.equal(judged.code, 'JOB_TOO_LARGE');
  const description = `must be at most ${itemsMax} items, not ${itemsMax + 2}`;
  assert.ok(judged.violations.some((one) => one.field === 'items' && one.description === description));
});
