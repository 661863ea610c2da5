import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DestinationName } from '../../../controller/domain/outbox.ts';
import { dueRows } from '../../../controller/engine/turn/outbox-due.ts';
import { attemptKey } from '../../../controller/engine/turn/state.ts';
import type { OutboxItem } from '../../../controller/outbox/destination.ts';
import { finished, journalEvent, manifest } from '../../helpers/agent-messages.ts';
import { outboxFarm, tellAll } from '../../helpers/outbox-farm.ts';
import { jobId, jobSpec, type TurnFarm } from '../../helpers/turn-farm.ts';

function dueOf(farm: TurnFarm, destination: DestinationName, itemsMax = 100) {
  const request = { destination, itemsMax, told: new Map(), percents: new Map<string, number>() };
  return dueRows(farm.state, request, farm.nowMs, () => '1');
}

/** Job n runs at 10 % on an agent of its own. */
function run(farm: TurnFarm, n: number): void {
  farm.submit(jobSpec(n));
  const session = farm.attach(`pc${n}`);
  const { ref } = farm.assigned(session);
  farm.say(session, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
  const started = { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 } as const;
  farm.say(session, journalEvent(1, ref, started));
  const progress = { state: 'running', percent: 10, framesDone: 15, framesTotal: 150 } as const;
  farm.say(session, { kind: 'progress', ref, ...progress });
}

function idsOf(items: readonly OutboxItem[]): readonly string[] {
  return items.map(({ job }) => job.jobId);
}

describe('what a destination has to be told now', () => {
  it('has a running job once, by its row or by its percent, and at most so many', () => {
    const farm = outboxFarm({ destinations: ['directory'] });
    for (const n of [1, 2]) run(farm, n);
    tellAll(farm);
    run(farm, 3);
    const due = dueOf(farm, 'directory');
    assert.deepEqual(idsOf(due.rows.map(({ item }) => item)), [jobId(3)]);
    assert.deepEqual(idsOf(due.progress), [jobId(1), jobId(2)]);
    assert.deepEqual([due.rows[0]?.item.percent, due.progress[0]?.percent, due.isAll], [10, 10, true]);
    const some = dueOf(farm, 'directory', 2);
    assert.deepEqual([some.rows.length, idsOf(some.progress), some.isAll], [1, [jobId(1)], false]);
  });

  it('shows the attempt that published, also where another one stopped later', () => {
    const farm = outboxFarm({ destinations: ['results'] });
    farm.submit(jobSpec(1));
    const pc1 = farm.attach('pc1');
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    farm.say(pc1, journalEvent(1, ref, { type: 'ready', manifest }));
    const published = finished({ outcome: 'published', publishedPath: 'p' });
    farm.say(pc1, journalEvent(2, ref, { type: 'finished', finished: published }));
    const attempt = farm.state.attempts.get(attemptKey(ref));
    assert.equal(attempt?.outcome, 'published');
    const fence = { ...ref.fence, counter: ref.fence.counter + 1 };
    const later = { ...attempt, fence, agentId: 'pc2', outcome: 'superseded' as const };
    farm.state.attempts.set(attemptKey(later), later);
    farm.state.attemptsOfJob.set(jobId(1), [attempt, later].map(attemptKey));
    const [row] = dueOf(farm, 'results').rows;
    assert.equal(row?.item.attempt?.agentId, 'pc1');
    assert.equal(row.item.attempts?.length, 2);
  });
});
