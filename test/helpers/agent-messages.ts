import type {
  AttemptEvent,
  FinishedOutcome,
  Heartbeat,
  Hello,
  Inventory,
  JobRef,
  JournalEvent,
  Manifest,
  Usage,
} from '../../proto/agent-link.ts';

export function inventory(changes: Partial<Inventory> = {}): Inventory {
  return {
    hostname: 'pc1',
    os: 'linux',
    cpuModel: 'test',
    cpuCores: 8,
    memoryBytes: 16e9,
    gpus: [],
    encoders: [
      {
        encoder: 'libx264',
        rung: 'libx264',
        hardware: false,
        max: '2160p',
        framesPerSecond: 60,
        sessionsProbed: 1,
      },
    ],
    ffmpegVersion: '5.1.9',
    scratchFreeBytes: 100e9,
    queues: ['4k_queue', 'gpu_queue', 'default_queue'],
    slots: 1,
    labels: [],
    shares: ['clips', 'results'],
    shareIds: [],
    speeds: [
      { workClass: 'hd', speed: 2, runs: 0 },
      { workClass: '4k', speed: 0.5, runs: 0 },
    ],
    concurrentSpeeds: [1],
    copyBytesPerSecond: 0,
    ...changes,
  };
}

export function hello(agentId: string, changes: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    agentId,
    instanceId: `${agentId}-1`,
    softwareVersion: '0.1.0',
    protocolMin: 1,
    protocolMax: 1,
    features: [],
    highestTerm: 0,
    journalId: `${agentId}-journal`,
    firstUnackedEvent: 1,
    lastEvent: 0,
    inventory: inventory({ hostname: agentId }),
    held: [],
    tombstones: [],
    ...changes,
  };
}

export function journalEvent(number: number, ref: JobRef, event: AttemptEvent): JournalEvent {
  return { kind: 'event', number, ref, atMs: 0, event };
}

export const heartbeat: Heartbeat = {
  kind: 'heartbeat',
  sequence: 1,
  load1: 0,
  scratchFreeBytes: 100e9,
  worstLoopStallMs: 0,
  oldestShareOperationMs: 0,
};

export const manifest: Manifest = {
  fileName: 'result.mp4',
  sizeBytes: 1_000,
  durationMs: 5_000,
  frames: 150,
  sha256: 'ab'.repeat(32),
  features: ['logo_overlay'],
};

export const usage: Usage = {
  copiedFiles: 1,
  copiedBytes: 10,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 1,
  segmentsReused: 0,
  framesEncoded: 150,
  runMs: 1_000,
  waitedForSharesMs: 0,
};

export function finished(
  changes: Partial<FinishedOutcome> & Pick<FinishedOutcome, 'outcome'>,
): FinishedOutcome {
  return { problems: [], stderrTail: [], usage, ...changes };
}
