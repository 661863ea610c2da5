import { readdirSync, statSync, truncateSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Program, type ProgramOptions } from './child-process.ts';

export interface RedisPlace extends Pick<ProgramOptions, 'env' | 'logFile' | 'onOwnEnd'> {
  readonly folder: string;
  readonly port: number;
}

/** A real Redis that fsyncs every write, as an operator who wants to lose nothing configures it. */
export async function redisProgram({ folder, port, ...rest }: RedisPlace): Promise<Program> {
  await mkdir(folder, { recursive: true });
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    'auto-aof-rewrite-percentage': '0',
    'aof-load-truncated': 'yes',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  return new Program({ name: 'redis', command: 'redis-server', args, cwd: folder, ...rest });
}

/** Where a Redis appends what it is told: the folder whose changes are commits. */
export function appendFolder(folder: string): string {
  return join(folder, 'appendonlydir');
}

/** Takes the last bytes of what a stopped Redis has written. Returns how many. */
export function cutTail(folder: string, bytes: number): number {
  const parts = readdirSync(appendFolder(folder)).filter((name) => name.endsWith('.incr.aof'));
  const last = parts.toSorted().at(-1);
  if (last === undefined) return 0;
  const file = join(appendFolder(folder), last);
  const { size } = statSync(file);
  const cut = Math.min(bytes, size);
  truncateSync(file, size - cut);
  return cut;
}
