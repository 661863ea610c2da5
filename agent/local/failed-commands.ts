/** `renderfarm-agent failed`: the work folders that failed attempts have left on this PC. */
import { rm } from 'node:fs/promises';
import { listKept } from '../attempt/kept-work.ts';
import type { AgentConfig } from '../config.ts';
import { keptWorkFolder } from '../data-folder.ts';

export interface FailedCommandOptions {
  readonly config: AgentConfig;
  readonly print: (line: string) => void;
}

/** Prints them, the newest first. Returns the exit code. */
export async function listFailed({ config, print }: FailedCommandOptions): Promise<number> {
  const kept = await listKept(keptWorkFolder(config));
  for (const { name, path, bytes, keptAtMs } of kept) {
    print(`${name} ${(bytes / 1024 ** 2).toFixed(1)} MiB since ${new Date(keptAtMs).toISOString()}: ${path}`);
  }
  print(`${kept.length} work folders`);
  return 0;
}

/** Removes those whose name begins so; undefined: all. Returns the exit code: 1 when there is none. */
export async function removeFailed(
  name: string | undefined,
  { config, print }: FailedCommandOptions,
): Promise<number> {
  const kept = await listKept(keptWorkFolder(config));
  // Chosen among those that are there: no name leads anywhere else.
  const meant = kept.filter((one) => name === undefined || one.name.startsWith(name));
  for (const { path } of meant) await rm(path, { recursive: true, force: true, maxRetries: 3 });
  print(`${meant.length} work folders removed`);
  return meant.length > 0 || name === undefined ? 0 : 1;
}
