/**
 * `npm run bench -- dispatch [--store sqlite] [--jobs 1000] [--queued 10000 --watchers 500]`: how soon a job reaches an
 * idle agent. The controller is a process of its own with a durable store; submitter and agent are this process, so that
 * one clock measures. One job at a time: each is submitted when the one before it is published and acknowledged.
 *
 * `p50_ms`, `p99_ms`: from the arrival of the submit's reply (acknowledged) to the arrival of Assign. Both leave the
 * controller behind the same commit, on two connections, so that it can be negative. `sent_*`: from sending the submit,
 * commit included. `floor_*`: a bare unary gRPC round trip to the same process (the health check), in turn with the jobs.
 *
 * With `--queued` or `--watchers` the same is measured again while so many jobs wait in another queue, whose one agent is
 * busy, and so many watches are told of every change of the jobs that are measured: `loaded_*`, and `ratio` = loaded over
 * unloaded median, from sending. Both phases begin `--rate` jobs a second then (20): without a pause 500 watchers would
 * have to be told 100,000 things a second, and would be cut off instead of being a load.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { profileInto, startProcess } from './farm-process.ts';
import { FarmUnderTest, storeNamed } from './farm-under-test.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { percentile, rounded } from './statistics.ts';
import { Submitter } from './submitter.ts';

/** Not counted: both sides compile their code. */
const warmUpJobs = 100;
/** Whose jobs are measured: those of the loaded phase are another's, so that its watchers begin with an empty list. */
const users = { plain: 'bench', loaded: 'watched' } as const;
/** Submits under way while the queue is filled. */
const fillingMax = 64;

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jobs: { type: 'string', default: '1000' },
      store: { type: 'string', default: 'sqlite' },
      queued: { type: 'string', default: '0' },
      watchers: { type: 'string', default: '0' },
      rate: { type: 'string', default: '20' },
      profile: { type: 'string' },
    },
  });
  const [jobs, queued, watchers] = [Number(values.jobs), Number(values.queued), Number(values.watchers)];
  const farm = await FarmUnderTest.open(storeNamed(values.store));
  await profileInto(values.profile);
  try {
    const { address } = await farm.startController();
    const isLoaded = queued > 0 || watchers > 0;
    const everyMs = isLoaded ? 1_000 / Number(values.rate) : 0;
    const plain = await measure(address, { jobs, everyMs, userId: users.plain });
    const figures = { store: farm.store, jobs, ...named('', plain), ...floorOf(plain) };
    if (!isLoaded) return figures;
    const stopLoad = await load(address, queued, watchers);
    const loaded = await measure(address, { jobs, everyMs, userId: users.loaded });
    await stopLoad();
    const ratio = rounded(percentile(loaded.sent, 0.5) / percentile(plain.sent, 0.5));
    return { ...figures, queued, watchers, ...named('loaded_', loaded), ratio };
  } finally {
    await farm.stop();
  }
}

interface Measured {
  readonly acked: readonly number[];
  readonly sent: readonly number[];
  readonly floors: readonly number[];
}

interface Series {
  readonly jobs: number;
  /** A job begins at most this often. */
  readonly everyMs: number;
  readonly userId: string;
}

async function measure(address: string, { jobs, everyMs, userId }: Series): Promise<Measured> {
  const assigned = new Map<string, (atMs: number) => void>();
  const published = new Map<string, () => void>();
  const agent = new NoOpAgent({
    agentId: 'measured',
    controllers: [address],
    queues: ['gpu_queue'],
    onAssign: ({ ref }) => assigned.get(ref.jobId)?.(performance.now()),
    onPublished: (jobId) => published.get(jobId)?.(),
  });
  const submitter = new Submitter(address, 1);
  const floor = new Client(address, credentials.createInsecure());
  const measured = { acked: [] as number[], sent: [] as number[], floors: [] as number[] };
  try {
    await agent.ready;
    for (let n = -warmUpJobs; n < jobs; n += 1) {
      const jobId = randomUUID();
      const assignment = new Promise<number>((resolve) => assigned.set(jobId, resolve));
      const publication = new Promise<void>((resolve) => published.set(jobId, resolve));
      const sentAt = performance.now();
      await submitter.submit({ jobId, userId, queue: 'gpu_queue' });
      const ackedAt = performance.now();
      const atMs = await assignment;
      await publication;
      assigned.delete(jobId);
      published.delete(jobId);
      const floorMs = await roundTrip(floor);
      await pause(sentAt + everyMs - performance.now());
      if (n < 0) continue;
      measured.acked.push(atMs - ackedAt);
      measured.sent.push(atMs - sentAt);
      measured.floors.push(floorMs);
      if ((n + 1) % 200 === 0) process.stderr.write(`${n + 1} jobs\n`);
    }
    return measured;
  } finally {
    floor.close();
    submitter.close();
    await agent.stop();
  }
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await delay(ms);
}

/** Fills the other queue, makes its agent busy, and lets watchers watch. Resolves to what ends it. */
async function load(address: string, queued: number, watchers: number): Promise<() => Promise<void>> {
  const busy = new NoOpAgent({
    agentId: 'busy',
    controllers: [address],
    plan: 'hold',
    queues: ['default_queue'],
  });
  await busy.ready;
  const submitter = new Submitter(address, fillingMax);
  let begun = 0;
  const fill = async (): Promise<void> => {
    while (begun <= queued) {
      begun += 1;
      if (begun % 2_000 === 0) process.stderr.write(`${begun} jobs queued\n`);
      await submitter.submit({ userId: `user-${begun % 20}`, queue: 'default_queue' });
    }
  };
  await Promise.all(Array.from({ length: fillingMax }, fill));
  submitter.close();
  const onLine = (line: string): void => void process.stderr.write(`watchers: ${line}\n`);
  const watching = startProcess('bench/watcher-main.ts', [address, String(watchers), users.loaded], onLine);
  await watching.find((line) => (line === 'watching' ? true : undefined));
  return async () => {
    await watching.stop();
    await busy.stop();
  };
}

function named(prefix: string, { acked, sent }: Measured): Record<string, number> {
  return {
    [`${prefix}p50_ms`]: rounded(percentile(acked, 0.5)),
    [`${prefix}p99_ms`]: rounded(percentile(acked, 0.99)),
    [`${prefix}sent_p50_ms`]: rounded(percentile(sent, 0.5)),
    [`${prefix}sent_p99_ms`]: rounded(percentile(sent, 0.99)),
  };
}

function floorOf({ floors }: Measured): Record<string, number> {
  return {
    floor_p50_ms: rounded(percentile(floors, 0.5)),
    floor_p99_ms: rounded(percentile(floors, 0.99)),
  };
}

/** An empty message is a health check of the whole server. */
function roundTrip(client: Client): Promise<number> {
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), (error) => {
      if (error === null) resolve(performance.now() - startedAt);
      else reject(error);
    });
  });
}
