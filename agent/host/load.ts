import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How busy this PC is, for the heartbeat. */
export interface Load {
  /** Processes that run or wait, averaged over a minute; on Windows busy cores since the last sample. */
  readonly load1: number;
  readonly scratchFreeBytes: number;
  /** The longest that our own loop was away since the last sample. */
  readonly worstLoopStallMs: number;
}

export interface LoadMeter {
  sample(): Promise<Load>;
  /** Idempotent. */
  stop(): void;
}

const resolutionMs = 20;

/** Measures the time between two ticks of the loop, in nanoseconds: what `monitorEventLoopDelay` makes. */
export type LoopDelay = Pick<
  ReturnType<typeof monitorEventLoopDelay>,
  'enable' | 'disable' | 'reset' | 'count' | 'max'
>;

export function startLoadMeter(options: {
  readonly scratchFolder: string;
  readonly platform?: string;
  /** @default Node's own, every 20 ms */
  readonly loopDelay?: LoopDelay;
}): LoadMeter {
  const { scratchFolder, platform = process.platform } = options;
  const delay = options.loopDelay ?? monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let before = cpuTimes();
  return {
    async sample() {
      // What is measured is the time between two ticks, the waiting itself included.
      const worstLoopStallMs =
        delay.count === 0 ? 0 : Math.max(0, Math.round(delay.max / 1e6 - resolutionMs));
      delay.reset();
      const now = cpuTimes();
      const busy = busyCores(before, now);
      before = now;
      const load1 = platform === 'win32' ? busy : (loadavg()[0] ?? 0);
      return { load1, scratchFreeBytes: await freeBytes(scratchFolder), worstLoopStallMs };
    },
    stop: () => void delay.disable(),
  };
}

/** Bytes that an ordinary user may still write there. Rejects with the file system's error. */
export async function freeBytes(folder: string): Promise<number> {
  const disk = await statfs(folder);
  return disk.bavail * disk.bsize;
}

interface CpuTimes {
  readonly busyMs: number;
  readonly allMs: number;
}

function cpuTimes(): CpuTimes {
  let busyMs = 0;
  let allMs = 0;
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq;
    busyMs += used;
    allMs += used + times.idle;
  }
  return { busyMs, allMs };
}

function busyCores(before: CpuTimes, now: CpuTimes): number {
  const all = now.allMs - before.allMs;
  return all <= 0 ? 0 : ((now.busyMs - before.busyMs) / all) * availableParallelism();
}
