import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything that the demo leaves behind, by what it is for. Absolute paths. */
export interface DemoFolders {
  /** The sources: the only thing that a later run uses again. */
  readonly share: string;
  /** The output share's mount. */
  readonly results: string;
  /** One log file per process, and the job folders. */
  readonly logs: string;
  /** Configurations of the processes. */
  readonly config: string;
  /** The controller's store. */
  readonly controller: string;
  /** Work, caches and journal of an agent. */
  readonly cacheOf: (agentId: string) => string;
}

/** The agents' ids decide the names of their folders. */
export const agentIds = ['pc1', 'pc2'] as const;
export type DemoAgentId = (typeof agentIds)[number];

export function demoFolders(out: string): DemoFolders {
  return {
    share: join(out, 'share'),
    results: join(out, 'results'),
    logs: join(out, 'logs'),
    config: join(out, 'config'),
    controller: join(out, 'controller'),
    cacheOf: (agentId) => join(out, `cache-${agentId}`),
  };
}

/** What an agent found out about this machine by test encodes: true for the next run too, and kept by it. */
const probedEncoders = 'encoders.json';

/** Removes what an earlier run left, but for the sources and the probed encoders, and makes the folders. */
export async function cleanFolders(folders: DemoFolders): Promise<void> {
  const caches = agentIds.map(folders.cacheOf);
  for (const folder of [folders.results, folders.logs, folders.config, folders.controller, ...caches]) {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      if (name !== probedEncoders)
        await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
  await mkdir(folders.share, { recursive: true });
}
