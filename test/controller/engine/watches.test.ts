import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord, TimelineEntry } from '../../../controller/domain/job.ts';
import type { JobChange, JobView, WatchRequest } from '../../../controller/engine/farm.ts';
import type { Clock } from '../../../controller/engine/ports.ts';
import { Watches } from '../../../controller/engine/watches.ts';
import { systemClock } from '../../../controller/system-clock.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

function news(what: string): TimelineEntry {
  return { atMs: 1, what, detail: '' };
}

/** A farm of hand-made jobs. */
class Jobs {
  readonly views = new Map<string, JobView>();
  readonly watches: Watches;
  looks = 0;

  constructor(watchBacklogMax = 5, watchersMax = 2, clock: Clock = systemClock()) {
    const farm = {
      view: (id: string) => this.#view(id),
      jobIds: () => this.views.keys(),
      committed: <T>(look: () => T) => new Promise<T>((resolve) => resolve(look())),
    };
    this.watches = new Watches(farm, { watchersMax, watchBacklogMax, origin: 'leader', clock });
  }

  #view(id: string): JobView | undefined {
    this.looks += 1;
    return this.views.get(id);
  }

  change(jobId: string, state: JobRecord['state'], ...entries: string[]): void {
    const timeline = [...(this.views.get(jobId)?.job.timeline ?? []), ...entries.map(news)];
    const job = { jobId, userId: 'ann', state, timeline } as unknown as JobRecord;
    this.views.set(jobId, { job, percent: 0 });
    this.watches.publish(jobId, entries.map(news));
  }

  watch(
    changes: Partial<WatchRequest> = {},
    signal = new AbortController().signal,
  ): AsyncGenerator<JobChange> {
    return this.watches.watch({ jobIds: [], untilEnded: false, ...changes }, signal);
  }
}

async function next(watch: AsyncGenerator<JobChange>): Promise<JobChange> {
  const result = await watch.next();
  if (result.done === true) assert.fail('the watch has ended');
  return result.value;
}

