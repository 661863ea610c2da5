import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { supabaseHistory } from '../../../controller/directory/supabase-history.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import {
  type History,
  HistoryAway,
  type HistoryFilter,
  type HistoryPlace,
} from '../../../controller/history/port.ts';
import { noOptions } from '../../../proto/render-options.ts';
import { type MirrorStudio, onBoth } from '../../helpers/mirror-studio.ts';
import { oneItem, outboxItem, published } from '../../helpers/mirrored-job.ts';

function historyOf(studio: MirrorStudio, requestMs = 10_000): History {
  const isInSourceShare = (path: string): boolean => path.startsWith('\\\\nas\\Clips\\');
  return supabaseHistory({ ...studio.access, requestMs, isInSourceShare });
}

/** Jobs of one user that ended, each so many ms after the first. */
async function ended(studio: MirrorStudio, userId: string, ...jobs: readonly Partial<JobRecord>[]) {
  const items = jobs.map((job) =>
    outboxItem({ job: { ...published, endedAtMs: 1_700_000_100_000, userId, ...job } }),
  );
  // A statement of the stand-in takes 100 values.
  for (let at = 0; at < items.length; at += 5) await studio.tell(...items.slice(at, at + 5));
  return items.map(({ job }) => job.jobId);
}

async function listed(history: History, filter: HistoryFilter, size = 100): Promise<readonly string[]> {
  return (await history.list(filter, size)).map(({ job }) => job.jobId);
}

