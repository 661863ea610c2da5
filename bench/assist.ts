/**
 * `npm run bench -- assist [--agents 3] [--clips 12] [--clip-seconds 5] [--cores 0.5] [--runs 1]`: how much sooner a job
 * is published when idle agents render items of it. Real controller, agents and FFmpeg on this machine, each agent in a
 * cgroup of half a core, the shares and the shared segment cache are local folders. `one_s` and `many_s`: from the submit to
 * the published result, of one such agent and of all, each with empty caches. Needs root, for the cgroups.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { runProcess } from '../agent/process/run.ts';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import type { AttemptView } from '../client/views.ts';
import { type CpuGroup, openCpuGroup } from './cpu-group.ts';
import { addressIn, type FarmProcess, startFarmProcess } from './farm-process.ts';
import { rounded, spread } from './statistics.ts';

interface Options {
  readonly agents: number;
  readonly clips: number;
  readonly clipSeconds: number;
  readonly cores: number;
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '3' },
      clips: { type: 'string', default: '12' },
      'clip-seconds': { type: 'string', default: '5' },
      cores: { type: 'string', default: '0.5' },
      runs: { type: 'string', default: '1' },
    },
  });
  const options = {
    agents: Number(values.agents),
    clips: Number(values.clips),
    clipSeconds: Number(values['clip-seconds']),
    cores: Number(values.cores),
  };
  const runs = Number(values.runs);
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-assist-'));
  try {
    say(`making ${options.clips} clips of ${options.clipSeconds} s`);
    await makeClips(join(folder, 'clips'), options);
    const rows: { one: Timed; many: Timed }[] = [];
    for (let n = 0; n < runs; n += 1) {
      const one = await timeJob(join(folder, `one-${n}`), folder, { ...options, agents: 1 });
      rows.push({ one, many: await timeJob(join(folder, `many-${n}`), folder, options) });
    }
    const { agents, clips, clipSeconds, cores } = options;
    return {
      ...{ runs, agents, cores_each: cores, clips, clip_seconds: clipSeconds },
      ...spread(
        'one_s',
        rows.map(({ one }) => one.seconds),
      ),
      ...spread(
        'many_s',
        rows.map(({ many }) => many.seconds),
      ),
      ...spread(
        'speedup',
        rows.map(({ one, many }) => one.seconds / many.seconds),
      ),
      ...spread(
        'segments_by_helpers',
        rows.map(({ many }) => many.reused),
      ),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Timed {
  readonly seconds: number;
  /** Segments that the owner did not render: with empty caches, those of its helpers. */
  readonly reused: number;
}

async function timeJob(folder: string, media: string, options: Options): Promise<Timed> {
  const running: FarmProcess[] = [];
  const groups: CpuGroup[] = [];
  let client: RenderfarmClient | undefined;
  try {
    for (const name of ['results', 'segments', 'logs']) await mkdir(join(folder, name), { recursive: true });
    const controller = startFarmProcess('controller/main.ts', await controllerConfig(folder));
    running.push(controller);
    const address = await controller.find(addressIn);
    say(`${options.agents} agents of ${options.cores} cores find out what they can do`);
    for (let n = 0; n < options.agents; n += 1) {
      const group = await openCpuGroup(`renderfarm-bench-${process.pid}-${n}`, options.cores);
      groups.push(group);
      const agent = startFarmProcess('agent/main.ts', await agentConfig(folder, media, address, n));
      running.unshift(agent);
      await group.add(agent.pid);
      await controller.find((line) => (line.includes('agent-attached') ? line : undefined));
    }
    client = connect({ addresses: [address] });
    const timed = await publish(client, options);
    say(`${options.agents} agents: ${timed.seconds.toFixed(1)} s, ${timed.reused} segments by helpers`);
    return timed;
  } finally {
    client?.close();
    for (const each of running) await each.stop();
    for (const group of groups) await group.remove();
  }
}

async function publish(client: RenderfarmClient, { clips }: Options): Promise<Timed> {
  const startedMs = performance.now();
  const items = Array.from({ length: clips }, (_, n) => ({
    itemType: 'video' as const,
    path: `\\\\farm\\Clips\\clip-${n}.mp4`,
  }));
  const { jobId } = await client.submit({ userId: 'bench', channelName: 'Bench', items });
  for await (const { job } of client.watch({ jobIds: [jobId], untilEnded: true })) {
    if (job.state === 'failed') throw new Error(`job ${jobId} failed: ${job.errorMessage ?? ''}`);
  }
  const seconds = rounded((performance.now() - startedMs) / 1000);
  const [attempt, another]: AttemptView[] = await Array.fromAsync(client.attempts(jobId));
  if (attempt?.outcome !== 'published' || another !== undefined)
    throw new Error(`job ${jobId} was not published at its first attempt`);
  return { seconds, reused: attempt.usage?.segmentsReused ?? 0 };
}

/** Every clip is another: a cache must not help. */
async function makeClips(folder: string, { clips, clipSeconds }: Options): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < clips; n += 1) {
    const picture = `testsrc2=s=1280x720:r=30:d=${clipSeconds},hue=h=${(n * 360) / clips}`;
    const inputs = [
      '-f',
      'lavfi',
      '-i',
      picture,
      '-f',
      'lavfi',
      '-i',
      `sine=f=${300 + 40 * n}:d=${clipSeconds}`,
    ];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const args = ['-v', 'error', '-nostdin', ...inputs, ...codecs, join(folder, `clip-${n}.mp4`)];
    const result = await runProcess({ file: 'ffmpeg', args, priority: 'normal' });
    if (!result.succeeded) throw new Error(`FFmpeg made no clip: ${result.stderrTail.join(' ')}`);
  }
}

async function controllerConfig(folder: string): Promise<string> {
  return await writeConfig(folder, 'controller', {
    farm: 'bench',
    listen: ['127.0.0.1:0'],
    dataDir: join(folder, 'controller'),
    logsDir: join(folder, 'logs'),
    shares: [
      { name: 'clips', roots: ['\\\\farm\\Clips'], role: 'source' },
      { name: 'results', roots: ['\\\\farm\\Results'], role: 'output' },
    ],
    output: { share: 'results' },
  });
}

async function agentConfig(folder: string, media: string, address: string, n: number): Promise<string> {
  return await writeConfig(folder, `agent-${n}`, {
    agentId: `bench-${n}`,
    controllers: [address],
    dataDir: join(folder, `data-${n}`),
    mounts: {
      clips: { roots: ['\\\\farm\\Clips'], localPath: join(media, 'clips') },
      results: { roots: ['\\\\farm\\Results'], localPath: join(folder, 'results') },
    },
    // No agent has a card of its own here, and one thread is what half a core can use.
    encoder: { rung: 'libx264', threads: 1 },
    segmentCache: { shared: join(folder, 'segments') },
    slots: 1,
  });
}

async function writeConfig(folder: string, name: string, config: unknown): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, stringify(config));
  return file;
}

function say(words: string): void {
  process.stderr.write(`${words}\n`);
}
