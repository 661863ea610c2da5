import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type BigQueryResultsOptions,
  bigQueryResults,
} from '../../../controller/catalog/bigquery-results.ts';
import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { without } from '../../../controller/domain/move-job.ts';
import type { OutboxItem } from '../../../controller/outbox/destination.ts';
import { BigQueryServer } from '../../helpers/bigquery-server.ts';
import { RestError } from '../../helpers/bigquery-words.ts';
import { jobRecord } from '../../helpers/fake-farm.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

const never = new AbortController().signal;
const endedAtMs = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

async function open(t: TestContext, changes: Partial<BigQueryResultsOptions> = {}) {
  const server = await BigQueryServer.open(t);
  const options = {
    projectId: 'studio-1',
    resultsTable: 'studio-1.media.results',
    resultsFeatures: 'array',
    results: 'completed',
    apiEndpoint: server.url,
    timeoutMs: 10_000,
    ...changes,
  } as const;
  return {
    server,
    results: bigQueryResults(options),
    heir: () => bigQueryResults({ ...options, timeoutMs: 10_000 }),
  };
}

function published(n: number, changes: Partial<JobRecord> = {}): OutboxItem {
  const job: JobRecord = {
    ...jobRecord(jobId(n), 'published'),
    channelName: `x'); DROP TABLE results; --\``,
    videoCount: 2,
    endedAtMs,
    finalDurationMs: 120_500,
    outputPath: `\\\\nas\\Results\\${n}.mp4`,
    features: ['logo_overlay', '4k_output'],
    ...changes,
  };
  const attempt = {
    agentId: 'pc1',
    assignedAtMs: 0,
    acceptedAtMs: 1_000,
    endedAtMs: 31_250,
  } as AttemptRecord;
  const body = { jobId: job.jobId, spec: jobSpec(n), resolved: [], resolution: noResolution };
  return { job, body, attempt, percent: 100, revision: '1' };
}

const noResolution = { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 };
const delivered = { result: 'delivered' };

test('The row of a published job has the columns of the studio, as parameters of their types', async (t) => {
  const { server, results } = await open(t, { location: 'EU' });
  server.jobs.location = 'EU';
  assert.deepEqual(await results.deliver([published(1)], never), [delivered]);
  assert.deepEqual(server.jobs.rows, [
    {
      job_id: jobId(1),
      username: 'ann',
      channel_name: `x'); DROP TABLE results; --\``,
      timestamp: '2026-03-04T05:06:07.089Z',
      video_count: 2,
      total_duration: 120.5,
      output_path: '\\\\nas\\Results\\1.mp4',
      worker_id: 'pc1',
      features_used: ['logo_overlay', '4k_output'],
      processing_time: 30.25,
      status: 'completed',
    },
  ]);
  const [sent] = server.jobs.sent;
  assert.equal(sent?.project, 'studio-1');
  assert.equal(sent.location, 'EU');
  assert.match(sent.jobId, new RegExp(`^renderfarm_${jobId(1)}_${endedAtMs}_[0-9a-f]{8}_1$`, 'u'));
});

test('A row without output has nulls; features can be one text', async (t) => {
  const { server, results } = await open(t, { results: 'all', resultsFeatures: 'text' });
  const item = without(published(1, { state: 'quarantined', features: [] }), 'attempt');
  const job = without(item.job, 'finalDurationMs', 'outputPath');
  assert.deepEqual(await results.deliver([{ ...item, job }, published(2)], never), [delivered, delivered]);
  const [failed, done] = server.jobs.rows.toSorted((a, b) =>
    String(a['job_id']) < String(b['job_id']) ? -1 : 1,
  );
  assert.deepEqual(
    [failed?.['total_duration'], failed?.['output_path'], failed?.['worker_id'], failed?.['processing_time']],
    [null, null, null, null],
  );
  assert.deepEqual([failed?.['features_used'], failed?.['status']], ['', 'failed']);
  assert.equal(done?.['features_used'], 'logo_overlay,4k_output');
});

test('What makes no row is not sent: an end that nobody wants, a job that was retried meanwhile', async (t) => {
  const { server, results } = await open(t);
  const open1 = published(2, { state: 'waiting' });
  assert.deepEqual(await results.deliver([published(1, { state: 'failed' }), open1], never), [
    delivered,
    delivered,
  ]);
  assert.deepEqual(server.jobs.sent, []);
});

test('Delivering again changes nothing, whoever does it; another end of the job is another row', async (t) => {
  const { server, results, heir } = await open(t, { results: 'all' });
  await results.deliver([published(1, { state: 'failed' })], never);
  await results.deliver([published(1, { state: 'failed' })], never);
  await heir().deliver([published(1, { state: 'failed' })], never);
  assert.equal(server.jobs.rows.length, 1);
  await heir().deliver([published(1, { endedAtMs: endedAtMs + 1 })], never);
  assert.deepEqual(
    server.jobs.rows.map((row) => row['status']),
    ['failed', 'completed'],
  );
});

test('A lost reply is not known to be done: the next call finds the job and what became of it', async (t) => {
  const { server, results } = await open(t);
  server.jobs.plan = () => ({ lost: true });
  await assert.rejects(results.deliver([published(1)], never), { code: 'DESTINATION_AWAY' });
  assert.deepEqual(await results.deliver([published(1)], never), [delivered]);
  assert.equal(server.jobs.rows.length, 1);
  assert.equal(new Set(server.jobs.sent.map((job) => job.jobId)).size, 1);
});

