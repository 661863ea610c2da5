import { type FileHandle, open } from 'node:fs/promises';

/**
 * Whether the bytes end in the middle of a packet or box: what a broken copy or an aborted export leaves. Looks only at
 * the outer structure of MP4/MOV, Matroska, AVI, MPEG-TS and JPEG; false for everything else, and where it cannot be told.
 */
export async function hasPartialEnd(path: string, formatName: string): Promise<boolean> {
  const names = new Set(formatName.split(','));
  const check = checks.find(([name]) => names.has(name))?.[1];
  if (check === undefined) return false;
  const file = await open(path);
  try {
    const { size } = await file.stat();
    return await check(file, size);
  } finally {
    await file.close();
  }
}

/**
 * Whether an MP4 comes in fragments and lacks the index that its writer puts behind the last one: then nothing in it
 * tells how many there should be, and one that was cut between two of them looks whole. False for everything else.
 */
export async function hasOpenFragments(path: string, formatName: string): Promise<boolean> {
  if (!formatName.split(',').includes('mp4')) return false;
  const file = await open(path);
  try {
    const seen = new Set<string>();
    await walkBoxes(file, (await file.stat()).size, (type) => seen.add(type));
    return seen.has('moof') && !seen.has('mfra');
  } finally {
    await file.close();
  }
}

type Check = (file: FileHandle, sizeBytes: number) => Promise<boolean>;

const checks: readonly (readonly [string, Check])[] = [
  ['mpegts', endsInsidePacket],
  ['mp4', endsInsideBox],
  ['matroska', endsInsideSegment],
  ['avi', endsInsideRiff],
  ['jpeg_pipe', endsInsideScan],
];

/** More boxes at the top than this are not walked: a fragmented file of a day has fewer. */
const boxesMax = 200_000;

async function endsInsideBox(file: FileHandle, sizeBytes: number): Promise<boolean> {
  return await walkBoxes(file, sizeBytes);
}

// Whether the last box is longer than the file.
// ISO 14496-12: 32-bit size and name; size 1 means a 64-bit size follows, size 0 means to the end of the file.
async function walkBoxes(
  file: FileHandle,
  sizeBytes: number,
  onBox: (type: string) => unknown = () => undefined,
): Promise<boolean> {
  let offset = 0;
  for (let boxes = 0; offset < sizeBytes && boxes < boxesMax; boxes += 1) {
    const header = await read(file, offset, 16);
    if (header.byteLength < 8) return true;
    const short = header.getUint32(0);
    if (short === 0) return false;
    if (short === 1 && header.byteLength < 16) return true;
    const boxBytes = short === 1 ? Number(header.getBigUint64(8)) : short;
    if (boxBytes < 8) return false;
    onBox(String.fromCharCode(...[4, 5, 6, 7].map((at) => header.getUint8(at))));
    offset += boxBytes;
  }
  return offset > sizeBytes;
}

const syncByte = 0x47;

// 188 bytes; 192 with a time stamp before (M2TS), 204 with a checksum after.
async function endsInsidePacket(file: FileHandle, sizeBytes: number): Promise<boolean> {
  const start = await read(file, 0, 1024);
  const at = (offset: number): number => (offset < start.byteLength ? start.getUint8(offset) : syncByte);
  const layout = [
    { first: 0, packet: 188 },
    { first: 4, packet: 192 },
    { first: 0, packet: 204 },
  ].find(({ first, packet }) => [0, 1, 2, 3].every((n) => at(first + n * packet) === syncByte));
  return layout !== undefined && sizeBytes % layout.packet !== 0;
}

const segmentId = 0x18538067;

// The EBML header, then one Segment whose size is known once the writer has finished it.
async function endsInsideSegment(file: FileHandle, sizeBytes: number): Promise<boolean> {
  const header = await read(file, 0, 12);
  const ebml = vint(header, 4);
  if (ebml?.value === undefined) return false;
  const segmentAt = 4 + ebml.length + ebml.value;
  const segment = await read(file, segmentAt, 12);
  if (segment.byteLength < 12 || segment.getUint32(0) !== segmentId) return false;
  const size = vint(segment, 4);
  return size?.value !== undefined && segmentAt + 4 + size.length + size.value > sizeBytes;
}

/** An EBML number: the leading zeros of the first byte tell its length; all ones mean "unknown". */
function vint(
  view: DataView,
  offset: number,
): { readonly length: number; readonly value?: number } | undefined {
  if (offset >= view.byteLength) return undefined;
  const first = view.getUint8(offset);
  const length = Math.clz32(first) - 23;
  if (length > 8 || offset + length > view.byteLength) return undefined;
  let value = first & (0xff >> length);
  let isUnknown = value === 0xff >> length;
  for (let n = 1; n < length; n += 1) {
    const byte = view.getUint8(offset + n);
    isUnknown &&= byte === 0xff;
    value = value * 256 + byte;
  }
  return isUnknown ? { length } : { length, value };
}

async function endsInsideRiff(file: FileHandle, sizeBytes: number): Promise<boolean> {
  const header = await read(file, 0, 8);
  return header.byteLength === 8 && header.getUint32(4, true) + 8 > sizeBytes;
}

/** Cameras write their own things behind the picture, but not more than this. */
const behindPictureBytes = 64 * 1024;

/** A JPEG ends with FF D9. */
async function endsInsideScan(file: FileHandle, sizeBytes: number): Promise<boolean> {
  const tail = await read(file, Math.max(0, sizeBytes - behindPictureBytes), behindPictureBytes);
  for (let at = tail.byteLength - 2; at >= 0; at -= 1) if (tail.getUint16(at) === 0xffd9) return false;
  return true;
}

async function read(file: FileHandle, offset: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, offset);
  return new DataView(bytes.buffer, 0, bytesRead);
}
