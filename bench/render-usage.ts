import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

/** What a piece of work cost. */
export interface Usage {
  readonly wallSeconds: number;
  /** Of all programs that it started and that have ended. */
  readonly cpuSeconds: number;
  /** The highest sum over all FFmpeg and ffprobe processes at one moment. */
  readonly peakRssMb: number;
}

/** Linux counts in hundredths of a second, whatever the kernel's timer does. */
const ticksPerSecond = 100;
const pageBytes = 4096;
const sampleEveryMs = 25;

/** Does the work and measures it, by the kernel's own numbers (Linux). */
export async function measureUsage<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly usage: Usage }> {
  const peak = watchPeakRss();
  const cpuBefore = await childCpuSeconds();
  const startedAt = performance.now();
  try {
    const value = await work();
    const wallSeconds = (performance.now() - startedAt) / 1000;
    const cpuSeconds = (await childCpuSeconds()) - cpuBefore;
    return { value, usage: { wallSeconds, cpuSeconds, peakRssMb: (await peak.stop()) / 2 ** 20 } };
  } finally {
    await peak.stop();
  }
}

/** `cutime` and `cstime`: children that ended and were waited for. */
async function childCpuSeconds(): Promise<number> {
  const fields = await statFields(process.pid);
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

function watchPeakRss() {
  let peakBytes = 0;
  const state = { isOver: false };
  const sample = async (): Promise<void> => {
    peakBytes = Math.max(peakBytes, await ffmpegRssBytes());
  };
  const loop = (async () => {
    while (!state.isOver) {
      await sample();
      await new Promise((resolve) => setTimeout(resolve, sampleEveryMs));
    }
  })();
  return {
    stop: async () => {
      state.isOver = true;
      await loop;
      return peakBytes;
    },
  };
}

async function ffmpegRssBytes(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const sizes = await Promise.all(pids.map(async (pid) => await rssOfOurs(Number(pid))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function rssOfOurs(pid: number): Promise<number> {
  try {
    const command = await readFile(`/proc/${pid}/comm`, 'utf8');
    if (!/^(?:ffmpeg|ffprobe)$/mu.test(command)) return 0;
    const fields = await statFields(pid);
    return Number(fields[1]) === process.pid ? Number(fields[21]) * pageBytes : 0;
  } catch {
    // It ended in between.
    return 0;
  }
}

/** Fields of /proc/PID/stat after the name, which may hold anything: state is 0, the parent 1, `cutime` 13, `rss` 21. */
async function statFields(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
