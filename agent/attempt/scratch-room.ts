import type { Assign } from '../../proto/index.ts';
import { workBytesAhead } from '../core/scratch.ts';
import type { ContentCache } from '../media/content-cache.ts';
import type { RoomHold } from '../media/disk-room.ts';
import { outputBytesMax } from '../render/encoder.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import { AttemptFailedError } from './finished.ts';

/** The disk of this PC, as its attempts share it: each has its whole need promised before it writes. */
export interface ScratchRoom {
  /** An attempt is accepted; what is known of its need counts from now on. */
  open(assign: Pick<Assign, 'ref' | 'job'>, how?: RoomManners): AttemptRoom;
  sample(): Promise<ScratchSample>;
}

export interface RoomManners {
  /** It is another agent's item: nothing ends for its sake. @default false */
  readonly isHelp?: boolean;
}

export interface ScratchSample {
  readonly freeBytes: number;
  /** What is free and what the caches can give up, less what always stays free. */
  readonly availableBytes: number;
  /** Of these, what each attempt here may still write. */
  readonly reserved: readonly { readonly jobId: string; readonly bytes: number }[];
}

/** The room of one attempt. What does not fit is an AttemptFailedError (environment), before anything is written. */
export interface AttemptRoom {
  /** What its copies are made in. */
  readonly hold: RoomHold;
  /** Its files are measured: so much of them is not here. */
  demandSources(missingBytes: number): Promise<void>;
  /** Before anything is written, by what is known of the job: before its files are measured. */
  demandAhead(): Promise<void>;
  /** It is planned to the frame; some of it may be rendered already. */
  demandWork(result: RenderedSize): Promise<void>;
  encoded(framesDone: number): void;
  /** The result is on the disk. */
  joined(): void;
  /** Its work folder is gone. Idempotent. */
  close(): void;
}

export interface ScratchRoomOptions {
  readonly cache: Pick<ContentCache, 'hold' | 'spareBytes' | 'givenUp'>;
  readonly workFolder: string;
  /** This much stays free; as the cache's own. */
  readonly freeBytesMin: number;
  readonly freeBytes: () => Promise<number>;
  /** What else is here and can be given up. */
  readonly otherSpareBytes: () => Promise<number>;
  /** Ends what is fetched ahead, and what is rendered for others; whether anything was. */
  readonly endHints: () => Promise<boolean>;
}

interface RenderedSize {
  readonly enable4k: boolean;
  readonly frames: number;
}

/** PCM of 16 bits, two channels, 48 kHz: the sound of a segment. */
const soundBytesPerSecond = 192_000;

/** Segments with their sound, then the result beside them. */
export function workBytes(result: RenderedSize): number {
  return segmentsBytes(result) + outputBytesMax(result);
}

function segmentsBytes(result: RenderedSize): number {
  return outputBytesMax(result) + Math.ceil((result.frames / framesPerSecond) * soundBytesPerSecond);
}

export function createScratchRoom(options: ScratchRoomOptions): ScratchRoom {
  const { cache, freeBytesMin, freeBytes, otherSpareBytes } = options;
  const rooms = new Map<string, { unusedBytes(): number }>();
  return {
    open(assign, { isHelp = false } = {}) {
      const { jobId } = assign.ref;
      const endHints = isHelp ? () => Promise.resolve(false) : options.endHints;
      const room = openAttemptRoom(assign, { ...options, endHints }, () => {
        if (rooms.get(jobId) === room) rooms.delete(jobId);
      });
      rooms.set(jobId, room);
      return room;
    },
    async sample() {
      // In this order, what is written meanwhile counts twice and never not at all.
      const reserved = [...rooms].map(([jobId, room]) => ({ jobId, bytes: room.unusedBytes() }));
      const free = await freeBytes();
      const spare = cache.spareBytes() + (await otherSpareBytes());
      return { freeBytes: free, availableBytes: Math.max(0, free + spare - freeBytesMin), reserved };
    },
  };
}

/** The room of a disk that nobody fills: where one job is all there is. */
export function endlessScratchRoom(cache: ScratchRoomOptions['cache'], workFolder: string): ScratchRoom {
  return createScratchRoom({
    ...{ cache, workFolder, freeBytesMin: 0 },
    freeBytes: () => Promise.resolve(Number.POSITIVE_INFINITY),
    otherSpareBytes: () => Promise.resolve(0),
    endHints: () => Promise.resolve(false),
  });
}

function openAttemptRoom(
  { job }: Pick<Assign, 'job'>,
  { cache, workFolder, endHints }: ScratchRoomOptions,
  onClose: () => void,
): AttemptRoom & { unusedBytes(): number } {
  const hold = cache.hold();
  const estimated = workBytesAhead(job);
  const { enable4k } = job;
  let isMeasured = false;
  let planned: RenderedSize | undefined;
  let framesDone = 0;

  /** What is on the disk already needs no room any more. */
  const workLeft = (): number => {
    const done = segmentsBytes({ enable4k, frames: framesDone });
    if (planned === undefined) return Math.max(0, estimated - done);
    return Math.max(0, segmentsBytes(planned) - done) + outputBytesMax(planned);
  };

  const giveWay = async (): Promise<boolean> => {
    const any = await endHints();
    await cache.givenUp();
    return any;
  };
  const demand = async (need: Parameters<RoomHold['demand']>[0]): Promise<void> => {
    const lack = await hold.demand(need, giveWay);
    if (lack !== undefined) throw tooLittle(workFolder, need, lack);
  };
  return {
    hold,
    unusedBytes() {
      const { sourceBytes, workBytes: work } = hold.unused();
      return isMeasured ? sourceBytes + work : estimated;
    },
    demandAhead: () => demand({ sourceBytes: 0, workBytes: workLeft() }),
    async demandSources(missingBytes) {
      await demand({ sourceBytes: missingBytes, workBytes: workLeft() });
      isMeasured = true;
    },
    async demandWork(result) {
      planned = result;
      await demand({ sourceBytes: 0, workBytes: workLeft() });
      isMeasured = true;
    },
    encoded(frames) {
      framesDone = frames;
      hold.workLeft(workLeft());
    },
    joined: () => hold.workLeft(0),
    close() {
      hold.release();
      onClose();
    },
  };
}

function tooLittle(
  workFolder: string,
  { sourceBytes, workBytes: work }: { readonly sourceBytes: number; readonly workBytes: number },
  lack: string,
): AttemptFailedError {
  const needed = `${sourceBytes} bytes of sources and ${work} bytes of work may be needed`;
  const message = `scratch space (${workFolder}) has too little room: ${needed}, but ${lack}`;
  return new AttemptFailedError({
    failureClass: 'environment',
    message,
    problems: [{ code: 'SCRATCH_SPACE_SHORT', message }],
  });
}
