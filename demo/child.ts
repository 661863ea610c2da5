import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';

/** One of the farm's processes. */
export interface Child {
  readonly name: string;
  /** Told to end, waited for, and killed when it does not end. Idempotent. */
  stop(): Promise<Ending>;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<Ending>;
}

export interface Ending {
  readonly name: string;
  /** As a sentence for people; undefined for a clean end that was asked for. */
  readonly problem: string | undefined;
}

export interface ChildOptions {
  readonly name: string;
  /** Arguments of Node: script first. */
  readonly args: readonly string[];
  /** Takes everything that the process prints. */
  readonly logFile: string;
  /** Gets each line of stdout and of stderr. */
  readonly onLine: (line: string) => void;
}

/** How long a process may take to end cleanly: agents give back what they hold, the controller closes its streams. */
const graceMs = 20_000;

/** Starts a Node process in a process group of its own, so that a Ctrl-C reaches us alone and we end it in order. */
export function startChild(options: ChildOptions): Child {
  const { name, args, logFile } = options;
  const log = createWriteStream(logFile);
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const state = { asked: false, killed: false, lastLines: [] as string[] };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      state.lastLines = [...state.lastLines, line].slice(-5);
      options.onLine(line);
    });
  }
  const ended = endOf(child, log).then((how) => ({ name, problem: problemOf(how, state, logFile) }));
  const stop = async (): Promise<Ending> => {
    if (!state.asked) {
      state.asked = true;
      child.kill('SIGTERM');
      const force = setTimeout(() => {
        state.killed = true;
        killGroup(child);
      }, graceMs);
      await ended;
      clearTimeout(force);
    }
    return await ended;
  };
  return { name, stop, ended };
}

async function endOf(child: ChildProcess, log: WriteStream): Promise<string> {
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not start: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  log.end();
  await finished(log).catch(() => undefined);
  return how;
}

function problemOf(
  how: string,
  state: { readonly asked: boolean; readonly killed: boolean; readonly lastLines: readonly string[] },
  logFile: string,
): string | undefined {
  if (state.killed) return `did not end when asked and was killed (${logFile})`;
  if (state.asked && how === 'exit code 0') return undefined;
  const last = state.lastLines.map((line) => `\n    ${line.slice(0, 400)}`).join('');
  return `${state.asked ? 'ended badly' : 'ended by itself'}: ${how} (${logFile})${last}`;
}

/** Also what it started: its FFmpeg must not outlive it. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself in the meantime.
  }
}
