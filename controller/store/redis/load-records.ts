import type { Cluster, Redis } from 'ioredis';
import type { StoredRecord } from '../port.ts';
import { recordFrom } from './record-fields.ts';

/** Bytes that one page should have: a slow reader must not make the Redis hold a whole farm for it. */
const pageCharsAim = 4 * 1024 * 1024;
const countMax = 5_000;
const firstCount = 50;

/** Runs one command within the time limit of a call. */
export type Call = <T>(what: string, act: (client: Redis | Cluster) => Promise<T>) => Promise<T>;

/**
 * All records of the hash, page by page. What is changed meanwhile may be in it or not, and a record may come twice
 * (the last one is kept): the caller sees whether anything was written.
 */
export async function loadRecords(call: Call, key: string): Promise<readonly StoredRecord[]> {
  const records = new Map<string, StoredRecord>();
  let cursor = '0';
  let count = firstCount;
  do {
    const page = await readPage(call, key, cursor, count);
    count = nextCount(count, collect(page.fields, records));
    cursor = page.next;
  } while (cursor !== '0');
  return [...records.values()];
}

async function readPage(
  call: Call,
  key: string,
  cursor: string,
  count: number,
): Promise<{ readonly next: string; readonly fields: readonly string[] }> {
  const [next, fields] = await call('load', (client) => client.hscan(key, cursor, 'COUNT', count));
  return { next, fields };
}

function collect(page: readonly string[], records: Map<string, StoredRecord>): number {
  let chars = 0;
  for (let index = 0; index + 1 < page.length; index += 2) {
    const field = page[index] ?? '';
    const value = page[index + 1] ?? '';
    records.set(field, recordFrom(field, value));
    chars += value.length;
  }
  return chars;
}

/** What would have given a page of the size that is aimed at; it grows carefully, because records differ. */
function nextCount(count: number, chars: number): number {
  const wanted = Math.round((count * pageCharsAim) / Math.max(1, chars));
  return Math.max(1, Math.min(wanted, count * 4, countMax));
}
