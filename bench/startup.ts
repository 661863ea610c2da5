/**
 * `npm run bench -- startup [--clips 4] [--clip-seconds 6] [--runs 1]`: how soon FFmpeg gives its first frame. A real
 * controller, a real agent with an empty cache and real FFmpeg, all on this machine; the share is a local folder, so
 * that copying is cheaper than it is in a studio. Two jobs of different clips: the second is handed in while the first
 * one runs, and prefetched.
 *
 * A first frame counts when FFmpeg reports it (`-progress`), which is up to half a second after it was made.
 * `cold_first_frame_s`: from sending the first job's submit. `prefetched_first_frame_s`: from the second job's
 * assignment, since before that it waits for its turn; `cold_assigned_first_frame_s` is the first job's on that basis.
 * `switch_gap_ms`: from the first job's last frame to the second's first; `switch_start_ms`: to the start of its FFmpeg. Agent times are counted from the acceptance
 * as the controller saw it, a few ms after the agent's.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { runProcess } from '../agent/process/run.ts';
import type { JobInput } from '../client/job-input.ts';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import type { AttemptView } from '../client/views.ts';
import { addressIn, type FarmProcess, startFarmProcess } from './farm-process.ts';
import { rounded, spread } from './statistics.ts';

interface Options {
  readonly clips: number;
  readonly clipSeconds: number;
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clips: { type: 'string', default: '4' },
      'clip-seconds': { type: 'string', default: '6' },
      runs: { type: 'string', default: '1' },
    },
  });
  const options = { clips: Number(values.clips), clipSeconds: Number(values['clip-seconds']) };
  const runs = Number(values.runs);
  const rows: Record<string, number>[] = [];
  for (let n = 0; n < runs; n += 1) rows.push(await oneRun(options));
  const names = Object.keys(rows[0] ?? {});
  const figures = names.map((name) =>
    spread(
      name,
      rows.map((row) => row[name] ?? Number.NaN),
    ),
  );
  const merged = figures.reduce<Record<string, number>>((all, each) => ({ ...all, ...each }), {});
  return { runs, clips: options.clips, clip_seconds: options.clipSeconds, disk: 'local', ...merged };
}

async function oneRun({ clips, clipSeconds }: Options): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-startup-'));
  const processes: FarmProcess[] = [];
  let client: RenderfarmClient | undefined;
  try {
    say(`making ${2 * clips} clips of ${clipSeconds} s`);
    await makeClips(join(folder, 'share'), 2 * clips, clipSeconds);
    await mkdir(join(folder, 'results'));
    const controller = startFarmProcess('controller/main.ts', await controllerConfig(folder));
    processes.push(controller);
    const address = await controller.find(addressIn);
    const agent = startFarmProcess('agent/main.ts', await agentConfig(folder, address));
    processes.unshift(agent);
    say('the agent probes its encoders');
    await controller.find((line) => (line.includes('agent-attached') ? line : undefined));
    client = connect({ addresses: [address] });
    return await measure(client, clips);
  } finally {
    client?.close();
    for (const each of processes) await each.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(client: RenderfarmClient, clips: number): Promise<Record<string, number>> {
  const first = jobOf(0, clips);
  const second = jobOf(clips, clips);
  const sentAtMs = Date.now();
  await client.submit(first);
  await client.submit(second);
  say('two jobs are handed in');
  const cold = await attemptOf(client, first.jobId);
  const warm = await attemptOf(client, second.jobId);
  return {
    cold_first_frame_s: (firstFrameAtMs(cold) - sentAtMs) / 1000,
    cold_assigned_first_frame_s: (firstFrameAtMs(cold) - assignedAtMs(cold)) / 1000,
    prefetched_first_frame_s: (firstFrameAtMs(warm) - assignedAtMs(warm)) / 1000,
    switch_gap_ms: rounded(firstFrameAtMs(warm) - lastFrameAtMs(cold)),
    switch_start_ms: rounded(startedAtMs(warm) - lastFrameAtMs(cold)),
    cold_copied_files: usageOf(cold).copiedFiles,
    prefetched_copied_files: usageOf(warm).copiedFiles,
  };
}

function jobOf(firstClip: number, clips: number): JobInput & { readonly jobId: string } {
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
async function attemptOf(client: RenderfarmClient, jobId: string): Promise<AttemptView> {
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

function assignedAtMs(attempt: AttemptView): number {
  return attempt.assignedAt?.getTime() ?? acceptedAtMs(attempt);
}

/** Its files are here and measured, its first FFmpeg starts. */
function startedAtMs({ startedAt, jobId }: AttemptView): number {
  if (startedAt === undefined) throw new Error(`job ${jobId} never started`);
  return startedAt.getTime();
}

function firstFrameAtMs(attempt: AttemptView): number {
  const { firstFrameMs } = usageOf(attempt);
  if (firstFrameMs === undefined) throw new Error(`job ${attempt.jobId} encoded no frame`);
  return acceptedAtMs(attempt) + firstFrameMs;
}

function lastFrameAtMs(attempt: AttemptView): number {
  return acceptedAtMs(attempt) + usageOf(attempt).runMs;
}

function usageOf({ usage, jobId }: AttemptView): NonNullable<AttemptView['usage']> {
  if (usage === undefined) throw new Error(`job ${jobId} has no usage`);
  return usage;
}

/** Every clip is another: the segment cache must not help. */
async function makeClips(folder: string, count: number, seconds: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let n = 0; n < count; n += 1) {
    const picture = `testsrc2=s=1920x1080:r=30:d=${seconds},hue=h=${(n * 360) / count}`;
    const sound = `sine=f=${300 + 40 * n}:d=${seconds}`;
    const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const args = ['-v', 'error', '-nostdin', ...inputs, ...codecs, join(folder, `clip-${n}.mp4`)];
    const result = await runProcess({ file: 'ffmpeg', args, priority: 'normal' });
    if (!result.succeeded) throw new Error(`FFmpeg made no clip: ${result.stderrTail.join(' ')}`);
  }
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

function say(words: string): void {
  process.stderr.write(`${words}\n`);
}
