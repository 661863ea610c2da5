import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { afterMs } from './later.ts';

export interface ProgramOptions {
  /** In the farm: `controller-1`, `pc1`, `redis`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Gets all that it says, of every start. */
  readonly logFile: string;
  /** Told when it ends although nobody has asked it to: no program of the farm may. It is started again. */
  readonly onOwnEnd: (how: string) => void;
}

/** As a service manager would wait before it starts it again. */
const startAgainMs = 300;

/**
 * One program of the farm, which can be started again and again. Guarantee: at most one process of it at a time;
 * signals reach only that one, never a stranger who got its pid.
 */
export class Program {
  readonly options: ProgramOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #isFrozen = false;
  #isAsked = false;

  constructor(options: ProgramOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Starts it, unless it runs. */
  start(): void {
    if (this.isRunning) return;
    const { command, args, cwd, env, logFile } = this.options;
    // Its output goes to the file without us: we must not be what slows it down.
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.once('error', () => undefined);
    this.#child = child;
    this.#isFrozen = false;
    this.#isAsked = false;
    this.#ended = once(child, 'close');
    child.once('exit', (code, signal) => {
      if (this.#isAsked) return;
      this.options.onOwnEnd(`ended by itself: ${signal ?? `exit code ${code}`}`);
      afterMs(startAgainMs, () => this.start());
    });
  }

  /** Starts it after it was killed: the system may need a moment to end it. */
  async startAgain(): Promise<void> {
    await this.ended();
    this.start();
  }

  /** Sends at once: a kill point has passed when this returns. False when it does not run. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.isRunning) return false;
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#isAsked = true;
    if (signal === 'SIGSTOP') this.#isFrozen = true;
    if (signal === 'SIGCONT') this.#isFrozen = false;
    return this.#child?.kill(signal) ?? false;
  }

  /** Resolves when it does not run. */
  async ended(): Promise<void> {
    if (this.isRunning) await this.#ended;
  }

  /** Asks, then kills. */
  async stop(graceMs: number): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const force = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.ended();
    clearTimeout(force);
  }
}
