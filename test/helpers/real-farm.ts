import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { utimesSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { JobInput } from '../../client/job-input.ts';
import { connect, type RenderfarmClient } from '../../client/renderfarm-client.ts';
import type { JobChange } from '../../client/views.ts';
import { tempFolder } from './temp-folder.ts';

const controllerMain = fileURLToPath(new URL('../../controller/main.ts', import.meta.url));
const agentMain = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));

/**
 * Every time limit of the controller in these tests, against the real ones. The answer to an assignment keeps its 5 s:
 * half a second is too short for a machine that renders in four processes at a time.
 */
export const timeScale = 0.1;
// An item of another's job may take as long as one does on a machine that is busy with many tests.
const times = { assignmentReplyMs: 50_000, assistRunMinMs: 1_000_000, assistItemMs: 3_000_000 };

const probedFiles = ['encoders.json', 'join-classes.json'];

/** One of our programs as a process: its output by line, and how it ended. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #waiting = new Set<{ readonly text: string; readonly resolve: (line: string) => void }>();

  constructor(main: string, args: readonly string[]) {
    this.child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const output of [this.child.stdout, this.child.stderr]) {
      if (output !== null) createInterface({ input: output }).on('line', (line) => this.#add(line));
    }
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** The first line that has the text, written already or still to come. @throws Error when the program ends before */
  async saw(text: string): Promise<string> {
    const had = this.lines.find((line) => line.includes(text));
    if (had !== undefined) return had;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.add({ text, resolve });
    const end = this.ended.then(() => {
      throw new Error(`the program ended before it said "${text}":\n${this.lines.slice(-20).join('\n')}`);
    });
    return await Promise.race([promise, end]);
  }

  count(text: string): number {
    return this.lines.filter((line) => line.includes(text)).length;
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return await this.ended;
  }

  #add(line: string): void {
    this.lines.push(line);
    for (const waiter of this.#waiting) {
      if (!line.includes(waiter.text)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(line);
    }
  }
}

/** Real controller, real agents, real FFmpeg, in a folder that goes with the test. */
export class RealFarm {
  folder = '';
  controller: Program | undefined;
  readonly agents = new Map<string, Program>();
  #address = '';
  #client: RenderfarmClient | undefined;
  /** What the first agent found out by test encodes, by file. */
  readonly #probed = new Map<string, Buffer>();

  static async open(t: TestContext): Promise<RealFarm> {
    // Hooks run in the order in which they were added: what runs is stopped before its folder goes.
    const farm = new RealFarm();
    t.after(() => farm.#stopAll());
    farm.folder = await tempFolder(t);
    for (const name of ['clips', 'results']) await mkdir(join(farm.folder, name));
    return farm;
  }

  get client(): RenderfarmClient {
    if (this.#client === undefined) throw new Error('the controller was not started');
    return this.#client;
  }

  get results(): string {
    return join(this.folder, 'results');
  }

  /** Starts the controller, or starts it again: on the port that it had. */
  async startController(settings: object = {}): Promise<Program> {
    const file = join(this.folder, 'controller.yaml');
    const listen = [this.#address === '' ? '127.0.0.1:0' : this.#address];
    const shares = [
      { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
      { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
    ];
    await writeFile(
      file,
      stringify({
        listen,
        shares,
        output: { share: 'results' },
        dataDir: 'data',
        logsDir: 'logs',
        timeZone: 'UTC',
        timeScale,
        times,
        ...settings,
      }),
    );
    this.controller = new Program(controllerMain, ['--config', file]);
    const line = await this.controller.saw('listens on');
    this.#address = line.split(' ').at(-1) ?? '';
    this.#client ??= connect({ addresses: [this.#address] });
    return this.controller;
  }

  /** Starts an agent and waits until the controller has welcomed it. */
  async startAgent(agentId: string, changes: object = {}): Promise<Program> {
    const file = join(this.folder, `${agentId}.yaml`);
    const mounts = {
      clips: { roots: ['\\\\nas\\Clips'], localPath: 'clips' },
      results: { roots: ['\\\\nas\\Results'], localPath: 'results' },
    };
    const config = {
      agentId,
      controllers: [this.#address],
      dataDir: `agent-${agentId}`,
      queues: ['4k_queue', 'gpu_queue', 'default_queue'],
      encoder: { rung: 'libx264', threads: 1 },
      mounts,
      logLevel: 'debug',
      ...changes,
    };
    await writeFile(file, stringify(config));
    await this.#knowEncoders(agentId);
    const agent = new Program(agentMain, ['run', '--config', file]);
    this.agents.set(agentId, agent);
    await agent.saw('"message":"welcome"');
    for (const name of probedFiles) {
      const found = await readFile(join(this.folder, `agent-${agentId}`, name)).catch(() => undefined);
      if (found !== undefined) this.#probed.set(name, found);
    }
    return agent;
  }

  /** A small clip with sound in the source share; the same for the same name. */
  clip(name: string, seconds: number, size = '320x180'): string {
    const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=30:d=${seconds}`];
    const sound = ['-f', 'lavfi', '-i', `sine=f=440:d=${seconds}`];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const file = join(this.folder, 'clips', name);
    execFileSync('ffmpeg', [...args, ...sound, ...codecs, file]);
    // What was written a moment ago may be written on, and would be waited for.
    utimesSync(file, 0, 0);
    return `\\\\nas\\Clips\\${name}`;
  }

  job(...paths: readonly string[]): JobInput {
    const items = paths.map((path, position) => ({ position, itemType: 'video' as const, path }));
    return { userId: 'ann', channelName: 'Kids TV', items };
  }

  /** The first change of a job that passes the test; fails when the job ends before. */
  async when(jobId: string, test: (change: JobChange) => boolean): Promise<JobChange> {
    let last: JobChange | undefined;
    for await (const change of this.client.watch({ jobIds: [jobId], untilEnded: true })) {
      if (test(change)) return change;
      last = change;
    }
    throw new Error(
      `job ${jobId} ended as ${last?.job.state ?? 'unknown'} (${last?.job.errorMessage ?? ''}) before that`,
    );
  }

  /** Probing takes seconds of FFmpeg's time; what the first agent found is true for the others on this machine. */
  async #knowEncoders(agentId: string): Promise<void> {
    const folder = join(this.folder, `agent-${agentId}`);
    await mkdir(folder, { recursive: true });
    for (const [name, found] of this.#probed) await writeFile(join(folder, name), found);
  }

  async #stopAll(): Promise<void> {
    this.#client?.close();
    for (const program of [...this.agents.values(), this.controller]) {
      if (program?.child.exitCode === null && program.child.signalCode === null)
        await program.kill('SIGKILL');
    }
  }
}
