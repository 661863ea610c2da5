import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Mounts } from '../agent/media/unc.ts';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import type { AgentView } from '../client/views.ts';
import { type Child, startChild } from './child.ts';
import { agentConfig, catalogText, controllerConfig } from './configs.ts';
import { agentIds, type DemoFolders } from './folders.ts';

/** A farm of three processes, as real as one on three PCs. */
export interface DemoFarm {
  readonly address: string;
  readonly client: RenderfarmClient;
  /** The agents as the controller sees them once both are attached. */
  readonly agents: readonly AgentView[];
  /** Resolves, with what is wrong, when a process ends that was not asked to. */
  readonly broken: Promise<string>;
  /** Ends agents, then controller. Returns what was not clean about it. Idempotent. */
  stop(): Promise<readonly string[]>;
}

const root = join(import.meta.dirname, '..');

/** Starts controller and agents, and resolves when both agents are attached. Leaves nothing behind when it rejects. */
export async function startFarm(
  folders: DemoFolders,
  mounts: Mounts,
  signal: AbortSignal,
): Promise<DemoFarm> {
  const children: Child[] = [];
  const broken = Promise.withResolvers<string>();
  const lines = new Lines();
  const start = async (name: string, script: string, config: unknown): Promise<void> => {
    const file = join(folders.config, `${name}.yaml`);
    await writeFile(file, stringify(config));
    const args = [join(root, script), '--config', file];
    const logFile = join(folders.logs, `${name}.log`);
    const child = startChild({ name, args, logFile, onLine: (line) => lines.add(name, line) });
    children.push(child);
    void child.ended.then(({ problem }) => {
      if (problem !== undefined) broken.resolve(`${name} ${problem}`);
    });
  };
  let client: RenderfarmClient | undefined;
  const stop = async (): Promise<readonly string[]> => {
    client?.close();
    return await stopAll(children);
  };
  try {
    const failed = broken.promise.then((problem) => Promise.reject(new Error(problem)));
    failed.catch(() => undefined);
    await writeFile(join(folders.config, 'catalogue.csv'), catalogText);
    await start('controller', 'controller/main.ts', controllerConfig(folders, mounts));
    const address = await Promise.race([lines.find('controller', addressIn, signal), failed]);
    for (const agentId of agentIds) {
      await start(agentId, 'agent/main.ts', agentConfig(agentId, { folders, mounts, address }));
    }
    client = connect({ addresses: [address] });
    const agents = await Promise.race([attachedAgents(client, lines, signal), failed]);
    return { address, client, agents, broken: broken.promise, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Agents first: they give back what they hold, and the controller is there to take it. */
async function stopAll(children: readonly Child[]): Promise<readonly string[]> {
  const agents = await Promise.all(children.slice(1).map((child) => child.stop()));
  const controller = await Promise.all(children.slice(0, 1).map((child) => child.stop()));
  return [...agents, ...controller].flatMap(({ name, problem }) =>
    problem === undefined ? [] : [`${name} ${problem}`],
  );
}

/** The farm is asked again whenever a process says something: an agent that attaches is always told of in a log. */
async function attachedAgents(
  client: RenderfarmClient,
  lines: Lines,
  signal: AbortSignal,
): Promise<readonly AgentView[]> {
  for (;;) {
    const news = lines.next(signal);
    news.catch(() => undefined);
    const agents = await Array.fromAsync(client.agents({ signal }));
    const attached = agents.filter(({ liveness }) => liveness === 'attached');
    if (agentIds.every((id) => attached.some(({ agentId }) => agentId === id))) return attached;
    await news;
  }
}

/** `host:port` in the line that a controller prints when it is ready. */
function addressIn(line: string): string | undefined {
  return /^renderfarm controller listens on (\S+)/u.exec(line)?.[1];
}

/** What the processes print, for whoever waits for something in it. */
class Lines {
  readonly #listeners = new Set<(name: string, line: string) => void>();

  add(name: string, line: string): void {
    for (const listener of [...this.#listeners]) listener(name, line);
  }

  /** Resolves with the next line of anybody. Rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<string> {
    return this.#first((_, line) => line, signal);
  }

  /** Resolves with what is found in a line of the process. Rejects with the signal's reason. */
  find(name: string, search: (line: string) => string | undefined, signal: AbortSignal): Promise<string> {
    return this.#first((from, line) => (from === name ? search(line) : undefined), signal);
  }

  async #first(
    search: (name: string, line: string) => string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const listener = (name: string, line: string): void => {
      const found = search(name, line);
      if (found !== undefined) resolve(found);
    };
    const abort = (): void => reject(signal.reason as Error);
    signal.throwIfAborted();
    this.#listeners.add(listener);
    signal.addEventListener('abort', abort);
    try {
      return await promise;
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', abort);
    }
  }
}
