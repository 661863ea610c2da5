import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RenderfarmError } from '../../client/errors.ts';
import type { ConnectOptions } from '../../client/options.ts';
import { connect } from '../../client/renderfarm-client.ts';
import type { JobChange } from '../../client/views.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { failedJob, jobId, otherJobId, publishedJob, runningJob, wireJob } from '../helpers/wire-jobs.ts';

function farm(addresses: readonly string[], more: Partial<ConnectOptions> = {}) {
  return connect({ addresses, backoffFirstMs: 10, backoffMaxMs: 20, ...more });
}

async function next(changes: AsyncGenerator<JobChange, void>): Promise<string> {
  const { value } = await changes.next();
  return value === undefined ? 'over' : `${value.job.state} ${value.job.progressPercent}`;
}

test('A watch of named jobs ends when all of them have ended, whatever the controller does', async () => {
  await using server = await startScriptedJobs();
  using client = farm([server.address]);
  const changes = client.watch({ jobIds: [jobId, otherJobId, jobId] });
  const first = next(changes);
  const watch = await server.watches.next();
  assert.deepEqual(watch.request, {
    jobIds: [jobId, otherJobId],
    userId: '',
    resumeToken: '',
    untilEnded: true,
  });
  watch.send(runningJob(10), 'a.1', [{ at: new Date(5), what: 'started', detail: '', agentId: 'pc1' }]);
  watch.send(failedJob({ jobId: otherJobId }), 'a.2');
  watch.send(publishedJob(), 'a.3');
  assert.equal(await first, 'running 10');
  assert.equal(await next(changes), 'failed 0');
  assert.equal(await next(changes), 'published 100');
  assert.equal(await next(changes), 'over');
  await watch.left;
});

test('A watch goes on with its token after the controller was killed and started again', async () => {
  const before = await startScriptedJobs();
  using client = farm([before.address]);
  const interruptions: RenderfarmError[] = [];
  const changes = client.watch({
    jobIds: [jobId],
    onInterruption: (error) => interruptions.push(error),
  });
  const first = next(changes);
  (await before.watches.next()).send(runningJob(10), 'a.1');
  assert.equal(await first, 'running 10');
  const second = next(changes);
  await before.kill();
  await using after = await startScriptedJobs({}, before.port);
  const watch = await after.watches.next();
  assert.equal(watch.request.resumeToken, 'a.1');
  watch.send(publishedJob(), 'a.2');
  assert.equal(await second, 'published 100');
  assert.equal(await next(changes), 'over');
  assert(interruptions.length >= 1);
});

test('A watch whose token is too old starts anew from the present state', async () => {
  const before = await startScriptedJobs();
  using client = farm([before.address]);
  const changes = client.watch({ jobIds: [jobId] });
  const first = next(changes);
  (await before.watches.next()).send(runningJob(10), 'a.1');
  await first;
  const second = next(changes);
  await before.kill();
  await using after = await startScriptedJobs({}, before.port);
  const refused = await after.watches.next();
  refused.fail(rpcError('OUT_OF_RANGE', 'too old', { code: 'RESUME_TOKEN_EXPIRED' }));
  const anew = await after.watches.next();
  assert.equal(anew.request.resumeToken, '');
  anew.send(publishedJob(), 'b.1');
  assert.equal(await second, 'published 100');
});

test('A watch of everything asks for the jobs that were open when it must start anew', async () => {
  const before = await startScriptedJobs();
  using client = farm([before.address]);
  const changes = client.watch({ userId: 'ana' });
  const first = next(changes);
  const watch = await before.watches.next();
  assert.deepEqual([watch.request.jobIds, watch.request.untilEnded], [[], false]);
  watch.send(publishedJob({ jobId: 'ended-before' }), '');
  watch.send(runningJob(10), '');
  watch.send(runningJob(20, { jobId: otherJobId }), 'a.1');
  await first;
  await next(changes);
  await next(changes);
  const asked: string[] = [];
  await before.kill();
  await using after = await startScriptedJobs(
    {
      getJob: ({ jobId: id }) => {
        asked.push(id);
        if (id === otherJobId) return rpcError('NOT_FOUND', 'gone', { code: 'JOB_NOT_FOUND' });
        return { job: failedJob(), spec: undefined, timeline: [] };
      },
    },
    before.port,
  );
  const later = next(changes);
  (await after.watches.next()).fail(rpcError('OUT_OF_RANGE', 'too old'));
  const anew = await after.watches.next();
  assert.equal(await later, 'failed 0');
  // Neither end is reported a second time.
  anew.send(publishedJob({ jobId: 'ended-before' }), '');
  anew.send(failedJob(), '');
  anew.send(wireJob({ jobId: 'new' }), 'b.1');
  assert.equal(await next(changes), 'waiting 0');
  assert.deepEqual(asked, [jobId, otherJobId]);
  await changes.return();
  await anew.left;
});

