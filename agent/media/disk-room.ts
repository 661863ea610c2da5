/**
 * Who may still write how much on the disk that holds the cache and the work folders. Guarantee: the same free bytes are
 * promised once, however many jobs want them at the same time. Limit: what other programs write is seen only when the
 * next promise is made.
 */
import { openGate } from './gate.ts';
import { MediaError } from './media-error.ts';
import { once } from './once.ts';

export interface DiskRoomOptions {
  readonly folder: string;
  /** All contents of the cache together may take this much. */
  readonly bytesMax: number;
  /** This much stays free, whatever is promised. */
  readonly freeBytesMin: number;
  readonly freeBytes: () => Promise<number>;
  /** Bytes of all contents that are in the cache. */
  readonly contentBytes: () => number;
  /**
   * Gives one content up that nobody uses, the least recently used; false when there is none. `forDisk`: one whose bytes are
   * free then.
   */
  readonly evictContent: (forDisk: boolean) => Promise<boolean>;
  /** Gives something else up that is of less use than a job; false when there is nothing. */
  readonly evictOther: () => Promise<boolean>;
}

/** What a job may still write here. */
export interface RoomNeed {
  /** Copies of sources, into the cache. */
  readonly sourceBytes: number;
  /** Segments and the result. */
  readonly workBytes: number;
}

/** The room of one job, from its acceptance to its end. */
export interface RoomHold {
  /** What it may still write. */
  unused(): RoomNeed;
  /**
   * Makes it so much, and room for what is more. `giveWay` stops what is of less use and says whether anything was.
   * Returns in words what stands in the way, with figures; undefined when nothing does.
   */
  demand(need: RoomNeed, giveWay?: () => Promise<boolean>): Promise<string | undefined>;
  /** So much of the work is still to be written; more than before changes nothing. */
  workLeft(bytes: number): void;
  /** Idempotent. */
  release(): void;
}

export interface DiskRoom {
  hold(): RoomHold;
  /** Room for one copy, out of the hold where there is one. Rejects with MediaError `CACHE_FULL`. Its result ends it, once. */
  reserve(bytes: number, hold?: RoomHold): Promise<() => void>;
  /** Bytes of copies under way. */
  copyingBytes(): number;
}

interface Held {
  sourceBytes: number;
  workBytes: number;
  /** Of `sourceBytes`: copies that are under way. */
  copyingBytes: number;
}

export function openDiskRoom(options: DiskRoomOptions): DiskRoom {
  const oneAtATime = openGate(1);
  const holds = new Map<RoomHold, Held>();
  /** Of those who hold nothing. */
  let copying = 0;
  const ask = (more: RoomNeed): Promise<string | undefined> => makeRoom(more, options, holds, copying);

  const inTurn = async <T>(act: () => Promise<T>): Promise<T> => {
    const leave = await oneAtATime.enter();
    try {
      return await act();
    } finally {
      leave();
    }
  };

  return {
    copyingBytes: () => copying + sum([...holds.values()].map((held) => held.copyingBytes)),
    hold() {
      const held: Held = { sourceBytes: 0, workBytes: 0, copyingBytes: 0 };
      const hold: RoomHold = {
        unused: () => ({ sourceBytes: held.sourceBytes, workBytes: held.workBytes }),
        async demand(need, giveWay) {
          for (;;) {
            const lack = await inTurn(async () => {
              const found = await ask(beyond(need, held));
              if (found === undefined && holds.has(hold)) Object.assign(held, need);
              return found;
            });
            // Outside of our turn: who gives way may be waiting for one.
            if (lack === undefined || giveWay === undefined || !(await giveWay())) return lack;
          }
        },
        workLeft: (bytes) => void (held.workBytes = Math.min(held.workBytes, bytes)),
        release() {
          // A copy under way may go on for somebody else: what it takes is promised until it ends.
          if (holds.delete(hold)) copying += held.copyingBytes;
        },
      };
      holds.set(hold, held);
      return hold;
    },
    reserve: (bytes, hold) =>
      inTurn(async () => {
        const held = hold === undefined ? undefined : holds.get(hold);
        const spare = held === undefined ? 0 : held.sourceBytes - held.copyingBytes;
        const more = Math.max(0, bytes - spare);
        const lack = await ask({ sourceBytes: more, workBytes: 0 });
        if (lack !== undefined) {
          throw new MediaError('CACHE_FULL', `${options.folder}: ${lack}, and all that is there is in use`);
        }
        if (held === undefined) {
          copying += bytes;
          return once(() => (copying -= bytes));
        }
        held.sourceBytes += more;
        held.copyingBytes += bytes;
        return once(() => {
          held.copyingBytes -= bytes;
          held.sourceBytes -= bytes;
          if (hold === undefined || !holds.has(hold)) copying -= bytes;
        });
      }),
  };
}

function beyond(need: RoomNeed, held: RoomNeed): RoomNeed {
  return {
    sourceBytes: Math.max(0, need.sourceBytes - held.sourceBytes),
    workBytes: Math.max(0, need.workBytes - held.workBytes),
  };
}

async function makeRoom(
  more: RoomNeed,
  options: DiskRoomOptions,
  holds: ReadonlyMap<RoomHold, RoomNeed>,
  copying: number,
): Promise<string | undefined> {
  for (;;) {
    const lack = await missing(more, options, holds, copying);
    if (lack === undefined) return undefined;
    if (await options.evictContent(!lack.isCacheLimit)) continue;
    // Only contents count for the cache's own limit: nothing else helps there.
    if (lack.isCacheLimit || !(await options.evictOther())) return lack.words;
  }
}

/** What stands in the way of so many bytes more; undefined when nothing does. */
async function missing(
  more: RoomNeed,
  { bytesMax, freeBytesMin, freeBytes, contentBytes }: DiskRoomOptions,
  holds: ReadonlyMap<RoomHold, RoomNeed>,
  copying: number,
): Promise<{ readonly words: string; readonly isCacheLimit: boolean } | undefined> {
  const held = [...holds.values()];
  const sources = sum(held.map(({ sourceBytes }) => sourceBytes)) + copying;
  const bytes = more.sourceBytes + more.workBytes;
  const needed = contentBytes() + sources + more.sourceBytes;
  if (more.sourceBytes > 0 && needed > bytesMax) {
    return {
      words: `${more.sourceBytes} more bytes would make ${needed} of at most ${bytesMax}`,
      isCacheLimit: true,
    };
  }
  // What is promised and half written counts twice here: too careful for a moment, never too bold.
  const left = (await freeBytes()) - sources - sum(held.map(({ workBytes }) => workBytes)) - bytes;
  if (bytes === 0 || left >= freeBytesMin) return undefined;
  return {
    words: `${bytes} more bytes would leave ${left} free on the disk, not ${freeBytesMin}`,
    isCacheLimit: false,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
