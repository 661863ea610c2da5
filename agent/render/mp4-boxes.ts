import { type FileHandle, open } from 'node:fs/promises';

/** No file of ours has more top-level boxes; more means that it is no MP4. */
const boxesMax = 100;

/** The types of a file's top-level boxes, in order: `moov` before `mdat` is what faststart means. */
export async function topLevelBoxes(file: string): Promise<readonly string[]> {
  await using handle = await open(file, 'r');
  const { size: end } = await handle.stat();
  const types: string[] = [];
  let at = 0;
  while (at + 8 <= end && types.length < boxesMax) {
    const { type, size } = await readHeader(handle, at);
    types.push(type);
    // Size 0 runs to the end of the file; anything below a header's size is broken.
    if (size < 8) break;
    at += size;
  }
  return types;
}

async function readHeader(handle: FileHandle, at: number): Promise<{ type: string; size: number }> {
  const header = Buffer.alloc(16);
  await handle.read(header, 0, 16, at);
  const short = header.readUInt32BE(0);
  // Size 1 means: the real one follows in 64 bits.
  return {
    type: header.toString('latin1', 4, 8),
    size: short === 1 ? Number(header.readBigUInt64BE(8)) : short,
  };
}
