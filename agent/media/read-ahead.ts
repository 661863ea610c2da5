import type { FileHandle } from 'node:fs/promises';
import type { Speed } from './pace.ts';
import { readBytes, readsInFlight } from './share-protocol.ts';

/**
 * The file's bytes in order, with the next reads already on their way. A part is valid until the next one is asked
 * for: the buffers go round. Ends early when the file is shorter than `sizeBytes` by now: the caller looks at its
 * size and time of change afterwards anyway.
 */
export async function* readAhead(
  file: FileHandle,
  sizeBytes: number,
  speed: () => Speed,
): AsyncGenerator<Uint8Array> {
  const buffers: Uint8Array[] = [];
  const pending: Promise<Uint8Array>[] = [];
  let offset = 0;
  let turn = 0;
  try {
    for (;;) {
      while (pending.length < readsInFlight[speed()] && offset < sizeBytes) {
        const length = Math.min(readBytes, sizeBytes - offset);
        // One buffer more than there are reads: the caller is still busy with the part it has.
        const slot = turn++ % (readsInFlight.full + 1);
        const buffer = (buffers[slot] ??= new Uint8Array(Math.min(readBytes, sizeBytes)));
        const read = readFully(file, buffer.subarray(0, length), offset);
        // It is awaited in its turn; until then a failure of it must not count as unhandled.
        read.catch(() => undefined);
        pending.push(read);
        offset += length;
      }
      const next = pending.shift();
      if (next === undefined) return;
      const part = await next;
      if (part.byteLength > 0) yield part;
    }
  } finally {
    // The file may be closed only when nobody reads it any more.
    await Promise.allSettled(pending);
  }
}

async function readFully(file: FileHandle, buffer: Uint8Array, offset: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await file.read(buffer, filled, buffer.byteLength - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
