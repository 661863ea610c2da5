import type { WorkClass } from '../../proto/agent-link.ts';

/** A PC of a simulated farm. */
export interface SimPc {
  readonly name: string;
  /** Speed alone, relative to the fastest GPU, of each class that it can render. */
  readonly speeds: ReadonlyMap<WorkClass, number>;
  readonly slots: number;
  /** Speed of each of k renders at a time relative to one alone: the k-th. */
  readonly concurrentSpeeds: readonly number[];
}

export interface SimFarm {
  readonly name: string;
  readonly pcs: readonly SimPc[];
  /** What one PC copies from the share, when it is alone. */
  readonly copyBytesPerMs: number;
  /** What the share gives to all PCs together. */
  readonly shareBytesPerMs: number;
  /** Which classes its jobs are of, and how often. */
  readonly mix: readonly { readonly workClass: WorkClass; readonly share: number }[];
}

/** scheduling.md, Targets: 110 MB/s a PC, 220 MB/s for the share. */
const network = { copyBytesPerMs: 110_000, shareBytesPerMs: 220_000 };

/** Three unequal PCs, one slot each, H.264 alone (scheduling.md, Targets). */
export const studio: SimFarm = {
  name: 'studio',
  ...network,
  pcs: [1, 0.45, 0.22].map((speed, index) => ({
    name: `pc${index + 1}`,
    speeds: new Map([['h264', speed]]),
    slots: 1,
    concurrentSpeeds: [1],
  })),
  mix: [{ workClass: 'h264', share: 1 }],
};

/** Seven PCs of three generations, two sessions each, three codecs (scheduling.md, Targets). */
export const mixed: SimFarm = {
  name: 'mixed',
  ...network,
  pcs: [
    ...generation('fast', 2, { h264: 1, hevc: 1, av1: 1 }),
    ...generation('middle', 3, { h264: 0.45, hevc: 0.4 }),
    ...generation('slow', 2, { h264: 0.22 }),
  ],
  mix: [
    { workClass: 'h264', share: 0.7 },
    { workClass: 'hevc', share: 0.2 },
    { workClass: 'av1', share: 0.1 },
  ],
};

/** The speed of one of its renders when so many run on the PC at a time. */
export function speedAmong(pc: SimPc, workClass: WorkClass, running: number): number {
  const { concurrentSpeeds } = pc;
  const relative = concurrentSpeeds[Math.min(running, concurrentSpeeds.length) - 1] ?? 1;
  return (pc.speeds.get(workClass) ?? 0) * relative;
}

function generation(name: string, count: number, speeds: Readonly<Record<string, number>>): SimPc[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}${index + 1}`,
    speeds: new Map(Object.entries(speeds)),
    slots: 2,
    concurrentSpeeds: [1, 0.6],
  }));
}
