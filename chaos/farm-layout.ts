import { join } from 'node:path';
import { historyFiles } from './history-lines.ts';

/** Multiplies every time limit of controllers and agents; printed with the result. */
export const chaosTimeScale = 0.1;

/** Where everything of a run is, all below its history folder. */
export interface FarmLayout {
  readonly folder: string;
  readonly clips: string;
  /** Where agents find the output share: what is mounted there may be another folder for a while. */
  readonly results: string;
  readonly controllerData: string;
  readonly jobLogs: string;
  readonly ticks: string;
  readonly logs: string;
  readonly keep: string;
  agentData(agentId: string): string;
}

export function layoutOf(history: string): FarmLayout {
  const folder = join(history, historyFiles.farm);
  return {
    folder,
    clips: join(folder, 'clips'),
    results: join(folder, 'results'),
    controllerData: join(folder, 'controller'),
    jobLogs: join(folder, 'job-logs'),
    ticks: join(history, historyFiles.ticks),
    logs: join(history, historyFiles.logs),
    keep: join(folder, 'keep'),
    agentData: (agentId) => join(folder, `agent-${agentId}`),
  };
}

const sourceRoot = '\\\\nas\\Clips';
const outputRoot = '\\\\nas\\Results';

export function clipPath(name: string): string {
  return `${sourceRoot}\\${name}`;
}

/** Limits that would keep a run waiting for minutes at its end are shorter in proportion; told with the result. */
const shortenedTimes = {
  assignmentReplyMs: 30_000,
  declinedMs: 30_000,
  retryMinMs: 10_000,
  retryMaxMs: 40_000,
  publishRetryMaxMs: 30_000,
  ffmpegStallMs: 5_000,
  ffmpegStartStallMs: 8_000,
};

export interface ControllerPlace {
  readonly port: number;
  /** What agents and clients are told to come to. */
  readonly advertisedPort: number;
  /** Absent: SQLite. */
  readonly redisPort?: number;
}

export function controllerConfig(
  layout: FarmLayout,
  { port, advertisedPort, redisPort }: ControllerPlace,
): object {
  return {
    farm: 'chaos',
    listen: [`127.0.0.1:${port}`],
    advertise: [`127.0.0.1:${advertisedPort}`],
    shares: [
      { name: 'clips', roots: [sourceRoot], role: 'source' },
      { name: 'results', roots: [outputRoot], role: 'output' },
    ],
    output: { share: 'results' },
    dataDir: layout.controllerData,
    logsDir: layout.jobLogs,
    timeZone: 'UTC',
    timeScale: chaosTimeScale,
    times: shortenedTimes,
    ...(redisPort === undefined ? {} : { store: { kind: 'redis', url: `redis://127.0.0.1:${redisPort}/0` } }),
  };
}

export interface AgentPlace {
  readonly agentId: string;
  readonly dataDir: string;
  readonly controllerPorts: readonly number[];
  readonly ffmpeg: string;
  readonly ffprobe: string;
  readonly slots: number;
}

export function agentConfig(layout: FarmLayout, place: AgentPlace): object {
  const { agentId, dataDir, controllerPorts, ffmpeg, ffprobe, slots } = place;
  return {
    agentId,
    dataDir,
    controllers: controllerPorts.map((port) => `127.0.0.1:${port}`),
    queues: ['4k_queue', 'gpu_queue', 'default_queue'],
    slots,
    encoder: { rung: 'libx264', threads: 1 },
    mounts: {
      clips: { roots: [sourceRoot], localPath: layout.clips },
      results: { roots: [outputRoot], localPath: layout.results },
    },
    cache: { freeBytesMin: '1 MiB', bytesMax: '100 MiB', segmentBytesMax: '100 MiB' },
    ffmpeg,
    ffprobe,
    timeScale: chaosTimeScale,
    logLevel: 'debug',
  };
}
