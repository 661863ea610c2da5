import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runProcess } from '../agent/process/run.ts';
import type { JobInput } from '../client/job-input.ts';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import type { AttemptView } from '../client/views.ts';
import { addressIn, type FarmProcess, startFarmProcess } from './farm-process.ts';

export interface StartupFarm {
  readonly clips: number;
  readonly clipSeconds: number;
  /** Bytes of all clips together. */
  readonly onClips?: (bytes: number) => void;
  /** Added to the agent's environment; asked when the clips are made. */
  readonly agentEnv?: () => Readonly<Record<string, string>>;
}

/** A real controller and a real agent with an empty cache, on one folder of clips. */
export async function withStartupFarm<T>(
  { clips, clipSeconds, onClips, agentEnv }: StartupFarm,
  use: (client: RenderfarmClient) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-startup-'));
  const processes: FarmProcess[] = [];
  let client: RenderfarmClient | undefined;
  try {
    say(`making ${clips} clips of ${clipSeconds} s`);
    onClips?.(await makeClips(join(folder, 'share'), clips, clipSeconds));
    await mkdir(join(folder, 'results'));
    const controller = startFarmProcess('controller/main.ts', await controllerConfig(folder));
    processes.push(controller);
    const address = await controller.find(addressIn);
    const config = await agentConfig(folder, address);
    const agent = startFarmProcess('agent/main.ts', config, undefined, agentEnv?.());
    processes.unshift(agent);
    say('the agent probes its encoders');
    await controller.find((line) => (line.includes('agent-attached') ? line : undefined));
    client = connect({ addresses: [address] });
    return await use(client);
  } finally {
    client?.close();
    for (const each of processes) await each.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export function jobOf(firstClip: number, clips: number): JobInput & { readonly jobId: string } {
  return {
    jobId: randomUUID(),
    userId: 'bench',
    channelName: 'Bench',
    items: Array.from({ length: clips }, (_, n) => ({
      itemType: 'video' as const,
      path: `\\\\farm\\Clips\\clip-${firstClip + n}.mp4`,
    })),
  };
}

/** The job's one attempt, when the job has ended. @throws Error where it was not published at the first attempt */
export async function attemptOf(client: RenderfarmClient, jobId: string): Promise<AttemptView> {
  for await (const { job } of client.watch({ jobIds: [jobId], untilEnded: true })) {
    if (job.state === 'failed') throw new Error(`job ${jobId} failed: ${job.errorMessage ?? ''}`);
  }
  const [attempt, another] = await Array.fromAsync(client.attempts(jobId));
  if (attempt?.outcome !== 'published' || another !== undefined) {
    throw new Error(`job ${jobId} was not published at its first attempt`);
  }
  return attempt;
}

function acceptedAtMs({ timeline, jobId }: AttemptView): number {
  const accepted = timeline.find(({ what }) => what === 'accepted')?.at;
  if (accepted === undefined) throw new Error(`nobody accepted ${jobId}`);
  return accepted.getTime();
}

export function assignedAtMs(attempt: AttemptView): number {
  return attempt.assignedAt?.getTime() ?? acceptedAtMs(attempt);
}

/** Its files are here and measured, its first FFmpeg starts. */
export function startedAtMs({ startedAt, jobId }: AttemptView): number {
  if (startedAt === undefined) throw new Error(`job ${jobId} never started`);
  return startedAt.getTime();
}

export function firstFrameAtMs(attempt: AttemptView): number {
  const { firstFrameMs } = usageOf(attempt);
  if (firstFrameMs === undefined) throw new Error(`job ${attempt.jobId} encoded no frame`);
  return acceptedAtMs(attempt) + firstFrameMs;
}

export function lastFrameAtMs(attempt: AttemptView): number {
  return acceptedAtMs(attempt) + usageOf(attempt).runMs;
}

export function usageOf({ usage, jobId }: AttemptView): NonNullable<AttemptView['usage']> {
  if (usage === undefined) throw new Error(`job ${jobId} has no usage`);
  return usage;
}

/** Every clip is another: the segment cache must not help. Returns the bytes of all. */
async function makeClips(folder: string, count: number, seconds: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  let bytes = 0;
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (let n = 0; n < count; n += 1) {
    const picture = `testsrc2=s=1920x1080:r=30:d=${seconds},hue=h=${(n * 360) / count}`;
    const sound = `sine=f=${300 + 40 * n}:d=${seconds}`;
    const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const file = join(folder, `clip-${n}.mp4`);
    const args = ['-v', 'error', '-nostdin', ...inputs, ...codecs, file];
    const result = await runProcess({ file: 'ffmpeg', args, priority: 'normal' });
    if (!result.succeeded) throw new Error(`FFmpeg made no clip: ${result.stderrTail.join(' ')}`);
    // As clips of a studio are: nobody has written them a moment ago.
    await utimes(file, hourAgo, hourAgo);
    bytes += (await stat(file)).size;
  }
  return bytes;
}

const shares = [
  { name: 'clips', roots: ['\\\\farm\\Clips'], role: 'source' },
  { name: 'results', roots: ['\\\\farm\\Results'], role: 'output' },
];

async function controllerConfig(folder: string): Promise<string> {
  await mkdir(join(folder, 'logs'));
  return await writeConfig(folder, 'controller', {
    farm: 'bench',
    listen: ['127.0.0.1:0'],
    dataDir: join(folder, 'controller'),
    logsDir: join(folder, 'logs'),
    shares,
    output: { share: 'results' },
  });
}

async function agentConfig(folder: string, address: string): Promise<string> {
  return await writeConfig(folder, 'agent', {
    agentId: 'bench',
    controllers: [address],
    dataDir: join(folder, 'agent'),
    mounts: {
      clips: { roots: ['\\\\farm\\Clips'], localPath: join(folder, 'share') },
      results: { roots: ['\\\\farm\\Results'], localPath: join(folder, 'results') },
    },
    slots: 1,
  });
}

async function writeConfig(folder: string, name: string, config: unknown): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, stringify(config));
  return file;
}

export function say(words: string): void {
  process.stderr.write(`${words}\n`);
}