test('A job that still runs for a leader that died is waited for by its heir, and the row is there once', async (t) => {
  const { server, results, heir } = await open(t, { timeoutMs: 1_500 });
  server.jobs.plan = () => ({ looks: 1_000 });
  await assert.rejects(results.deliver([published(1)], never), {
    code: 'DESTINATION_AWAY',
    message: /^BigQuery's job renderfarm_\S+ has not ended yet \(RUNNING\)$/u,
  });
  assert.equal(server.jobs.rows.length, 0);
  // It may be in any batch there: only a job of its own keeps it from being begun beside the first.
  server.jobs.hurry();
  assert.deepEqual(await heir().deliver([published(2), published(1)], never), [delivered, delivered]);
  assert.deepEqual(server.jobs.rows.map((row) => row['job_id']).sort(), [jobId(1), jobId(2)]);
});

test('A job that failed is followed by one with another id, and no more are begun than are needed', async (t) => {
  const { server, results, heir } = await open(t);
  let failures = 3;
  server.jobs.plan = () =>
    failures-- > 0 ? { looks: 1, failure: { reason: 'backendError', message: 'try later' } } : {};
  for (let call = 0; call < 3; call += 1) {
    await assert.rejects(results.deliver([published(1)], never), {
      code: 'DESTINATION_AWAY',
      message: /studio-1\.media\.results: try later$/u,
    });
  }
  assert.deepEqual(await heir().deliver([published(1)], never), [delivered]);
  assert.equal(server.jobs.rows.length, 1);
  assert.deepEqual(
    server.jobs.sent.map((job) => job.jobId.at(-1)),
    ['1', '2', '3', '1', '2', '3', '4'],
    'who knows of the failures goes on behind them, its heir finds them',
  );
});

for (const [status, reason] of [
  [500, 'internalError'],
  [503, 'backendError'],
  [403, 'rateLimitExceeded'],
  [403, 'quotaExceeded'],
  [429, 'rateLimitExceeded'],
  [401, 'authError'],
  [400, 'resourcesExceeded'],
] as const) {
  test(`${status} ${reason} is no word about the row: it comes again`, async (t) => {
    const { server, results } = await open(t);
    server.before = () => {
      throw new RestError(status, reason, 'not now\n<html>');
    };
    await assert.rejects(results.deliver([published(1)], never), {
      code: 'DESTINATION_AWAY',
      message: 'BigQuery takes no rows of results for studio-1.media.results: not now',
      retryAfterMs: undefined,
    });
    server.before = () => undefined;
    assert.deepEqual(await results.deliver([published(1)], never), [delivered]);
    assert.equal(server.jobs.rows.length, 1);
  });
}

test('A table that is missing, or forbidden, is for people to mend: rows are kept, and seldom tried', async (t) => {
  const { server, results } = await open(t);
  for (const reason of ['notFound', 'accessDenied']) {
    server.jobs.plan = () => ({ failure: { reason, message: `${reason}: studio-1:media.results` } });
    await assert.rejects(results.deliver([published(1)], never), {
      code: 'DESTINATION_AWAY',
      message: `BigQuery takes no rows of results for studio-1.media.results: ${reason}: studio-1:media.results`,
      retryAfterMs: 60_000,
    });
  }
  server.jobs.plan = () => ({});
  assert.deepEqual(await results.deliver([published(1)], never), [delivered]);
});

test('A row that does not fit is refused, with what BigQuery says, and others go on', async (t) => {
  const { server, results } = await open(t);
  server.jobs.plan = ({ jobId: id }) =>
    id.includes(jobId(1))
      ? { failure: { reason: 'invalidQuery', message: 'Value has length 300 which exceeds STRING(128)' } }
      : {};
  const refused = {
    result: 'refused',
    reason: 'BigQuery refuses the row: Value has length 300 which exceeds STRING(128)',
  };
  assert.deepEqual(await results.deliver([published(1), published(2)], never), [refused, delivered]);
  server.before = (request) => {
    if (request === 'POST jobs') throw new RestError(400, 'invalidQuery', 'Unrecognized name: worker_id');
  };
  assert.deepEqual(await results.deliver([published(3)], never), [
    { result: 'refused', reason: 'BigQuery refuses the row: Unrecognized name: worker_id' },
  ]);
});

test('A dataset outside US needs its location: who forgot it is told', async (t) => {
  const { server, results } = await open(t);
  server.jobs.location = 'europe-west3';
  server.jobs.plan = () => ({ lost: true });
  await assert.rejects(results.deliver([published(1)], never), { code: 'DESTINATION_AWAY' });
  await assert.rejects(results.deliver([published(1)], never), {
    code: 'DESTINATION_AWAY',
    message: /^BigQuery does not find its own job renderfarm_\S+: set bigQuery\.location$/u,
  });
});

test('Nobody there, or no answer, is away; who gives up is left alone at once', async (t) => {
  const gone = bigQueryResults({
    projectId: 'studio-1',
    resultsTable: 'studio-1.media.results',
    resultsFeatures: 'array',
    results: 'completed',
    apiEndpoint: 'http://127.0.0.1:9',
    timeoutMs: 5_000,
  });
  await assert.rejects(gone.deliver([published(1)], never), { code: 'DESTINATION_AWAY' });
  const { server, results } = await open(t);
  const over = new AbortController();
  const reason = new Error('no longer the leader');
  server.jobs.plan = () => {
    setImmediate(() => over.abort(reason));
    return { looks: 1_000 };
  };
  await assert.rejects(results.deliver([published(1)], over.signal), (error) => {
    assert.ok(error === reason || (error as Error).cause === reason, String(error));
    return true;
  });
});
