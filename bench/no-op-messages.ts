import type { Inventory, Usage } from '../proto/agent-link.ts';

/** What a job that did nothing has used. */
export const usage: Usage = {
  copiedFiles: 0,
  copiedBytes: 0,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 0,
  segmentsReused: 0,
  framesEncoded: 0,
  runMs: 0,
  waitedForSharesMs: 0,
};

/** A PC that can do everything. */
export function inventoryOf(queues: readonly string[], slots: number): Inventory {
  return {
    hostname: 'bench',
    os: 'none',
    cpuModel: 'none',
    cpuCores: 1,
    memoryBytes: 1e9,
    gpus: [],
    encoders: [
      {
        encoder: 'libx264',
        rung: 'libx264',
        hardware: false,
        max: '2160p',
        framesPerSecond: 100,
        sessionsProbed: 1,
      },
    ],
    ffmpegVersion: 'none',
    scratchFreeBytes: 1e12,
    queues,
    slots,
    labels: [],
    shares: ['clips', 'results'],
    shareIds: [],
    speeds: [
      { workClass: 'hd', speed: 3, runs: 0 },
      { workClass: '4k', speed: 1, runs: 0 },
    ],
    concurrentSpeeds: Array.from({ length: slots }, () => 1),
    copyBytesPerSecond: 0,
  };
}
