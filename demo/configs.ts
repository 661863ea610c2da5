import { join } from 'node:path';
import type { Mounts } from '../agent/media/unc.ts';
import type { DemoAgentId, DemoFolders } from './folders.ts';
import { demoShareRoot, onShare, sportsVideoId } from './jobs.ts';

/** Where results go, as jobs and people name it. */
const outputRoot = '\\\\farm\\Results';

/** The catalogue file: the controller looks ids up in it. */
export const catalogText = `video_id,path,resolution\n${sportsVideoId},${onShare('clips/sports-720p50.mkv')},1280x720\n`;

/** The shares of the demo as the agents mount them; `own` holds those of the caller's own jobs. */
export function demoMounts(folders: DemoFolders, own: Mounts = {}): Mounts {
  return {
    share: { roots: [demoShareRoot], localPath: folders.share },
    results: { roots: [outputRoot], localPath: folders.results },
    ...own,
  };
}

/** The controller's settings: docs/configuration.md explains each. */
export function controllerConfig(folders: DemoFolders, mounts: Mounts): unknown {
  return {
    farm: 'demo',
    // Loopback, so that neither certificate nor token is needed; port 0: any that is free.
    listen: ['127.0.0.1:0'],
    dataDir: folders.controller,
    logsDir: folders.logs,
    catalogFile: join(folders.config, 'catalogue.csv'),
    users: { ana: 'Ana', ben: 'Ben' },
    shares: Object.entries(mounts).map(([name, { roots }]) => ({
      name,
      roots,
      role: name === 'results' ? 'output' : 'source',
    })),
    output: { share: 'results' },
  };
}

/**
 * PC1 is the fast one: every queue, and whatever encoder passes the probe, with all cores. PC2 stands for an old PC: one
 * queue, the software encoder, and one thread for each FFmpeg.
 */
const machines: Readonly<
  Record<DemoAgentId, { readonly queues: readonly string[]; readonly encoder: unknown }>
> = {
  pc1: { queues: ['4k_queue', 'gpu_queue', 'default_queue'], encoder: {} },
  pc2: { queues: ['default_queue'], encoder: { rung: 'libx264', threads: 1 } },
};

export interface AgentPlace {
  readonly folders: DemoFolders;
  readonly mounts: Mounts;
  /** Of the controller, `host:port`. */
  readonly address: string;
}

export function agentConfig(agentId: DemoAgentId, { folders, mounts, address }: AgentPlace): unknown {
  return {
    agentId,
    controllers: [address],
    dataDir: folders.cacheOf(agentId),
    mounts,
    slots: 1,
    ...machines[agentId],
  };
}
