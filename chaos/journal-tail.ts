import { closeSync, type FSWatcher, fstatSync, mkdirSync, openSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { JournalRecord } from '../agent/core/journal-records.ts';
import { decodeLine } from '../agent/outbox/record-line.ts';
import type { JobRef } from '../proto/agent-link.ts';
import { afterMs } from './later.ts';
import type { MomentName, Moments } from './moments.ts';
import type { Recorder } from './recorder.ts';

/** How long after an accepted assignment its files are being copied, and after its first frame it encodes. */
const copyingAfterMs = 40;
const encodingAfterMs = 200;

/**
 * Follows an agent's journal while it is written: keeps every line, and says what moment it tells of. The file may be
 * rewritten, vanish with its disk and come back.
 */
export class JournalTail {
  readonly #agentId: string;
  readonly #folder: string;
  readonly #recorder: Recorder;
  readonly #moments: Moments;
  #watcher: FSWatcher | undefined;
  #inode = 0;
  #offset = 0;
  #rest = '';

  constructor(agentId: string, dataDir: string, recorder: Recorder, moments: Moments) {
    this.#agentId = agentId;
    this.#folder = join(dataDir, 'journal');
    this.#recorder = recorder;
    this.#moments = moments;
  }

  /** Call it again after the folder was made anew. */
  follow(): void {
    this.stop();
    mkdirSync(this.#folder, { recursive: true });
    this.#watcher = watch(this.#folder, () => this.read());
    this.#watcher.on('error', () => undefined);
    this.read();
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Takes over what is new in the file. */
  read(): void {
    const file = openQuietly(join(this.#folder, 'journal.jsonl'));
    if (file === undefined) return;
    try {
      const { ino, size } = fstatSync(file);
      if (ino !== this.#inode || size < this.#offset) {
        if (this.#inode !== 0) this.#recorder.journal(this.#agentId, '# rewritten\n');
        this.#inode = ino;
        this.#offset = 0;
        this.#rest = '';
      }
      if (size > this.#offset) this.#take(readFrom(file, this.#offset, size - this.#offset));
    } finally {
      closeSync(file);
    }
  }

  #take(bytes: Buffer): void {
    const isFirst = this.#offset === 0;
    this.#offset += bytes.length;
    const lines = (this.#rest + bytes.toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#recorder.journal(this.#agentId, `${line}\n`);
      const record = decodeLine(line);
      // What a file begins with is what was there before: no moment of now.
      if (record !== undefined && !isFirst) this.#tell(record);
    }
  }

  #tell(record: JournalRecord): void {
    const agentId = this.#agentId;
    const saw = (name: MomentName, { jobId }: JobRef): void => this.#moments.saw({ name, agentId, jobId });
    switch (record.kind) {
      case 'accepted':
        saw('accepting', record.assign.ref);
        afterMs(copyingAfterMs, () => saw('copying', record.assign.ref));
        return;
      case 'event': {
        const { ref, event } = record.event;
        if (event.type === 'started') afterMs(encodingAfterMs, () => saw('encoding', ref));
        if (event.type === 'encoded') saw('joining', ref);
        return;
      }
      case 'staged':
        saw('ready', record.ref);
        return;
      case 'granted':
        saw('granted', record.ref);
        return;
      default:
        return;
    }
  }
}

function openQuietly(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function readFrom(file: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const read = readSync(file, buffer, 0, length, offset);
  return buffer.subarray(0, read);
}