test('A controller that ends a watch early, or finds it too slow, is asked again', async () => {
  await using server = await startScriptedJobs();
  using client = farm([server.address]);
  const changes = client.watch({ jobIds: [jobId] });
  const first = next(changes);
  (await server.watches.next()).end();
  (await server.watches.next()).fail(rpcError('ABORTED', 'too slow', { code: 'WATCHER_TOO_SLOW' }));
  (await server.watches.next()).fail(rpcError('UNAVAILABLE', 'not leading', { code: 'NOT_LEADING' }));
  (await server.watches.next()).send(publishedJob(), 'a.1');
  assert.equal(await first, 'published 100');
});

test('A watch of a job that the controller does not know fails at once', async () => {
  await using server = await startScriptedJobs();
  using client = farm([server.address]);
  const first = next(client.watch({ jobIds: [jobId] }));
  (await server.watches.next()).fail(rpcError('NOT_FOUND', 'Job not found', { code: 'JOB_NOT_FOUND' }));
  await assert.rejects(first, { code: 'JOB_NOT_FOUND' });
});

test('A watch gives up a controller that it never reached after the time limit of a call', async () => {
  const gone = await startScriptedJobs();
  await gone.kill();
  using client = farm([gone.address], { callTimeoutMs: 200 });
  await assert.rejects(next(client.watch()), { code: 'CONTROLLER_UNREACHABLE' });
});

test('A watch gives up a controller that stays away', async () => {
  const server = await startScriptedJobs();
  using client = farm([server.address], { watchGiveUpAfterMs: 200 });
  const changes = client.watch();
  const first = next(changes);
  (await server.watches.next()).send(runningJob(1), 'a.1');
  await first;
  const second = next(changes);
  await server.kill();
  await assert.rejects(second, { code: 'CONTROLLER_UNREACHABLE' });
});

test('Leaving, aborting and closing end the call on the controller', async () => {
  await using server = await startScriptedJobs();
  const client = farm([server.address]);
  const reason = new Error('enough');
  const abort = new AbortController();
  const aborted = next(client.watch({ signal: abort.signal }));
  const one = await server.watches.next();
  abort.abort(reason);
  await assert.rejects(aborted, reason);
  await one.left;

  const closed = next(client.watch());
  const two = await server.watches.next();
  client.close();
  await assert.rejects(closed, { code: 'CLIENT_CLOSED' });
  await two.left;
});

test('Many watches that are left in a burst harm neither each other nor the calls', async () => {
  await using server = await startScriptedJobs({ listQueues: () => ({ queues: [] }) });
  using client = farm([server.address]);
  const lasting = client.watch({ jobIds: [jobId] });
  const first = next(lasting);
  const watch = await server.watches.next();
  const burst = Array.from({ length: 50 }, async () => {
    const abort = new AbortController();
    const left = next(client.watch({ signal: abort.signal }));
    await server.watches.next();
    abort.abort();
    await assert.rejects(left);
  });
  await Promise.all(burst);
  assert.deepEqual(await client.queues(), []);
  watch.send(publishedJob(), 'a.1');
  assert.equal(await first, 'published 100');
  assert.equal(server.watches.unread, 0);
});

test('A watch whose leader steps down goes on at the next one, which does not know its token', async () => {
  await using old = await startScriptedJobs();
  await using fresh = await startScriptedJobs();
  using client = farm([old.address, fresh.address]);
  const changes = client.watch({ jobIds: [jobId] });
  const first = next(changes);
  const before = await old.watches.next();
  before.send(runningJob(10), 'a-1.1');
  assert.equal(await first, 'running 10');
  const second = next(changes);
  before.fail(rpcError('UNAVAILABLE', 'lost', { code: 'NOT_LEADING', retryAfterMs: 600_000 }));
  const refused = await fresh.watches.next();
  assert.equal(refused.request.resumeToken, 'a-1.1');
  refused.fail(rpcError('OUT_OF_RANGE', 'of another leader', { code: 'RESUME_TOKEN_EXPIRED' }));
  const anew = await fresh.watches.next();
  assert.equal(anew.request.resumeToken, '');
  anew.send(publishedJob(), 'b-2.1');
  assert.equal(await second, 'published 100');
});
