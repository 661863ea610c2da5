import { crc32 } from 'node:zlib';
import type { JournalRecord } from '../core/journal-records.ts';

/** One record as one line: checksum of the JSON in eight hex digits, a space, the JSON. */
export function encodeLine(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

/** The record of a line without its end, or undefined when the line is not whole. */
export function decodeLine(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line.slice(0, 9) !== `${checksum(json)} `) return undefined;
  // The checksum says that we wrote it; its shape is ours.
  return JSON.parse(json) as JournalRecord;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
