import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');
const stopMs = 20_000;

/** A process of ours, as an operator would start it. */
export interface FarmProcess {
  readonly pid: number;
  /** Resolves with what is found first in a line that it prints from now on; rejects when it ends. */
  find<T>(search: (line: string) => T | undefined): Promise<T>;
  /** Resolves when it is over. */
  readonly ended: Promise<unknown>;
  /** Sends a signal, and no more. */
  signal(name: NodeJS.Signals): void;
  /** Ends it, cleanly where it lets us. Idempotent. */
  stop(): Promise<void>;
}

/** Starts `node SCRIPT ARGS`. Every line also goes to `onLine`; `env` is added to ours. */
export function startProcess(
  script: string,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
  env: Readonly<Record<string, string>> = {},
): FarmProcess {
  const child = spawn(process.execPath, [...profiling(), join(root, script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'close');
  const tail: string[] = [];
  const listeners = new Set<(line: string) => void>([
    onLine,
    (line) => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
    },
  ]);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      for (const listener of [...listeners]) listener(line);
    });
  }
  return {
    pid: child.pid ?? 0,
    ended,
    async find(search) {
      const { promise, resolve, reject } = Promise.withResolvers<NonNullable<ReturnType<typeof search>>>();
      const listener = (line: string): void => {
        const found = search(line);
        if (found !== undefined) resolve(found as NonNullable<typeof found>);
      };
      listeners.add(listener);
      void ended.then(() => reject(new Error(`${script} has ended: ${tail.slice(-5).join('\n')}`)));
      try {
        return await promise;
      } finally {
        listeners.delete(listener);
      }
    },
    signal: (name) => void child.kill(name),
    stop: () => stopChild(child, ended),
  };
}

/** Starts `node SCRIPT --config FILE`. */
export function startFarmProcess(
  script: string,
  configFile: string,
  onLine?: (line: string) => void,
  env?: Readonly<Record<string, string>>,
): FarmProcess {
  return startProcess(script, ['--config', configFile], onLine, env);
}

/** `host:port` of the line that a controller prints when everything answers. */
export function addressIn(line: string): string | undefined {
  return /^renderfarm controller listens on (\S+)/u.exec(line)?.[1];
}

let profileFolder: string | undefined;

/** Processes that are started from now on write CPU profiles into this folder when they end cleanly. */
export async function profileInto(folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  profileFolder = folder;
}

function profiling(): readonly string[] {
  return profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(force);
}
