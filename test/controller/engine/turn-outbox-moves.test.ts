import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobSpec } from '../../../controller/domain/job.ts';
import type { DestinationName } from '../../../controller/domain/outbox.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { outboxFarm, rowsOf, tellAll } from '../../helpers/outbox-farm.ts';
import { jobId, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

describe('destinations that come and go between two leaders', () => {
  it('drops the rows of those that are gone, and tells a new directory of open jobs, a new history of ended ones', () => {
    const before = outboxFarm({ destinations: ['results', 'directory'], results: 'all' });
    before.submit(jobSpec(1));
    before.submit(jobSpec(2));
    before.cancel(jobId(2));
    before.restart();
    before.pass(1_000);
    assert.deepEqual(before.state.farm.get('farm')?.destinations, ['results', 'directory']);

    const without = successor(before, ['results', 'history']);
    without.pass(1_000);
    assert.deepEqual(rowsOf(without, 1), []);
    assert.deepEqual(rowsOf(without, 2), ['history', 'results']);
    tellAll(without);

    const again = successor(without, ['results', 'history', 'directory']);
    again.pass(1_000);
    assert.deepEqual(rowsOf(again, 1), ['directory']);
    assert.deepEqual(rowsOf(again, 2), []);
    tellAll(again);
    again.restart();
    again.pass(1_000);
    assert.equal(again.state.rows.size, 0, 'told once');
  });

  it('tells a new history of jobs that would have left while nobody led', () => {
    const before = outboxFarm({ destinations: [] });
    // One turn lets 200 leave.
    for (let n = 1; n <= 5; n += 1) {
      before.submit(jobSpec(n));
      before.cancel(jobId(n));
    }
    before.nowMs += before.settings.times.endedJobsMs + 1;
    const farm = successor(before, ['history']);
    farm.pass(1_000);
    farm.pass(1_000);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((n) => rowsOf(farm, n).join()),
      Array(5).fill('history'),
    );
    tellAll(farm);
    farm.pass(1_000);
    assert.equal(farm.jobState(jobId(5)), 'gone');
  });

  it('goes on in slices, and begins anew where the leader died amid them', () => {
    const farm = outboxFarm({
      destinations: [],
      limits: { ...farmSettings().limits, jobsPerUserMax: 9_000 },
    });
    const specs = Array.from({ length: 1_500 }, (_, index) => jobSpec(index + 1));
    farm.run(...specs.map(submitInput));
    const first = successor(farm, ['directory']);
    first.pass(1_000);
    assert.equal(first.state.rows.size, 1_000);
    const second = successor(first, ['directory']);
    second.pass(1_000);
    second.pass(1_000);
    assert.equal(second.state.rows.size, 1_500);
    assert.deepEqual(second.state.farm.get('farm')?.destinations, ['directory']);
  });
});

function submitInput(spec: JobSpec): Input {
  const resolved = spec.items.map(({ position, itemType }) => ({ position, itemType, path: 'p' }));
  const resolution = { queryMs: 1, found: 0, missing: [], resolvedAtMs: 0 };
  const rest = { username: 'ann', resolved, resolution, shares: ['clips'] };
  return { kind: 'submit', replyId: spec.jobId, requestId: '', bodyHash: '', spec, ...rest };
}

function successor(farm: TurnFarm, destinations: readonly DestinationName[]): TurnFarm {
  const next = new TurnFarm({ ...farm.settings, destinations });
  for (const [key, record] of farm.stored) next.stored.set(key, record);
  next.nowMs = farm.nowMs;
  next.state = farm.state;
  next.restart();
  return next;
}
