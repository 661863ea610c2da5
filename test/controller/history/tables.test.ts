import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { cleanUp } from '../../../controller/history/clean-up.ts';
import { historyDestination, tableHistory } from '../../../controller/history/history-table.ts';
import { resultsDestination, tableResults } from '../../../controller/history/results-table.ts';
import { DestinationAway, type OutboxItem } from '../../../controller/outbox/destination.ts';
import { memoryPast } from '../../../controller/store/memory/memory-past-rows.ts';
import type { PastRows } from '../../../controller/store/past-rows.ts';
import { StoreUnavailable } from '../../../controller/store/port.ts';
import { finished } from '../../helpers/agent-messages.ts';
import { jobRecord } from '../../helpers/fake-farm.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

const { signal } = new AbortController();
const dayMs = 86_400_000;

function itemOf(n: number, revision: string, changes: Partial<JobRecord> = {}): OutboxItem {
  const job = { ...jobRecord(jobId(n), 'published'), endedAtMs: n * 1_000, ...changes };
  const attempt: AttemptRecord = {
    jobId: job.jobId,
    fence: { term: 1, counter: n },
    number: 1,
    agentId: 'pc1',
    instanceId: 'i',
    state: 'ended',
    output: { folder: '', stagingFolder: '', finalName: '' },
    assignedAtMs: 0,
    endedAtMs: 500,
    outcome: 'published',
    finished: finished({ outcome: 'published', stderrTail: ['a line'] }),
    timeline: [{ atMs: 1, what: 'assigned', detail: '' }],
  };
  const resolution = { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 };
  const body = { jobId: job.jobId, spec: jobSpec(n), resolved: [], resolution };
  return { job, body, attempt, attempts: [attempt], percent: 100, revision };
}

/** A table whose calls fail as a store's do. */
const broken: PastRows = {
  put: () => Promise.reject(new StoreUnavailable('the disk is full')),
  get: () => Promise.reject(new StoreUnavailable('the disk is full')),
  list: () => Promise.reject(new StoreUnavailable('the disk is full')),
  expire: () => Promise.reject(new StoreUnavailable('the disk is full')),
};

describe('the history destination', () => {
  it('keeps all of a job, its attempts in short, and the newest revision by number, not by text', async () => {
    const rows = memoryPast().table('history');
    const [destination, history] = [historyDestination(rows), tableHistory(rows)];
    const late = itemOf(1, '1000000000000000000', { state: 'failed', endedAtMs: 5_000 });
    await destination.deliver([late], signal);
    await destination.deliver([itemOf(1, '999999999999999999')], signal);
    const kept = await history.get(jobId(1));
    assert.deepEqual(kept?.job, JSON.parse(JSON.stringify(late.job)));
    assert.deepEqual(kept?.spec, jobSpec(1));
    assert.ok(kept);
    const [attempt] = kept.attempts;
    assert.deepEqual(
      [attempt?.outcome, attempt?.timeline, attempt?.finished?.stderrTail],
      ['published', [], []],
    );
    assert.equal(attempt?.finished?.usage.framesEncoded, 150);
    const [listed] = await history.list({}, 10);
    assert.deepEqual([listed?.job.jobId, listed?.job.timeline], [jobId(1), []]);
  });

  it('leaves the entry of a job that was opened again: the hot store hides it', async () => {
    const rows = memoryPast().table('history');
    const destination = historyDestination(rows);
    await destination.deliver([itemOf(1, '1')], signal);
    const open = itemOf(1, '2', { state: 'waiting' });
    assert.deepEqual(await destination.deliver([open], signal), [{ result: 'delivered' }]);
    assert.equal((await tableHistory(rows).get(jobId(1)))?.job.state, 'published');
  });

  it('is away while its table is, and readers hear why', async () => {
    await assert.rejects(historyDestination(broken).deliver([itemOf(1, '1')], signal), DestinationAway);
    await assert.rejects(tableHistory(broken).get(jobId(1)), {
      code: 'HISTORY_AWAY',
      message: 'the disk is full',
    });
    await assert.rejects(tableResults(broken).page({}, { size: 1, token: '' }), {
      code: 'HISTORY_UNAVAILABLE',
    });
  });
});

describe('the results destination', () => {
  it('keeps a row for each end, and what comes again changes nothing', async () => {
    const rows = memoryPast().table('results');
    const all = resultsDestination(rows, 'all');
    await all.deliver([itemOf(1, '1', { state: 'failed' })], signal);
    await all.deliver([itemOf(1, '2', { endedAtMs: 9_000 })], signal);
    await all.deliver([itemOf(1, '3', { endedAtMs: 9_000 })], signal);
    const { entries, nextToken } = await tableResults(rows).page({}, { size: 10, token: '' });
    assert.deepEqual(
      entries.map(({ status, timestamp }) => [status, timestamp]),
      [
        ['completed', '1970-01-01T00:00:09.000Z'],
        ['failed', '1970-01-01T00:00:01.000Z'],
      ],
    );
    assert.equal(nextToken, '');
  });

  it('pages through them, and refuses a token of another list', async () => {
    const rows = memoryPast().table('results');
    const completed = resultsDestination(rows, 'completed');
    await completed.deliver(
      [1, 2, 3].map((n) => itemOf(n, String(n))),
      signal,
    );
    await completed.deliver([itemOf(4, '4', { state: 'cancelled' })], signal);
    const results = tableResults(rows);
    const seen: string[] = [];
    let token = '';
    do {
      const page = await results.page({}, { size: 2, token });
      seen.push(...page.entries.map(({ job_id }) => job_id));
      token = page.nextToken;
    } while (token !== '');
    assert.deepEqual(seen, [jobId(3), jobId(2), jobId(1)]);
    await assert.rejects(results.page({}, { size: 2, token: 'nonsense' }), { code: 'INVALID_REQUEST' });
  });
});

describe('the clean-up', () => {
  it('deletes what is too old or too much in slices, and only while it leads', async () => {
    const clock = new ManualClock(400 * dayMs);
    const rows = memoryPast().table('history');
    const history = tableHistory(rows);
    const items = Array.from({ length: 1_300 }, (_, n) =>
      itemOf(n, '1', { endedAtMs: n < 1_200 ? n : 399 * dayMs + n }),
    );
    await historyDestination(rows).deliver(items, signal);
    const left = async (): Promise<number> => (await history.list({}, 2_000)).length;
    let leads = false;
    const stop = cleanUp({
      tables: [rows],
      keepMs: 30 * dayMs,
      rowsMax: 90,
      clock,
      isLeading: () => leads,
      log: { warn: () => undefined },
    });
    await clock.pass(60_000);
    assert.equal(await left(), 1_300);
    leads = true;
    await clock.pass(540_300);
    assert.equal(await left(), 800, 'one slice');
    await clock.pass(1_000);
    assert.equal(await left(), 90);
    assert.equal((await history.list({}, 90)).at(-1)?.job.jobId, jobId(1_210), 'the newest are left');
    stop();
    assert.equal(clock.timers, 0);
  });

  it('goes on after a failure, and says it', async () => {
    const clock = new ManualClock();
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const stop = cleanUp({ tables: [broken], keepMs: 1, rowsMax: 1, clock, isLeading: () => true, log });
    await clock.pass(1_300_000);
    assert.equal(warnings.length, 3);
    stop();
  });
});
