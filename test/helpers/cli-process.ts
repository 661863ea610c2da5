import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Arrivals } from './arrivals.ts';

const main = fileURLToPath(new URL('../../client/cli/main.ts', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** A run of the command line as a process of its own. */
export interface CliProcess {
  /** Lines of its stdout as they come. */
  readonly lines: Arrivals<string>;
  readonly ended: Promise<CliResult>;
  interrupt(): void;
}

/** Starts `renderfarm ...` with nothing of the environment but what is given. */
export function startCli(
  args: readonly string[],
  { env = {}, stdin = '' }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): CliProcess {
  const child = spawn(process.execPath, [main, ...args], { env: { ...markerOf(process.env), ...env } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const lines = new Arrivals<string>();
  const all: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    all.push(line);
    lines.add(line);
  });
  const stderr = text(child.stderr);
  const ended = once(child, 'close').then(async ([code]): Promise<CliResult> => {
    return { code: code as number | null, lines: all, stderr: await stderr };
  });
  return { lines, ended, interrupt: () => child.kill('SIGINT') };
}

/** What the search for processes that outlive a test goes by. */
function markerOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const marker = env['RENDERFARM_TEST_RUN'];
  return marker === undefined ? {} : { RENDERFARM_TEST_RUN: marker };
}
