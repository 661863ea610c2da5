import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobFileJsonSchema } from '../../client/job-file-json-schema.ts';
import { farmWire, jobWire } from '../../proto/index.ts';
import { startCli } from '../helpers/cli-process.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { type JobsScript, startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import {
  failedJob,
  jobId,
  otherJobId,
  publishedJob,
  runningJob,
  wireAgent,
  wireJob,
} from '../helpers/wire-jobs.ts';

const good = {
  user_id: 'ana',
  channel_name: 'Kids TV',
  items: [{ item_type: 'video', path: '\\\\nas\\Share\\clip.mp4' }],
};

/** Accepts every job under its own id, or the first test id. */
function accepting(requests: jobWire.SubmitJobRequest[]): JobsScript {
  return {
    submitJob: (request) => {
      requests.push(request);
      return {
        jobId: request.job?.jobId === '' ? jobId : (request.job?.jobId ?? ''),
        status: 1,
        message: 'Job submitted successfully to gpu_queue',
        queue: 'gpu_queue',
        routeRule: 'text',
        existed: false,
      };
    },
  };
}

async function jobFiles(
  t: Parameters<typeof tempFolder>[0],
  ...jobs: readonly unknown[]
): Promise<readonly string[]> {
  const folder = await tempFolder(t);
  return await Promise.all(
    jobs.map(async (job, index) => {
      const file = join(folder, `job-${index + 1}.json`);
      await writeFile(file, JSON.stringify(job));
      return file;
    }),
  );
}

test('submit hands in every file, with the options over what the files say', async (t) => {
  const requests: jobWire.SubmitJobRequest[] = [];
  await using server = await startScriptedJobs(accepting(requests));
  const files = await jobFiles(t, good, { ...good, job_id: otherJobId, priority: 'low' });
  const args = [
    'submit',
    ...files,
    '--priority',
    'urgent',
    '--queue',
    'gpu_queue',
    '--address',
    server.address,
  ];
  const { code, lines, stderr } = await startCli(args).ended;
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(lines, [
    `${jobId}  Job submitted successfully to gpu_queue`,
    `${otherJobId}  Job submitted successfully to gpu_queue`,
  ]);
  const sent = requests.map(({ job, validateOnly }) => [job?.priority, job?.queue, validateOnly]);
  const { URGENT } = jobWire.PriorityClass;
  // All are checked before the first is stored.
  assert.deepEqual(
    sent,
    [true, true, false, false].map((validateOnly) => [URGENT, 'gpu_queue', validateOnly]),
  );
});

test('submit --dry-run shows queue and rule, and reads standard input', async () => {
  const requests: jobWire.SubmitJobRequest[] = [];
  await using server = await startScriptedJobs(accepting(requests));
  const run = startCli(['submit', '-', '--dry-run', '--watch'], {
    env: { RENDERFARM_ADDRESS: ` ${server.address} ,` },
    stdin: JSON.stringify(good),
  });
  const { code, lines } = await run.ended;
  assert.deepEqual([code, lines], [0, ['-: valid; queue gpu_queue, rule text']]);
  assert.equal(requests[0]?.validateOnly, true);
});

test('Nothing is submitted when one of the files is bad, and every problem is a line', async (t) => {
  const requests: jobWire.SubmitJobRequest[] = [];
  await using server = await startScriptedJobs(accepting(requests));
  const bad = { ...good, colour: 1, items: [{ ...good.items[0], duration: 0 }] };
  const [one = '', two = ''] = await jobFiles(t, good, bad);
  const { code, lines, stderr } = await startCli([
    'submit',
    one,
    two,
    'missing.json',
    '--address',
    server.address,
  ]).ended;
  assert.deepEqual([code, lines], [2, []]);
  assert.deepEqual(stderr.split('\n').slice(0, 3), [
    `renderfarm: ${two} has 2 problems [INVALID_JOB_FILE]`,
    '  items[0].duration: must be between 0.1 and 3600 s',
    '  colour: unknown field',
  ]);
  assert.match(stderr, /cannot read missing\.json: ENOENT/);
  assert.deepEqual(requests, []);
});

