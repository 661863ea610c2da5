import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import type { LedLoop } from '../../../controller/directory/led-loop.ts';
import { cancellationLoop } from '../../../controller/directory/supabase-cancellations.ts';
import { FarmError, type FarmErrorCode } from '../../../controller/domain/errors.ts';
import type { JobState } from '../../../controller/domain/job.ts';
import type { JobView } from '../../../controller/engine/farm.ts';
import type { JobOrder } from '../../../controller/engine/orders.ts';
import { jobRecord } from '../../helpers/fake-farm.ts';
import { type MirrorStudio, onBoth } from '../../helpers/mirror-studio.ts';
import { later, outboxItem, published, ran, revision } from '../../helpers/mirrored-job.ts';

const delivered = { result: 'delivered' };

/** What a farm says to orders; it remembers them by their ids. */
class OrderedFarm {
  readonly orders = new Map<string, JobOrder>();
  answer: JobState | FarmErrorCode = 'cancelled';
  serving = true;
  readonly #listeners = new Set<(serving: boolean) => void>();

  orderJob(order: JobOrder): Promise<JobView> {
    this.orders.set(order.requestId, order);
    const { answer } = this;
    if (answer.toUpperCase() === answer) return Promise.reject(new FarmError(answer as FarmErrorCode, 'no'));
    return Promise.resolve({ job: jobRecord(order.jobId, answer as JobState), percent: 0 });
  }