onBoth(test, 'History in the studio’s tables', async (each, database) => {
  await each('A job comes back as it was asked for, and as it ended', async (studio) => {
    const options = { ...noOptions, preview: true, rateProfile: 'quality' } as const;
    const wishes = { onlyOn: ['pc1'], notOn: [], labels: ['big'] };
    const items = [
      { ...oneItem, title: 't', text: 'Hi', durationMs: 2_500, logoPath: '\\\\nas\\Clips\\l.png' },
      { position: 4, itemType: 'image', videoId: 'v', is4k: true, pathAvailable: false } as const,
      { ...oneItem, position: 9, normalizeLoudness: true } as const,
    ];
    const job = {
      ...published,
      priority: 'high',
      features: ['logo_overlay'],
      attemptCount: 3,
      state: 'quarantined',
    } as const;
    const item = outboxItem({
      job: { ...job, errorMessage: 'no', wishes, options },
      items,
      spec: { wishes, options, queue: 'own' },
    });
    await studio.tell(item);
    const past = await historyOf(studio).get(item.job.jobId.toUpperCase());
    assert.ok(past);
    assert.deepEqual(past.spec, item.body.spec);
    assert.partialDeepStrictEqual(past.job, { ...item.job, timeline: [], itemCount: 3, videoCount: 2 });
    assert.equal(past.percent, 0);
  });

  await each('Open jobs, jobs that are not there and ids that are none are not kept', async (studio) => {
    const open = outboxItem({ job: { state: 'running' } });
    await studio.tell(open);
    for (const id of [open.job.jobId, randomUUID(), 'nonsense', "x' or true"])
      assert.equal(await historyOf(studio).get(id), undefined, id);
  });

  await each('Jobs of old workers are shown with what they say', async (studio) => {
    const jobId = randomUUID();
    const times = { created_at: '2024-05-01T10:00:00.000Z', completed_at: '2024-05-01T10:05:00.000Z' };
    const row = {
      job_id: jobId,
      user_id: 'celery',
      channel_name: 'Old',
      status: 'failed',
      progress: 40,
      ...times,
    };
    await studio.insert('jobs', { ...row, error_message: 'FFmpeg failed with return code 1' });
    await studio.insert('job_items', { job_id: jobId, position: 0, item_type: 'video', path: oneItem.path });
    const history = historyOf(studio);
    assert.deepEqual(await listed(history, { userId: 'celery', states: ['failed'] }), [jobId]);
    assert.deepEqual(await listed(history, { userId: 'celery', states: ['published', 'quarantined'] }), []);
    const past = await history.get(jobId);
    assert.equal(past?.job.endedAtMs, Date.parse(times.completed_at));
    assert.deepEqual([past.job.state, past.percent, past.spec.items], ['failed', 40, [oneItem]]);
  });

  await each('What the farm would not take is shown without items', async (studio) => {
    const items = [oneItem, { ...oneItem, position: 1, path: '\\\\other\\Secret\\a.mp4' }];
    const item = outboxItem({ job: published, items });
    await studio.tell(item);
    const past = await historyOf(studio).get(item.job.jobId);
    assert.deepEqual(past?.spec.items, []);
    assert.equal(past.job.itemCount, 2);
    await studio.change(item.job.jobId, { farm_job: { nonsense: true }, farm_state: 'nonsense' });
    assert.equal((await historyOf(studio).get(item.job.jobId))?.job.state, 'published');
  });

  await each('What nobody could mean is as if it were not there', async (studio) => {
    const [first = '', second = ''] = await ended(studio, 'odd', { state: 'failed' }, { state: 'failed' });
    await studio.change(first, { farm_state: null, status: 'constructor' });
    assert.equal(await historyOf(studio).get(first), undefined);
    const counts = {
      attemptCount: 2 ** 53 - 1,
      charged: 0,
      losses: 0,
      sequence: 1,
      itemCount: 1,
      videoCount: 1,
    };
    const names = {
      username: 'ann',
      rateProfile: 'studio',
      routeRule: '',
      estimateMs: 1,
      shares: [],
      features: [],
    };
    const asked = { deadlineMs: 2 ** 53 - 1, priority: 'high' };
    await studio.change(second, { farm_job: JSON.stringify({ asked, ended: { ...counts, ...names } }) });
    const past = await historyOf(studio).get(second);
    assert.deepEqual([past?.job.attemptCount, past?.job.deadlineMs], [0, undefined]);
    const dated = { ...counts, attemptCount: 2, ...names, logDate: '../../x' };
    await studio.change(second, { farm_job: JSON.stringify({ asked: {}, ended: dated }) });
    const job = (await historyOf(studio).get(second))?.job;
    assert.deepEqual([job?.attemptCount, job?.logDate], [2, undefined]);
    // SQLite has no such number.
    if (database === 'pglite') await studio.change(second, { final_duration: 'NaN' });
    assert.deepEqual(await listed(historyOf(studio), { userId: 'odd' }), [second]);
  });

  await each('Filters all hold at once', async (studio) => {
    const base = 1_700_000_100_000;
    const [a, b, c] = await ended(
      studio,
      'filters',
      { channelName: 'Kids 100% _TV_', agentId: 'pc1' },
      { channelName: 'kids*tv', endedAtMs: base + 10, state: 'failed', queue: '4k_queue' },
      { channelName: 'Kids 100 xTVx', endedAtMs: base + 20, state: 'cancelled' },
    );
    const history = historyOf(studio);
    const userId = 'filters';
    assert.deepEqual(await listed(history, { userId }), [c, b, a]);
    assert.deepEqual(await listed(history, { userId, channelText: 'KIDS' }), [c, b, a]);
    assert.deepEqual(await listed(history, { userId, channelText: '100% _tv_' }), [a]);
    assert.deepEqual(await listed(history, { userId, channelText: 's*t' }), [b]);
    assert.deepEqual(await listed(history, { userId, channelText: '%' }), [a]);
    assert.deepEqual(await listed(history, { userId, states: ['failed', 'cancelled'] }), [c, b]);
    assert.deepEqual(await listed(history, { userId, queue: '4k_queue' }), [b]);
    assert.deepEqual(await listed(history, { userId, endedFromMs: base + 10, endedBeforeMs: base + 20 }), [
      b,
    ]);
    assert.deepEqual(
      await listed(history, { userId, endedBeforeMs: Number.MAX_SAFE_INTEGER, endedFromMs: 0 }),
      [c, b, a],
    );
    assert.deepEqual(await listed(history, { userId, agentId: 'nobody' }), []);
  });

  await each(
    'Pages are in the one order, each job once, also where many end in one millisecond',
    async (studio) => {
      const jobs = Array.from({ length: 17 }, (_, n) => ({
        endedAtMs: 1_700_000_200_000 + Math.floor(n / 6),
      }));
      const all = await ended(studio, 'pages', ...jobs);
      // By microseconds the table has those of one millisecond the other way round.
      for (const [rank, jobId] of all.toSorted().entries()) {
        const time = new Date(jobs[all.indexOf(jobId)]?.endedAtMs ?? 0).toISOString();
        await studio.change(jobId, { completed_at: time.replace('Z', `${999 - rank}Z`) });
      }
      const history = historyOf(studio);
      for (const size of [1, 4, 17, 30]) {
        const seen: HistoryPlace[] = [];
        for (;;) {
          const page = await history.list({ userId: 'pages' }, size, seen.at(-1));
          seen.push(...page.map(({ job }) => ({ jobId: job.jobId, endedAtMs: job.endedAtMs ?? 0 })));
          if (page.length < size) break;
        }
        const inOrder = seen.toSorted((x, y) => y.endedAtMs - x.endedAtMs || (x.jobId < y.jobId ? 1 : -1));
        assert.deepEqual(seen, inOrder);
        assert.deepEqual(new Set(seen.map(({ jobId }) => jobId)), new Set(all), `pages of ${size}`);
        assert.equal(seen.length, all.length);
      }
    },
  );

  await each('Away it says so, and is not mistaken for empty', async (studio) => {
    for (const fault of ['hang', { status: 500 }, { status: 401 }] as const) {
      studio.server.fault = () => fault;
      const history = historyOf(studio, 200);
      await assert.rejects(history.list({}, 10), HistoryAway);
      await assert.rejects(history.get(randomUUID()), HistoryAway);
    }
  });
});