test('What the controller finds wrong is exit code 2, one line for each field', async (t) => {
  await using server = await startScriptedJobs({
    submitJob: () =>
      rpcError('INVALID_ARGUMENT', 'the job is not valid', {
        code: 'INVALID_JOB',
        violations: [{ field: 'items[0].path', description: 'must lie in a source share of this farm' }],
      }),
  });
  const [file = ''] = await jobFiles(t, good);
  const { code, stderr } = await startCli(['submit', file, '--address', server.address]).ended;
  assert.equal(code, 2);
  assert.equal(
    stderr,
    `renderfarm: ${file}: the job is not valid [INVALID_JOB]\n  items[0].path: must lie in a source share of this farm\n`,
  );
});

test('submit --watch follows the job through a restart and ends with its result', async (t) => {
  const before = await startScriptedJobs(accepting([]));
  const [file = ''] = await jobFiles(t, good);
  const cli = startCli(['submit', file, '--watch', '--address', before.address]);
  const watch = await before.watches.next();
  watch.send(runningJob(42), 'a.1');
  assert.match(await cli.lines.next(), /submitted successfully/);
  assert.equal(await cli.lines.next(), `${jobId}  running 42% on pc1`);
  await before.kill();
  await using after = await startScriptedJobs({}, before.port);
  const again = await after.watches.next();
  assert.equal(again.request.resumeToken, 'a.1');
  again.send(runningJob(43), 'a.2');
  again.send(publishedJob(), 'a.3');
  const { code, lines, stderr } = await cli.ended;
  assert.equal(code, 0);
  assert.deepEqual(lines.slice(2), [`${jobId}  published \\\\nas\\Share\\Output\\Kids TV.mp4`]);
  assert.match(stderr, /^connection lost, trying again: /);
});

test('A job that failed is exit code 1 and shows all its problems; a cancelled one is 5', async () => {
  await using server = await startScriptedJobs();
  const failed = startCli(['watch', jobId, '--address', server.address]);
  (await server.watches.next()).send(failedJob(), 'a.1');
  const result = await failed.ended;
  assert.equal(result.code, 1);
  assert.deepEqual(result.lines, [
    `${jobId}  failed: Failed to copy 1 files: clip.mp4`,
    '  item 3 clip.mp4: is not there [FILE_MISSING]',
  ]);
  const cancelled = startCli(['watch', jobId, '--address', server.address]);
  const state = jobWire.JobState.CANCELLED;
  (await server.watches.next()).send(wireJob({ state, status: jobWire.JobStatus.CANCELLED }), 'a.1');
  assert.equal((await cancelled.ended).code, 5);
});

test('With --json every event is a line of JSON', async () => {
  await using server = await startScriptedJobs();
  const cli = startCli(['watch', jobId, '--json', '--address', server.address]);
  const news = [{ at: new Date(5), what: 'published', detail: '', agentId: 'pc1' }];
  (await server.watches.next()).send(publishedJob(), 'a.1', news);
  const { code, lines } = await cli.ended;
  assert.equal(code, 0);
  const [event] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(event?.['event'], 'job');
  assert.deepEqual(event['news'], [{ at: '1970-01-01T00:00:00.005Z', what: 'published', agent_id: 'pc1' }]);
  const job = event['job'] as Record<string, unknown>;
  assert.deepEqual([job['job_id'], job['state'], job['enable_4k']], [jobId, 'published', false]);
});

test('Ctrl-C stops the watching only, and says that the job goes on', async () => {
  await using server = await startScriptedJobs({
    cancelJob: () => assert.fail('nobody wished the end of the job'),
  });
  const cli = startCli(['watch', jobId, '--address', server.address]);
  const watch = await server.watches.next();
  watch.send(runningJob(1), 'a.1');
  await cli.lines.next();
  cli.interrupt();
  const { code, stderr } = await cli.ended;
  assert.equal(code, 130);
  assert.equal(stderr, `Stopped watching; the job goes on. To follow again: renderfarm watch ${jobId}\n`);
  await watch.left;
});