  onServing(listener: (serving: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  serve(serving: boolean): void {
    this.serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }
}

/** Rounds of one loop, each when it is asked for. */
class Rounds {
  readonly farm = new OrderedFarm();
  readonly warnings: string[] = [];
  readonly #loop: LedLoop;
  #go: (() => void) | undefined;
  #idle = Promise.withResolvers<undefined>();

  constructor(t: TestContext, studio: MirrorStudio, farmName = 'farm') {
    this.#loop = cancellationLoop({
      ...{ ...studio.access, farm: this.farm, farmName, everyMs: 1_000, random: () => 0 },
      clock: { after: (_ms, callback) => this.#rest(callback) },
      log: {
        info: () => undefined,
        warn: (_fields, message) => this.warnings.push(message),
      },
    });
    t.after(() => this.#loop.stop());
  }

  /** Resolves when the round under way has ended. */
  async ended(): Promise<void> {
    await this.#idle.promise;
  }

  async next(): Promise<void> {
    await this.#idle.promise;
    this.#idle = Promise.withResolvers();
    this.#go?.();
    await this.#idle.promise;
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  #rest(callback: () => void): () => void {
    this.#go = callback;
    this.#idle.resolve(undefined);
    return () => undefined;
  }
}

/** What earlier tests have left cancelled is no matter of the next. */
async function forgetOthers(studio: MirrorStudio): Promise<void> {
  const cancelledRows = createClient(studio.server.url, 'key')
    .from('jobs')
    .update({ farm_state: 'cancelled' });
  const { error } = await cancelledRows.eq('status', 'cancelled');
  assert.equal(error, null);
}

/** A job of the farm whose row somebody sets to `cancelled`. */
async function cancelled(studio: MirrorStudio, job: Parameters<typeof later>[2] = ran): Promise<string> {
  const item = outboxItem({ job });
  await studio.tell(item);
  await studio.change(item.job.jobId, { status: 'cancelled' });
  return item.job.jobId;
}

onBoth(test, 'Rows that are cancelled outside', async (eachTest) => {
  const each: typeof eachTest = (name, run) =>
    eachTest(name, async (studio, t) => {
      await forgetOthers(studio);
      await run(studio, t);
    });

  await each(
    'What somebody else has cancelled is not written over while the job can still be cancelled',
    async (studio) => {
      const item = outboxItem();
      await studio.tell(item);
      await studio.change(item.job.jobId, { status: 'cancelled' });
      assert.deepEqual(await studio.tell(later(item, 2, ran, 30)), [delivered]);
      assert.partialDeepStrictEqual(await studio.row(item.job.jobId), {
        status: 'cancelled',
        progress: 0,
        farm_state: 'waiting',
      });
      const end = { state: 'cancelled', endedAtMs: 1_700_000_050_000 } as const;
      assert.deepEqual(await studio.tell(later(item, 3, end, 30)), [delivered]);
      assert.partialDeepStrictEqual(await studio.row(item.job.jobId), {
        status: 'cancelled',
        progress: 30,
        farm_state: 'cancelled',
      });
      // It was the farm's own word: a retry goes on from there.
      assert.deepEqual(await studio.tell(later(item, 4, { state: 'waiting' })), [delivered]);
      assert.partialDeepStrictEqual(await studio.row(item.job.jobId), {
        status: 'queued',
        completed_at: null,
      });
    },
  );

  await each(
    "Cancelled before the farm wrote for the first time, the row is the farm's to look at",
    async (studio) => {
      const jobId = randomUUID();
      await studio.insert('jobs', {
        job_id: jobId,
        user_id: 'web',
        channel_name: 'c',
        status: 'cancelled',
      });
      assert.deepEqual(await studio.tell(outboxItem({ job: { ...ran, jobId } })), [delivered]);
      assert.partialDeepStrictEqual(await studio.row(jobId), {
        status: 'cancelled',
        claimed_by: 'farm',
        farm_state: 'running',
      });
    },
  );

  await each('Cancelled between the look and the statement, it stays cancelled', async (studio) => {
    const item = outboxItem();
    await studio.tell(item);
    let cancelled = false;
    studio.server.before = async ({ method }) => {
      if (method !== 'PATCH' || cancelled) return;
      cancelled = true;
      await studio.change(item.job.jobId, { status: 'cancelled' });
    };
    assert.deepEqual(await studio.tell(later(item, 2, ran, 30)), [delivered]);
    assert.equal((await studio.row(item.job.jobId))['status'], 'cancelled');
  });

  await each('What was published is completed, whoever cancelled its row too late', async (studio) => {
    const item = outboxItem();
    await studio.tell(item);
    await studio.change(item.job.jobId, { status: 'cancelled' });
    assert.deepEqual(await studio.tell(later(item, 2, published)), [delivered]);
    assert.equal((await studio.row(item.job.jobId))['status'], 'completed');
  });

  await each(
    'A job of ours is cancelled, once, with a reason that says where it came from',
    async (studio, t) => {
      const jobId = await cancelled(studio);
      const rounds = new Rounds(t, studio);
      await rounds.ended();
      await rounds.next();
      assert.deepEqual(
        [...rounds.farm.orders.values()],
        [
          {
            ...{ kind: 'cancel', jobId, requestId: `supabase-cancel:${jobId}:${revision(1)}` },
            reason: "cancelled in the web application: its row in Supabase's jobs says so",
          },
        ],
      );
      await studio.change(jobId, { farm_state: 'cancelled' });
    },
  );

  await each(
    'Rows of others are nobody of ours: the old farm, another farm, and what the farm cancelled itself',
    async (studio, t) => {
      await studio.insert('jobs', {
        job_id: randomUUID(),
        user_id: 'u',
        channel_name: 'c',
        status: 'cancelled',
      });
      await studio.tell(outboxItem({ job: { state: 'cancelled', endedAtMs: 1 } }));
      const jobId = await cancelled(studio);
      await studio.change(jobId, { claimed_by: 'another' });
      const rounds = new Rounds(t, studio);
      await rounds.ended();
      assert.equal(rounds.farm.orders.size, 0);
    },
  );

  await each("A job that was retried since goes on: its row is the farm's again", async (studio, t) => {
    const jobId = await cancelled(studio);
    const rounds = new Rounds(t, studio);
    rounds.farm.answer = 'running';
    await rounds.ended();
    const item = outboxItem({ job: { ...ran, jobId }, percent: 5, revision: revision(2) });
    assert.deepEqual(await studio.tell(item), [delivered]);
    assert.partialDeepStrictEqual(await studio.row(jobId), { status: 'processing', progress: 5 });
    rounds.farm.orders.clear();
    await studio.change(jobId, { status: 'cancelled' });
    await rounds.next();
    assert.deepEqual([...rounds.farm.orders.keys()], [`supabase-cancel:${jobId}:${revision(2)}`]);
  });

  await each(
    'What has ended gets its status back; what the farm does not know any more is left cancelled',
    async (studio, t) => {
      const jobId = await cancelled(studio, published);
      const forgotten = await cancelled(studio);
      const rounds = new Rounds(t, studio);
      rounds.farm.answer = 'JOB_ARCHIVED';
      await rounds.ended();
      assert.equal((await studio.row(jobId))['status'], 'completed');
      assert.partialDeepStrictEqual(await studio.row(forgotten), {
        status: 'cancelled',
        farm_state: 'cancelled',
      });
      rounds.farm.orders.clear();
      await rounds.next();
      assert.equal(rounds.farm.orders.size, 0);
    },
  );

  await each('What is being published is left to its end', async (studio, t) => {
    const jobId = await cancelled(studio, { ...ran, state: 'publishing' });
    const rounds = new Rounds(t, studio);
    rounds.farm.answer = 'JOB_PUBLISHING';
    await rounds.ended();
    assert.partialDeepStrictEqual(await studio.row(jobId), { status: 'cancelled', farm_state: 'publishing' });
    const end = outboxItem({ job: { ...published, jobId }, revision: revision(2) });
    assert.deepEqual(await studio.tell(end), [delivered]);
    assert.equal((await studio.row(jobId))['status'], 'completed');
  });

  await each('A row whose revision is no number stops no other', async (studio, t) => {
    const rows = ['NaN', '5'].map((each, index) => ({
      ...{ job_id: `${index}${randomUUID().slice(1)}`, user_id: 'u', channel_name: 'c', status: 'cancelled' },
      ...{ claimed_by: 'odd', farm_state: 'running', revision: each },
    }));
    await studio.insert('jobs', ...rows);
    const rounds = new Rounds(t, studio, 'odd');
    await rounds.ended();
    assert.deepEqual(
      [...rounds.farm.orders.values()].map(({ jobId }) => jobId),
      [rows[1]?.job_id],
    );
    assert.deepEqual(rounds.warnings, []);
  });

  await each('More rows than a page has are all seen', async (studio, t) => {
    const rows = Array.from({ length: 130 }, () => ({
      ...{ job_id: randomUUID(), user_id: 'u', channel_name: 'c', status: 'cancelled', revision: '5' },
      ...{ claimed_by: 'many', farm_state: 'running' },
    }));
    for (const at of [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
      await studio.insert('jobs', ...rows.slice(at, at + 10));
    const rounds = new Rounds(t, studio, 'many');
    await rounds.ended();
    assert.equal(rounds.farm.orders.size, 130);
  });

  await each('Only the leader looks, and stops with its leadership', async (studio, t) => {
    await cancelled(studio);
    const rounds = new Rounds(t, studio);
    await rounds.ended();
    rounds.farm.serve(false);
    rounds.farm.orders.clear();
    studio.server.asked.length = 0;
    await rounds.stop();
    assert.deepEqual(studio.server.asked, []);
    const standby = new OrderedFarm();
    standby.serving = false;
    const idle = cancellationLoop({
      ...{ ...studio.access, farm: standby, farmName: 'farm', everyMs: 1, random: () => 0 },
      clock: { after: () => assert.fail('a standby has no rounds') },
      log: { info: () => undefined, warn: () => undefined },
    });
    await idle.stop();
    assert.equal(standby.orders.size, 0);
  });

  await each('Away it is tried again, with one warning', async (studio, t) => {
    await cancelled(studio);
    studio.server.fault = () => ({ status: 503 });
    const rounds = new Rounds(t, studio);
    await rounds.ended();
    await rounds.next();
    assert.equal(rounds.warnings.length, 1);
    studio.server.fault = () => 'none';
    await rounds.next();
    assert.equal(rounds.farm.orders.size, 1);
  });
});