describe('a watch', () => {
  it('begins with the present state and all news, then tells each change once', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    jobs.change('a', 'assigned', 'assigned');
    const watch = jobs.watch();
    const first = await next(watch);
    assert.deepEqual(
      first.news.map(({ what }) => what),
      ['submitted', 'assigned'],
    );
    jobs.change('a', 'running', 'started');
    const second = await next(watch);
    assert.equal(second.view.job.state, 'running');
    assert.deepEqual(
      second.news.map(({ what }) => what),
      ['started'],
    );
    await watch.return(undefined);
  });

  it('merges what one job did while nobody read, without losing news', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    const watch = jobs.watch();
    await next(watch);
    jobs.change('a', 'assigned', 'assigned');
    jobs.change('a', 'running', 'started');
    const merged = await next(watch);
    assert.equal(merged.view.job.state, 'running');
    assert.deepEqual(
      merged.news.map(({ what }) => what),
      ['assigned', 'started'],
    );
    await watch.return(undefined);
  });

  it('resumes behind its token and sees what it missed', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    jobs.change('b', 'waiting', 'submitted');
    const watch = jobs.watch();
    assert.equal((await next(watch)).resumeToken, '', 'the first listing is not complete yet');
    const { resumeToken } = await next(watch);
    await watch.return(undefined);
    jobs.change('b', 'assigned', 'assigned');
    const resumed = jobs.watch({ resumeToken });
    const change = await next(resumed);
    assert.equal(change.view.job.jobId, 'b');
    assert.deepEqual(
      change.news.map(({ what }) => what),
      ['assigned'],
    );
    await resumed.return(undefined);
  });

  it('refuses a token that is too old, too new, or of another leader', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    for (const resumeToken of ['leader.99', 'other.1', 'rubbish', 'leader.-5']) {
      await assert.rejects(jobs.watch({ resumeToken }).next(), { code: 'RESUME_TOKEN_EXPIRED' }, resumeToken);
    }
    for (let n = 0; n < 9_000; n += 1) jobs.change('a', 'waiting');
    await assert.rejects(jobs.watch({ resumeToken: 'leader.1' }).next(), { code: 'RESUME_TOKEN_EXPIRED' });
  });

  it('ends by itself when every job that it names has ended, or when it is aborted', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    const watch = jobs.watch({ jobIds: ['a'], untilEnded: true });
    await next(watch);
    jobs.change('a', 'published', 'published');
    assert.equal((await next(watch)).view.job.state, 'published');
    assert.equal((await watch.next()).done, true);
    const stop = new AbortController();
    const other = jobs.watch({}, stop.signal);
    await next(other);
    const pending = other.next();
    stop.abort();
    assert.equal((await pending).done, true);
  });

  it('cuts off a reader that is too slow, and refuses one watch too many', async () => {
    const jobs = new Jobs();
    jobs.change('a', 'waiting', 'submitted');
    const slow = jobs.watch();
    await next(slow);
    for (let n = 0; n < 6; n += 1) jobs.change('a', 'waiting', `entry ${n}`);
    await assert.rejects(slow.next(), { code: 'WATCHER_TOO_SLOW' });
    const open = [jobs.watch(), jobs.watch()];
    for (const watch of open) await next(watch);
    await assert.rejects(jobs.watch().next(), { code: 'TOO_MANY_WATCHERS' });
    for (const watch of open) await watch.return(undefined);
    await assert.rejects(jobs.watch({ jobIds: ['nobody'] }).next(), { code: 'JOB_NOT_FOUND' });
  });

  it('reads in small rounds, and can be resumed only where nothing is left out', async () => {
    const jobs = new Jobs(100);
    for (let n = 0; n < 70; n += 1) jobs.change(`j${n}`, 'waiting', 'submitted');
    const watch = jobs.watch();
    const seen: JobChange[] = [];
    while (seen.length < 70) {
      seen.push(await next(watch));
      if (seen.length === 40) jobs.change('j69', 'assigned', 'assigned');
    }
    assert.deepEqual(
      seen.filter(({ resumeToken }) => resumeToken !== '').map(({ view }) => view.job.jobId),
      ['j69'],
    );
    const { resumeToken } = seen.at(-1) ?? assert.fail();
    await watch.return(undefined);
    jobs.change('j3', 'cancelled', 'cancelled');
    const resumed = jobs.watch({ resumeToken });
    assert.equal((await next(resumed)).view.job.jobId, 'j3');
    await resumed.return(undefined);
  });

  it('is asked only about its own jobs, however many others watch', async () => {
    const jobs = new Jobs(5, 600);
    for (let n = 0; n < 500; n += 1) jobs.change(`j${n}`, 'waiting', 'submitted');
    const watches = [...jobs.views.keys()].map((jobId) => jobs.watch({ jobIds: [jobId] }));
    for (const watch of watches) await next(watch);
    const before = jobs.looks;
    jobs.change('j7', 'assigned', 'assigned');
    assert.equal((await next(watches[7] ?? assert.fail())).view.job.state, 'assigned');
    assert.ok(jobs.looks - before < 5, `${jobs.looks - before} looks for one change`);
    for (const watch of watches) await watch.return(undefined);
  });

  it('ends with its error also when all that could wake it is spent', async () => {
    const clock = new ManualClock();
    const jobs = new Jobs(5, 2, clock);
    jobs.change('a', 'waiting', 'submitted');
    const slow = jobs.watch();
    await next(slow);
    // Its reader is away with that one while the flood comes.
    for (let n = 0; n < 9; n += 1) jobs.change('a', 'waiting', `entry ${n}`);
    await clock.pass(1_000);
    const end = assert.rejects(slow.next(), { code: 'WATCHER_TOO_SLOW' });
    await clock.pass(1_000);
    await end;
  });
});
