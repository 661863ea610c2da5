import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobSpec } from '../../../controller/domain/job.ts';
import { finished, inventory, journalEvent } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { jobId, jobOrder, longJob, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

/** Ten minutes of output, alike for everybody. */
function jobOf(userId: string, n: number, changes: Partial<JobSpec> = {}): JobSpec {
  return longJob(n, 10, { userId, ...changes });
}

/** One agent with one slot, and users who always have jobs waiting. */
class OneSlot {
  readonly farm: TurnFarm;
  readonly starts: string[] = [];
  #session: string | undefined;
  #event = 0;
  #jobs = 0;

  constructor(settings: ConstructorParameters<typeof TurnFarm>[0] = {}) {
    this.farm = new TurnFarm(settings);
  }

  submit(userId: string, count: number, changes: Partial<JobSpec> = {}): number {
    for (let left = count; left > 0; left -= 1) {
      this.#jobs += 1;
      this.farm.submit(jobOf(userId, this.#jobs, changes));
    }
    return this.#jobs;
  }

  attach(queues = inventory().queues): void {
    this.#session = this.farm.attach('pc1', { inventory: inventory({ queues }) });
  }

  /** So many jobs start, one after the other; whose they are. */
  serve(count: number): readonly string[] {
    const users: string[] = [];
    for (let left = count; left > 0; left -= 1) {
      const session = this.#session ?? '';
      const { ref, job } = this.farm.assigned(session);
      users.push(this.farm.state.jobs.get(job.jobId)?.userId ?? '');
      this.farm.say(session, {
        kind: 'assignment-reply',
        ref,
        accepted: true,
        presentBytes: 0,
        presentSegments: 0,
      });
      this.#event += 1;
      this.farm.say(session, journalEvent(this.#event, ref, { type: 'encoded' }));
    }
    return users;
  }
}

function countOf(users: readonly string[], userId: string): number {
  return users.filter((each) => each === userId).length;
}

describe('users who wait side by side', () => {
  it('take turns, whoever came first and with however many jobs', () => {
    const one = new OneSlot();
    one.submit('ann', 20);
    one.submit('ben', 5);
    one.attach();
    const first = one.serve(10);
    assert.equal(countOf(first, 'ann'), 5);
    assert.equal(countOf(first, 'ben'), 5);
    assert.deepEqual(one.serve(5), Array(5).fill('ann'));
  });

  it('get as much as their weights say, and the queues theirs', () => {
    const users = new OneSlot({ userWeights: new Map([['ben', 2]]) });
    users.submit('ann', 20);
    users.submit('ben', 20);
    users.attach();
    assert.equal(countOf(users.serve(15), 'ben'), 10);
    const { queues } = farmSettings();
    const weighted = queues.map((queue) => (queue.name === 'gpu_queue' ? { ...queue, weight: 3 } : queue));
    const byQueue = new OneSlot({ queues: weighted });
    byQueue.submit('ann', 20);
    const firstOfGpu = byQueue.submit('ann', 20, { queue: 'gpu_queue' }) - 19;
    byQueue.attach();
    byQueue.serve(16);
    const started = [...Array(20).keys()].filter(
      (n) => byQueue.farm.jobState(jobId(firstOfGpu + n)) !== 'waiting',
    );
    assert.ok([12, 13].includes(started.length), `${started.length} of gpu_queue started`);
  });

  it('begin even with one who was there before, and with one whose job could not start', () => {
    const one = new OneSlot();
    one.submit('stuck', 1, { wishes: { onlyOn: ['pc9'], notOn: [], labels: [] } });
    const held = one.submit('held', 1);
    one.farm.order(jobOrder('hold', held));
    one.submit('ann', 40);
    one.submit('ben', 40);
    one.attach();
    one.serve(30);
    one.submit('new', 10);
    const users = one.serve(12);
    for (const userId of ['ann', 'ben', 'new'])
      assert.ok(Math.abs(countOf(users, userId) - 4) <= 1, `${userId}: ${users.join(', ')}`);
    // Released after all: no more than any other for the time that it did not want.
    one.farm.order(jobOrder('release', held));
    one.submit('held', 9);
    const after = one.serve(12);
    assert.ok(Math.abs(countOf(after, 'held') - 3) <= 1, after.join(', '));
  });
});

describe('what a user was charged', () => {
  it('is given back when the attempt ended for no fault of the job’s', () => {
    const farm = new TurnFarm();
    farm.submit(jobOf('ann', 1));
    farm.submit(jobOf('ben', 2));
    const pc1 = farm.attach('pc1');
    const had = () => farm.state.charges?.standsAtMs('["ann"]');
    assert.equal(had(), 10 * minute);
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: false, code: 'NO_SPACE', reason: 'full' });
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.equal(had(), 0);
    assert.equal(farm.assigned(pc1).ref.jobId, jobId(2));
  });

  it('is given back for what a cancelled job did not come to', () => {
    const farm = new TurnFarm();
    farm.submit(jobOf('ann', 1));
    farm.submit(jobOf('ann', 3));
    farm.submit(jobOf('ben', 2));
    const pc1 = farm.attach('pc1');
    const had = () => farm.state.charges?.standsAtMs('["ann"]');
    const { ref } = farm.assigned(pc1);
    farm.say(pc1, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    const done = { state: 'running', percent: 30, framesDone: 3, framesTotal: 10 } as const;
    farm.say(pc1, { kind: 'progress', ref, ...done });
    farm.order(jobOrder('cancel', 1));
    assert.equal(had(), 10 * minute, 'its slot is not back yet');
    farm.say(pc1, journalEvent(1, ref, { type: 'finished', finished: finished({ outcome: 'cancelled' }) }));
    assert.equal(had(), 3 * minute);
  });

  it('is known again after a restart as far as it still runs; the rest begins even', () => {
    const one = new OneSlot();
    one.submit('ann', 10);
    one.submit('ben', 10);
    one.attach();
    one.serve(5);
    const { farm } = one;
    const before = farm.state.charges;
    farm.restart();
    assert.equal(farm.state.charges, undefined);
    farm.pass(2 * minute);
    assert.notEqual(farm.state.charges, before);
    const runs = [...farm.state.attempts.values()].filter(({ state }) => state !== 'ended').length;
    const [ann = 0, ben = 0] = ['ann', 'ben'].map((user) =>
      farm.state.charges?.standsAtMs(JSON.stringify([user])),
    );
    assert.equal(ann + ben, runs * 10 * minute);
  });
});
