/**
 * `npm run bench -- recovery`: how soon the farm acts on the loss of an agent, with a real agent process, real FFmpeg and
 * the times of production (about two minutes). One agent renders a long job; then, each time with a new job:
 *
 * `back_s`: kill -9, and started again at once: until the job is requeued or adopted. `gone_s`: kill -9, and not started
 * again: until the job is requeued. `frozen_s`: SIGSTOP (as a power cut or a dead network looks): until it is requeued.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import type { JobChange } from '../client/views.ts';
import { type FarmProcess, startProcess } from './farm-process.ts';
import { FarmUnderTest } from './farm-under-test.ts';
import { rounded } from './statistics.ts';

/** Longer than anything here lasts. */
const slideMs = 1_200_000;

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  parseArgs({ args: [...args], options: {} });
  const farm = await FarmUnderTest.open('sqlite');
  const { address } = await farm.startController();
  const pc = await Pc.prepare(farm.folder, address);
  const client = connect({ addresses: [address] });
  try {
    await pc.start();
    const back = await measure(client, async () => {
      await pc.kill();
      await pc.start();
    });
    process.stderr.write(`back: ${back} s\n`);
    const gone = await measure(client, () => pc.kill());
    process.stderr.write(`gone: ${gone} s\n`);
    await pc.start();
    const frozen = await measure(client, () => pc.freeze());
    process.stderr.write(`frozen: ${frozen} s\n`);
    return { back_s: back, gone_s: gone, frozen_s: frozen };
  } finally {
    client.close();
    await pc.kill();
    await farm.stop();
  }
}

/** Seconds from the harm that is done to the agent of a running job to what the farm does about it. */
async function measure(client: RenderfarmClient, harm: () => Promise<unknown>): Promise<number> {
  const items = [{ itemType: 'image' as const, path: '\\\\farm\\Clips\\slide.png', durationMs: slideMs }];
  const { jobId } = await client.submit({ userId: 'bench', channelName: 'Bench', items });
  let harmedAt: number | undefined;
  let harming: Promise<unknown> = Promise.resolve();
  let seconds: number | undefined;
  for await (const change of client.watch({ jobIds: [jobId], untilEnded: true })) {
    if (harmedAt === undefined && change.job.state === 'running') {
      harmedAt = performance.now();
      harming = harm();
    } else if (harmedAt !== undefined && isActedOn(change)) {
      seconds = rounded((performance.now() - harmedAt) / 1000);
      break;
    }
  }
  await harming;
  await client.cancel(jobId);
  if (seconds === undefined) throw new Error(`job ${jobId} ended before anybody was missed`);
  return seconds;
}

function isActedOn({ news }: JobChange): boolean {
  return news.some(({ what }) => what === 'requeued' || what === 'adopted' || what === 'assigned');
}

/** The agent's process on its host, with its share. */
class Pc {
  readonly #config: string;
  #agent: FarmProcess | undefined;

  private constructor(config: string) {
    this.#config = config;
  }

  static async prepare(folder: string, address: string): Promise<Pc> {
    const [clips, results] = [join(folder, 'clips'), join(folder, 'results')];
    for (const path of [clips, results]) await mkdir(path);
    const picture = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1920x1080', '-frames:v', '1'];
    await promisify(execFile)('ffmpeg', [...picture, join(clips, 'slide.png')]);
    const config = join(folder, 'agent.yaml');
    const settings = {
      agentId: 'pc1',
      controllers: [address],
      dataDir: join(folder, 'agent'),
      queues: ['default_queue'],
      encoder: { rung: 'libx264', threads: 1 },
      logLevel: 'debug',
      mounts: {
        clips: { roots: ['\\\\farm\\Clips'], localPath: clips },
        results: { roots: ['\\\\farm\\Results'], localPath: results },
      },
    };
    await writeFile(config, stringify(settings));
    return new Pc(config);
  }

  /** Resolves when the controller has welcomed it. */
  async start(): Promise<void> {
    const agent = startProcess('agent/main.ts', ['run', '--config', this.#config]);
    this.#agent = agent;
    await agent.find((line) => (line.includes('"message":"welcome"') ? true : undefined));
  }

  async kill(): Promise<void> {
    this.#agent?.signal('SIGKILL');
    await this.#agent?.ended;
  }

  freeze(): Promise<void> {
    this.#agent?.signal('SIGSTOP');
    return Promise.resolve();
  }
}
