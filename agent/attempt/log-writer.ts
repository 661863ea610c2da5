import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { logBytesMax } from '../../proto/index.ts';

type LogFileName = keyof typeof logBytesMax;

/** Lines that wait for a disk that is slow; what comes on top is left out, and said to be. */
const pendingBytesMax = 8 * 1024 * 1024;

/** Writes the files of a folder in the order of the calls, without ever holding up whoever calls. */
export interface LogWriter {
  write(file: LogFileName, text: string): void;
  /** Behind all that was written so far. */
  later(work: () => Promise<void>): void;
  /** Writes what is missing at the end of files, where something is. */
  sayMissing(): Promise<void>;
  /** Waits for what was written so far, and lets go of the files. */
  flush(): Promise<void>;
}

/** @param onTrouble - told once for each time that the disk takes nothing, not line by line */
export function openLogWriter(
  folder: string,
  bytesMax: Readonly<Record<LogFileName, number>>,
  onTrouble: (error: unknown) => void,
): LogWriter {
  const files = new FilesWithGaps(folder, bytesMax);
  const leftOut = new Map<LogFileName, number>();
  let pendingBytes = 0;
  let isTold = false;
  let tail: Promise<void> = Promise.resolve();

  const later = (work: () => Promise<void>): void => {
    tail = tail.then(work).catch(onTrouble);
  };
  const add = async (file: LogFileName, text: string): Promise<void> => {
    try {
      await files.add(file, text);
      isTold = false;
    } catch (error) {
      if (!isTold) onTrouble(error);
      isTold = true;
    }
  };
  /** Counted where it belongs: behind all that waits already, in one step for all that comes meanwhile. */
  const leaveOut = (file: LogFileName): void => {
    const before = leftOut.get(file) ?? 0;
    leftOut.set(file, before + 1);
    if (before > 0) return;
    tail = tail.then(() => {
      files.miss(file, leftOut.get(file) ?? 0);
      leftOut.delete(file);
    });
  };

  return {
    later,
    write(file, text) {
      const bytes = Buffer.byteLength(text);
      if (pendingBytes + bytes > pendingBytesMax) {
        leaveOut(file);
        return;
      }
      pendingBytes += bytes;
      later(() => add(file, text).finally(() => void (pendingBytes -= bytes)));
    },
    async sayMissing() {
      for (const file of files.withGaps()) await add(file, '');
    },
    async flush() {
      later(() => files.close());
      await tail;
    },
  };
}

interface OpenFile {
  readonly handle: FileHandle;
  bytes: number;
  isFull: boolean;
}

/** Open files; where entries are missing, the next one that is written says so first. */
class FilesWithGaps {
  readonly #folder: string;
  readonly #bytesMax: Readonly<Record<LogFileName, number>>;
  readonly #files = new Map<LogFileName, OpenFile>();
  readonly #missing = new Map<LogFileName, number>();

  constructor(folder: string, bytesMax: Readonly<Record<LogFileName, number>>) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  miss(file: LogFileName, count: number): void {
    this.#missing.set(file, (this.#missing.get(file) ?? 0) + count);
  }

  withGaps(): readonly LogFileName[] {
    return [...this.#missing.keys()];
  }

  /** @throws what the disk says; the entry counts as missing then */
  async add(file: LogFileName, text: string): Promise<void> {
    try {
      await this.#append(file, text);
      this.#missing.delete(file);
    } catch (error) {
      this.miss(file, 1);
      // How much of it was written is seen when the file is opened again.
      const failed = this.#files.get(file);
      this.#files.delete(file);
      await failed?.handle.close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files.values()) await handle.close();
    this.#files.clear();
  }

  async #append(file: LogFileName, text: string): Promise<void> {
    const known = this.#files.get(file) ?? (await openFile(join(this.#folder, file)));
    this.#files.set(file, known);
    const gap = this.#missing.get(file) ?? 0;
    const whole = gap === 0 ? text : `${gapLine(gap)}${text}`;
    // From the first that does not fit on nothing is written: a gap would look like a log.
    known.isFull ||= known.bytes + Buffer.byteLength(whole) > this.#bytesMax[file];
    if (known.isFull) return;
    await known.handle.appendFile(whole);
    known.bytes += Buffer.byteLength(whole);
  }
}

/** Where entries are missing it is said: what follows is no continuation. */
function gapLine(count: number): string {
  return `[${count} ${count === 1 ? 'entry is' : 'entries are'} missing here: the disk of this PC took no more]\n`;
}

/** What an earlier life of the attempt has written counts too. */
async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'a');
  return { handle, bytes: (await handle.stat()).size, isFull: false };
}
