/**
 * Sends attempts' logs to the controller in the background: what is added while they run, and the rest after their
 * end. Guarantee: a folder goes only when the controller has all of its files, when there are too many, or when it was
 * refused for a week; nothing waits for it. It survives a restart, because the folders are its memory.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobRef } from '../../proto/index.ts';
import { logClosedFile } from './log-folder.ts';
import type { LogReceiver, LogSender } from './log-sender.ts';
import { createLogSender, LogRefusedError } from './log-sender.ts';

/** More folders than this wait for nobody: the oldest goes. */
const foldersMax = 1_000;
/** Of ended attempts, between two looks at those that run. */
const closedAtOnce = 20;
/** A log that the controller has refused for so long after its end goes: its job is forgotten there. */
const refusedKeepMs = 7 * 86_400_000;
/** Longest wait after failures, in first waits. */
const waitsMax = 20;

export interface LogUploadOptions {
  readonly folder: string;
  readonly receiver: LogReceiver;
  readonly onTrouble: (message: string, error: unknown) => void;
  /** The controller has all of an attempt's logs. */
  readonly onSent?: (ref: JobRef) => void;
  /** Wait after a failure, doubling to 20 times as much. @default 3,000 */
  readonly retryMs?: number;
  /** Logs of attempts that run are looked at this often. @default 2,000 */
  readonly liveEveryMs?: number;
}

export interface LogUpload {
  /** There may be something new to send, or somebody to send it to. */
  nudge(): void;
  /** What is underway is broken off: it goes on after the next start. */
  stop(): Promise<void>;
}

/** Begins with the first nudge. */
export function startLogUpload(options: LogUploadOptions): LogUpload {
  const { retryMs = 3_000, liveEveryMs = 2_000, onTrouble } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const rounds = new Rounds(options);
  let nudged = new AbortController();
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      const woken = nudged.signal;
      let waitMs = liveEveryMs;
      try {
        if (await rounds.send(signal)) waitMs = 0;
        failures = 0;
      } catch (error) {
        failures += 1;
        waitMs = retryMs * Math.min(waitsMax, 2 ** failures / 2);
        // Once for each time that nobody is there.
        if (failures === 1 && !stopping.signal.aborted) onTrouble('logs could not be sent yet', error);
      }
      const wait = { signal: AbortSignal.any([signal, woken]), ref: false };
      if (waitMs > 0) await delay(waitMs, undefined, wait).catch(() => undefined);
    }
  };

  return {
    nudge() {
      nudged.abort();
      nudged = new AbortController();
      rounds.nudge();
      running ??= run();
    },
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await running;
    },
  };
}

interface Refused {
  times: number;
  /** Not before then (ms of the process's clock). */
  againMs: number;
}

/** One look at all folders after the other; what was refused is left alone for a while, and hinders no others. */
class Rounds {
  readonly #options: LogUploadOptions;
  readonly #sender: LogSender;
  readonly #refused = new Map<string, Refused>();
  /** When each folder was closed, which happens once (Unix ms). */
  readonly #closedMs = new Map<string, number>();

  constructor(options: LogUploadOptions) {
    this.#options = options;
    this.#sender = createLogSender(options.receiver);
  }

  /** Whoever refused may be gone. */
  nudge(): void {
    for (const one of this.#refused.values()) one.againMs = 0;
  }

  /** True: more is ready to be sent. @throws where nobody can be sent anything now */
  async send(signal: AbortSignal): Promise<boolean> {
    const { folder, onSent } = this.#options;
    const names = await readdir(folder).catch(() => []);
    this.#forgetAllBut(names);
    for (const name of names) if (!(await this.#isClosed(name))) await this.#sendOne(name, signal);
    const closed = this.#closed();
    const kept = closed.slice(-foldersMax);
    for (const name of closed.slice(0, -foldersMax)) await this.#drop(name);
    const ready = kept.filter((name) => !this.#isWaiting(name));
    for (const name of ready.slice(0, closedAtOnce)) {
      const ref = await this.#sendOne(name, signal);
      if (ref === undefined) continue;
      await this.#drop(name);
      onSent?.(ref);
    }
    return ready.length > closedAtOnce;
  }

  /** undefined: it was refused, or is not closed yet. */
  async #sendOne(name: string, signal: AbortSignal): Promise<JobRef | undefined> {
    signal.throwIfAborted();
    if (this.#isWaiting(name)) return undefined;
    const path = join(this.#options.folder, name);
    try {
      const isClosed = this.#closedMs.has(name);
      const ref = isClosed ? await this.#sender.sendClosed(path, signal) : undefined;
      if (!isClosed) await this.#sender.sendLive(path, signal);
      this.#refused.delete(name);
      return ref;
    } catch (error) {
      this.#sender.forget(path);
      if (!(error instanceof LogRefusedError) && !isOfThisFolder(error)) throw error;
      await this.#wasRefused(name, error);
      return undefined;
    }
  }

  async #wasRefused(name: string, error: unknown): Promise<void> {
    const { retryMs = 3_000, onTrouble } = this.#options;
    const times = (this.#refused.get(name)?.times ?? 0) + 1;
    const waitMs = retryMs * Math.min(waitsMax, 2 ** times / 2);
    this.#refused.set(name, { times, againMs: performance.now() + waitMs });
    // A job's first lines may come before the controller has stored that it has started.
    if (times === 2) onTrouble(`the log in ${name} could not be sent yet`, error);
    const closedMs = this.#closedMs.get(name);
    if (closedMs === undefined || Date.now() - closedMs < refusedKeepMs) return;
    onTrouble(`the log in ${name} was refused for a week, and goes`, error);
    await this.#drop(name);
  }

  #isWaiting(name: string): boolean {
    return (this.#refused.get(name)?.againMs ?? 0) > performance.now();
  }

  async #isClosed(name: string): Promise<boolean> {
    if (this.#closedMs.has(name)) return true;
    const closed = await stat(join(this.#options.folder, name, logClosedFile)).catch(() => undefined);
    if (closed !== undefined) this.#closedMs.set(name, closed.mtimeMs);
    return closed !== undefined;
  }

  /** Folders to which nothing more is written, oldest first. */
  #closed(): readonly string[] {
    return [...this.#closedMs].sort(([, a], [, b]) => a - b).map(([name]) => name);
  }

  async #drop(name: string): Promise<void> {
    await rm(join(this.#options.folder, name), { recursive: true, force: true });
    this.#forget(name);
  }

  #forgetAllBut(names: readonly string[]): void {
    for (const name of [...this.#closedMs.keys(), ...this.#refused.keys()]) {
      if (!names.includes(name)) this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#closedMs.delete(name);
    this.#refused.delete(name);
    this.#sender.forget(join(this.#options.folder, name));
  }
}

/** What our own disk says of one folder: torn by the end of the process, not a folder, gone meanwhile, or a bad sector. */
function isOfThisFolder(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  // Whoever receives is foreign, and told in numbers; system calls of ours are the disk's.
  return error instanceof Error && 'syscall' in error;
}
