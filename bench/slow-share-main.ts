// A share child behind a slow line: `node bench/slow-share-main.ts BYTES_PER_SECOND`. What it has read counts when it would
// have come over the line; one operation at a time has all of it.
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { serveShareOperations } from '../agent/media/share-child.ts';

const bytesPerMs = Number(process.argv[2]) / 1_000;
const handle = await open(import.meta.filename);
const methods = Object.getPrototypeOf(handle) as {
  read: (this: FileHandle, ...args: unknown[]) => Promise<{ bytesRead: number }>;
};
await handle.close();

const { read } = methods;
let freeAtMs = performance.now();
methods.read = async function slowRead(...args) {
  const found = await read.apply(this, args);
  const nowMs = performance.now();
  freeAtMs = Math.max(nowMs, freeAtMs) + found.bytesRead / bytesPerMs;
  await delay(freeAtMs - nowMs);
  return found;
};

await serveShareOperations(process.stdin, process.stdout);
process.exit(0);
