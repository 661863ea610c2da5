import type { LogSource } from './log-source.ts';

/** Lines before the end are looked for in this much of a file: more begins where that does. */
const searchedBytesMax = 8 * 1024 * 1024;
const pieceBytes = 64 * 1024;
const lineFeed = 0x0a;

/** Where the last lines of a source begin. What follows the last line feed is a line too. */
export async function tailStart(source: LogSource, sizeBytes: number, lines: number): Promise<number> {
  const floor = Math.max(0, sizeBytes - searchedBytesMax);
  let feeds = 0;
  let end = sizeBytes;
  while (end > floor) {
    const from = Math.max(floor, end - pieceBytes);
    const piece = await source.read(from, end - from);
    for (let at = piece.length - 1; at >= 0; at -= 1) {
      // The one at the very end ends the last line.
      if (piece[at] !== lineFeed || from + at === sizeBytes - 1) continue;
      feeds += 1;
      if (feeds === lines) return from + at + 1;
    }
    end = from;
  }
  return floor;
}
