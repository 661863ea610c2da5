import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { RedisServer } from '../test/helpers/redis-server.ts';
import { addressIn, type FarmProcess, startFarmProcess } from './farm-process.ts';

/** The stores that a farm can be measured on; Redis with its AOF, synced at every commit or every second. */
export const benchStores = ['sqlite', 'redis-always', 'redis-everysec'] as const;
export type BenchStore = (typeof benchStores)[number];

/** @throws Error for another word */
export function storeNamed(name: string): BenchStore {
  const found = benchStores.find((store) => store === name);
  if (found === undefined) throw new Error(`store ${name} is not known: ${benchStores.join(', ')}`);
  return found;
}

export const sourcePath = '\\\\farm\\Clips\\nothing.mp4';

/** A Redis and as many real controllers on one store as are started, in a folder of their own. */
export class FarmUnderTest {
  readonly folder: string;
  readonly store: BenchStore;
  readonly redis: RedisServer | undefined;
  readonly #started: FarmProcess[] = [];

  private constructor(folder: string, store: BenchStore, redis: RedisServer | undefined) {
    this.folder = folder;
    this.store = store;
    this.redis = redis;
  }

  static async open(store: BenchStore): Promise<FarmUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-'));
    await mkdir(join(folder, 'logs'));
    if (store === 'sqlite') return new FarmUnderTest(folder, store, undefined);
    const data = join(folder, 'redis');
    await mkdir(data);
    const appendfsync = store === 'redis-always' ? 'always' : 'everysec';
    const redis = new RedisServer(data, { settings: { appendfsync } });
    await redis.start();
    return new FarmUnderTest(folder, store, redis);
  }

  /** Starts one more controller on the store; resolves when it listens. */
  async startController(
    settings: Readonly<Record<string, unknown>> = {},
    onLine?: (line: string) => void,
  ): Promise<{ readonly process: FarmProcess; readonly address: string }> {
    const file = join(this.folder, `controller-${this.#started.length}.yaml`);
    await writeFile(file, stringify({ ...this.#config(), ...settings }));
    const process = startFarmProcess('controller/main.ts', file, onLine);
    this.#started.push(process);
    return { process, address: await process.find(addressIn) };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((each) => each.stop()));
    await this.redis?.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #config(): Readonly<Record<string, unknown>> {
    return {
      farm: 'bench',
      listen: ['127.0.0.1:0'],
      dataDir: join(this.folder, 'data'),
      logsDir: join(this.folder, 'logs'),
      shares: [
        { name: 'clips', roots: ['\\\\farm\\Clips'], role: 'source' },
        { name: 'results', roots: ['\\\\farm\\Results'], role: 'output' },
      ],
      output: { share: 'results' },
      limits: { jobsMax: 50_000, jobsPerUserMax: 50_000, agentsMax: 10_000, watchersMax: 2_000 },
      ...(this.redis && { store: { kind: 'redis', url: this.redis.url } }),
    };
  }
}
