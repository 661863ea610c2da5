import { readFile } from 'node:fs/promises';
import { openKeptFile } from '../kept-file.ts';
import type { Pace } from './pace.ts';

/** How fast this PC copies from its shares, by its last copies. */
export interface CopyMeter {
  /** A copy begins; its result ends it, with the bytes that it has brought (0: it failed). */
  begin(pace: Pace): (bytes: number) => void;
  /** All copies that go on at the same time together; 0: not measured yet. */
  bytesPerSecond(): number;
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

export interface CopyMeterOptions {
  /** Keeps the figures over restarts. */
  readonly path: string;
  /** Told when the figure is another one. */
  readonly onChange: (bytesPerSecond: number) => void;
  readonly onTrouble: (message: string, error: unknown) => void;
  /** Steady, in ms. @default performance.now */
  readonly nowMs?: () => number;
}

/** Below this, what is measured is the opening of files and the flushing of disks. */
const burstBytesMin = 32 * 1024 ** 2;
/** The median of so many: one copy beside a backup, or out of a file server's memory, counts for nothing. */
const burstsMax = 9;

interface Burst {
  readonly startedMs: number;
  bytes: number;
  isHindered: boolean;
}

/**
 * Measures bursts: from the first of the copies that go on together to the end of the last, because they share one line.
 * A burst in which a copy had to make way says nothing about the line.
 */
export async function openCopyMeter(options: CopyMeterOptions): Promise<CopyMeter> {
  const { path, onChange, onTrouble, nowMs = () => performance.now() } = options;
  const rates = await readRates(path);
  let burst: Burst | undefined;
  let underway = 0;
  const file = openKeptFile(path, onTrouble);

  const measured = ({ startedMs, bytes, isHindered }: Burst): void => {
    const ms = nowMs() - startedMs;
    if (isHindered || bytes < burstBytesMin || ms <= 0) return;
    const before = median(rates);
    rates.push(Math.round((bytes * 1_000) / ms));
    rates.splice(0, rates.length - burstsMax);
    file.write(JSON.stringify(rates));
    if (median(rates) !== before) onChange(median(rates));
  };

  return {
    begin(pace) {
      const mine = (burst ??= { startedMs: nowMs(), bytes: 0, isHindered: false });
      underway += 1;
      const look = (): void => void (mine.isHindered ||= pace.now() !== 'full');
      look();
      const stop = pace.onChange(look);
      return (bytes) => {
        stop();
        mine.bytes += bytes;
        underway -= 1;
        if (underway > 0) return;
        burst = undefined;
        measured(mine);
      };
    },
    bytesPerSecond: () => median(rates),
    settled: () => file.settled(),
  };
}

async function readRates(path: string): Promise<number[]> {
  try {
    const kept: unknown = JSON.parse(await readFile(path, 'utf8'));
    const rates: readonly unknown[] = Array.isArray(kept) ? kept : [];
    return rates
      .filter((rate) => typeof rate === 'number' && Number.isSafeInteger(rate) && rate > 0)
      .slice(-burstsMax) as number[];
  } catch {
    // The first start, or a torn write: it is measured anew.
    return [];
  }
}

function median(rates: readonly number[]): number {
  const sorted = rates.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
