import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface RedisServerOptions {
  /** Of redis.conf, over what is written below; a list repeats the setting. @default durable: AOF, fsync always */
  readonly settings?: Readonly<Record<string, string | readonly string[]>>;
  /** A TCP port of 127.0.0.1 beside the unix socket. @default none */
  readonly port?: number;
  /** Where its data lies. @default a folder of its own that is removed when the test has ended */
  readonly folder?: string;
  /** A configuration file that it may write to: then it is a Sentinel, and only `port` counts. @default none */
  readonly sentinelFile?: string;
}

/** A server that does not answer after this never will. */
const startMs = 10_000;
const pollMs = 5;

/** A real redis-server on a unix socket in a temporary folder, ended with the test. */
export class RedisServer {
  /** Data and socket lie here; `appendonlydir/` holds the AOF. */
  readonly folder: string;
  /** The unix socket. */
  readonly path: string;
  readonly port: number | undefined;
  readonly #options: RedisServerOptions;
  #process: ChildProcess | undefined;

  constructor(folder: string, options: RedisServerOptions) {
    this.folder = folder;
    this.path = join(folder, 'redis.sock');
    this.port = options.port;
    this.#options = options;
  }

  get url(): string {
    return `unix://${this.path}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it on the data that is there; resolves when it answers. */
  async start(): Promise<void> {
    assert.equal(this.#process, undefined, 'it runs already');
    const child = spawn('redis-server', this.#arguments(), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-4_000);
    });
    const deadline = performance.now() + startMs;
    while (!(await this.#answers())) {
      assert.equal(child.exitCode, null, `redis-server has ended:\n${said}`);
      assert.ok(performance.now() < deadline, `redis-server does not answer:\n${said}`);
      await setTimeout(pollMs);
    }
  }

  /** Ends it cleanly (`SIGTERM`: everything is saved) or at once (`SIGKILL`). Harmless where it does not run. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const closed = once(child, 'close');
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    child.kill(signal);
    await closed;
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  /** Stands still without a word (SIGSTOP), until `thaw`. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Sends one command as redis-cli would, over a connection of its own; gives the answer as the wire has it. */
  async command(...words: readonly string[]): Promise<string> {
    const socket = connect(this.path);
    try {
      const lines = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
      socket.write(`*${words.length}\r\n${lines}`);
      const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(startMs) })) as [Buffer];
      return answer.toString();
    } finally {
      socket.destroy();
    }
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.command('PING')).startsWith('+PONG');
    } catch {
      return false;
    }
  }

  #arguments(): readonly string[] {
    const { sentinelFile } = this.#options;
    if (sentinelFile !== undefined) {
      const places = ['--port', String(this.port ?? 0), '--bind', '127.0.0.1', '--unixsocket', this.path];
      return [sentinelFile, '--sentinel', ...places, '--dir', this.folder];
    }
    const settings: Record<string, string | readonly string[]> = {
      dir: this.folder,
      unixsocket: this.path,
      port: String(this.port ?? 0),
      bind: '127.0.0.1',
      daemonize: 'no',
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
      ...this.#options.settings,
    };
    const lines = Object.entries(settings).flatMap(([name, value]) =>
      [value].flat().flatMap((each) => [`--${name}`, ...(each === '' ? [''] : each.split(' '))]),
    );
    return lines;
  }
}

/** Makes and starts a server; it is killed and its folder removed when the test has ended. */
export async function startRedisServer(
  t: { after(end: () => Promise<void>): void },
  options: RedisServerOptions = {},
): Promise<RedisServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'renderfarm-redis-')));
  await mkdir(folder, { recursive: true });
  const server = new RedisServer(folder, options);
  t.after(async () => {
    await server.kill();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  });
  await server.start();
  return server;
}
