import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');
const stopMs = 20_000;

/** A process of ours, as an operator would start it. */
export interface FarmProcess {
  /** Resolves with what is found first in a line that it prints from now on; rejects when it ends. */
  find<T>(search: (line: string) => T | undefined): Promise<T>;
  /** Ends it, cleanly where it lets us. Idempotent. */
  stop(): Promise<void>;
}

/** Starts `node SCRIPT --config FILE`. Every line also goes to `onLine`. */
export function startFarmProcess(
  script: string,
  configFile: string,
  onLine: (line: string) => void = () => undefined,
): FarmProcess {
  const child = spawn(process.execPath, [join(root, script), '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  const tail: string[] = [];
  const listeners = new Set<(line: string) => void>([onLine, (line) => tail.push(line)]);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      for (const listener of [...listeners]) listener(line);
    });
  }
  return {
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
    stop: () => stopChild(child, ended),
  };
}

/** `host:port` of the line that a controller prints when everything answers. */
export function addressIn(line: string): string | undefined {
  return /^renderfarm controller listens on (\S+)/u.exec(line)?.[1];
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(force);
}