test('list, get, cancel, explain, attempts, agents and queues show what the controller says', async () => {
  await using server = await startScriptedJobs({
    listJobs: ({ pageSize, userId, states }) => {
      assert.deepEqual([pageSize, userId, states], [2, 'ana', [jobWire.JobState.RUNNING]]);
      return { jobs: [runningJob(7)], nextPageToken: '' };
    },
    getJob: () => ({
      job: runningJob(7),
      spec: undefined,
      timeline: [{ at: new Date(0), what: 'submitted', detail: '', agentId: '' }],
    }),
    cancelJob: ({ reason }) => ({ job: wireJob({ state: jobWire.JobState.CANCELLED, reason }) }),
    explainJob: () => ({
      ...jobWire.ExplainJobResponse.create(),
      job: wireJob(),
      summary: 'pc1 is busy',
      placeInOrder: 2,
      agents: [{ ...jobWire.AgentOpinion.create(), agentId: 'pc1', reasons: ['does not take 4k_queue'] }],
    }),
    listAttempts: () => ({
      attempts: [
        jobWire.Attempt.fromPartial({
          jobId,
          number: 1,
          agentId: 'pc1',
          state: jobWire.AttemptState.ENDED,
          outcome: jobWire.Outcome.TIMED_OUT,
        }),
      ],
      nextPageToken: '',
    }),
    listAgents: () => ({
      agents: [wireAgent({ liveness: farmWire.AgentLiveness.SUSPECT })],
      nextPageToken: '',
    }),
    listQueues: () => ({ queues: [farmWire.Queue.fromPartial({ name: '4k_queue', waiting: 3 })] }),
  });
  const shown: readonly (readonly [args: readonly string[], pattern: RegExp])[] = [
    [
      ['list', '--user', 'ana', '--state', 'running', '--limit', '2'],
      new RegExp(`^${jobId} .* running +7 +pc1`, 'm'),
    ],
    [['get', jobId], /^State: +running 7% on pc1$/m],
    [['cancel', jobId, '--reason', 'wrong clip'], /cancelled: wrong clip/],
    [
      ['explain', jobId],
      /is waiting: pc1 is busy[^]*^Place: +2 in the order$[^]*^Cannot take it:\n {2}pc1: does not take 4k_queue$/m,
    ],
    [['attempts', jobId], /^1 +pc1 +ended +timed-out/m],
    [['agents'], /^pc1 +suspect +active +0\/1 .* hd 3\.2x, 4k ~0\.044x +hd 1\.1 \(1\.6\) .* 3\.0 GiB /m],
    [['queues'], /^4k_queue +3 +0/m],
  ];
  for (const [args, pattern] of shown) {
    const { code, lines, stderr } = await startCli([...args, '--address', server.address]).ended;
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(lines.join('\n'), pattern);
  }
});

test('An unknown job is exit code 4, without a stack', async () => {
  await using server = await startScriptedJobs({
    getJob: () => rpcError('NOT_FOUND', `Job not found: ${jobId}`, { code: 'JOB_NOT_FOUND' }),
  });
  const args = ['get', jobId, '--address', server.address];
  const { code, stderr } = await startCli(args).ended;
  assert.deepEqual([code, stderr], [4, `renderfarm: Job not found: ${jobId} [JOB_NOT_FOUND]\n`]);
  assert.match((await startCli([...args, '--verbose']).ended).stderr, /^ +at .*call-errors\.ts/m);
  const json = await startCli([...args, '--json']).ended;
  assert.equal((JSON.parse(json.stderr) as Record<string, unknown>)['code'], 'JOB_NOT_FOUND');
});

test('A controller that is away is exit code 3', async () => {
  const gone = await startScriptedJobs();
  await gone.kill();
  const { code, stderr } = await startCli(['queues', '--timeout', '0.5', '--address', gone.address]).ended;
  assert.equal(code, 3);
  assert.match(stderr, /^renderfarm: no controller answered .* \[CONTROLLER_UNREACHABLE\]\n$/);
});

test('Wrong usage is exit code 2, help is 0, schema prints the JSON Schema', async () => {
  assert.equal((await startCli(['submit']).ended).code, 2);
  assert.equal((await startCli(['list', '--state', 'sleeping']).ended).code, 2);
  assert.equal((await startCli(['queues', '--token-file', '/nowhere/token']).ended).code, 2);
  const help = await startCli(['submit', '--help']).ended;
  assert.equal(help.code, 0);
  assert.match(help.lines.join('\n'), /--dry-run/);
  const schema = await startCli(['schema']).ended;
  assert.deepEqual(JSON.parse(schema.lines.join('\n')), jobFileJsonSchema());
});
