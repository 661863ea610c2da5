/**
 * `npm run bench -- dispatch [--jobs 1000]`: how soon a job reaches an idle agent. The controller is a process of its
 * own with the durable SQLite store; submitter and agent are this process, so that one clock measures. One job at a
 * time: each is submitted when the one before it is published and acknowledged.
 *
 * `p50_ms`, `p99_ms`: from the arrival of the submit's reply (acknowledged) to the arrival of Assign. Both leave the
 * controller behind the same commit, on two connections, so that it can be negative. `sent_*`: from sending the submit,
 * commit included. `floor_*`: a bare unary gRPC round trip to the same process (the health check), in turn with the jobs.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { stringify } from 'yaml';
import { connect } from '../client/renderfarm-client.ts';
import { addressIn, type FarmProcess, startFarmProcess } from './farm-process.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { percentile, rounded } from './statistics.ts';

/** Not counted: both sides compile their code. */
const warmUpJobs = 50;

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: { jobs: { type: 'string', default: '1000' }, store: { type: 'string', default: 'sqlite' } },
  });
  if (values.store !== 'sqlite') throw new Error(`store ${values.store} is not known: sqlite`);
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-dispatch-'));
  let controller: FarmProcess | undefined;
  try {
    controller = startFarmProcess('controller/main.ts', await writeConfig(folder));
    const address = await controller.find(addressIn);
    const jobs = Number(values.jobs);
    return { store: 'sqlite', jobs, ...(await measure(address, jobs)) };
  } finally {
    await controller?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeConfig(folder: string): Promise<string> {
  const file = join(folder, 'controller.yaml');
  await mkdir(join(folder, 'logs'));
  const config = {
    farm: 'bench',
    listen: ['127.0.0.1:0'],
    dataDir: join(folder, 'data'),
    logsDir: join(folder, 'logs'),
    shares: [
      { name: 'clips', roots: ['\\\\farm\\Clips'], role: 'source' },
      { name: 'results', roots: ['\\\\farm\\Results'], role: 'output' },
    ],
    output: { share: 'results' },
  };
  await writeFile(file, stringify(config));
  return file;
}

async function measure(address: string, jobs: number): Promise<Record<string, number>> {
  const assignedAt = new Map<string, (atMs: number) => void>();
  const agent = new NoOpAgent(address, ({ ref }) => assignedAt.get(ref.jobId)?.(performance.now()));
  const client = connect({ addresses: [address] });
  const floor = new Client(address, credentials.createInsecure());
  const acked: number[] = [];
  const sent: number[] = [];
  const floors: number[] = [];
  try {
    await agent.ready;
    for (let n = -warmUpJobs; n < jobs; n += 1) {
      const jobId = randomUUID();
      const assigned = new Promise<number>((resolve) => assignedAt.set(jobId, resolve));
      const published = agent.published(jobId);
      const sentAt = performance.now();
      await client.submit({
        jobId,
        userId: 'bench',
        channelName: 'Bench',
        items: [{ itemType: 'video', path: '\\\\farm\\Clips\\nothing.mp4', durationMs: 1_000 }],
      });
      const ackedAt = performance.now();
      const atMs = await assigned;
      assignedAt.delete(jobId);
      await published;
      const floorMs = await roundTrip(floor);
      if (n < 0) continue;
      acked.push(atMs - ackedAt);
      sent.push(atMs - sentAt);
      floors.push(floorMs);
      if ((n + 1) % 200 === 0) process.stderr.write(`${n + 1} jobs\n`);
    }
  } finally {
    floor.close();
    client.close();
    await agent.stop();
  }
  return {
    p50_ms: rounded(percentile(acked, 0.5)),
    p99_ms: rounded(percentile(acked, 0.99)),
    sent_p50_ms: rounded(percentile(sent, 0.5)),
    sent_p99_ms: rounded(percentile(sent, 0.99)),
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
