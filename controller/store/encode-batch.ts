import { type Batch, batchLimits, type RecordKey, type StoredRecord } from './port.ts';

/** A record as it is written: its body is text. */
export interface EncodedRecord {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly json: string;
}

/** A batch as it is written. */
export interface EncodedBatch {
  readonly number: number;
  readonly previous: number;
  readonly upserts: readonly EncodedRecord[];
  readonly deletes: readonly RecordKey[];
}

/**
 * Turns the bodies of a batch into JSON and holds it against the limits.
 * @throws RangeError for a batch that no store takes: too many records, too many bytes, or numbers out of order
 */
export function encodeBatch(batch: Batch): EncodedBatch {
  const { number, previous } = batch;
  if (
    !Number.isSafeInteger(number) ||
    !Number.isSafeInteger(previous) ||
    previous < 0 ||
    number <= previous
  ) {
    throw new RangeError(`Batch ${number} cannot follow batch ${previous}`);
  }
  const records = batch.upserts.length + batch.deletes.length;
  if (records > batchLimits.recordsMax) {
    throw new RangeError(
      `Batch ${number} has ${records} records; at most ${batchLimits.recordsMax} are allowed`,
    );
  }
  const upserts = batch.upserts.map(encodeRecord);
  const chars = upserts.reduce((sum, record) => sum + record.json.length, 0);
  // A character takes one byte at least and three at most: only in between does it need a count.
  if (chars * 3 > batchLimits.bytesMax) refuseTooManyBytes(number, upserts);
  return { number, previous, upserts, deletes: batch.deletes };
}

export function decodeRecord(record: EncodedRecord): StoredRecord {
  const body: unknown = JSON.parse(record.json);
  return { kind: record.kind, id: record.id, version: record.version, body };
}

function encodeRecord(record: StoredRecord): EncodedRecord {
  const json = JSON.stringify(record.body) as string | undefined;
  if (json === undefined) throw new RangeError(`The body of ${record.kind} ${record.id} has no JSON form`);
  return { kind: record.kind, id: record.id, version: record.version, json };
}

function refuseTooManyBytes(number: number, upserts: readonly EncodedRecord[]): void {
  const bytes = upserts.reduce((sum, record) => sum + Buffer.byteLength(record.json), 0);
  if (bytes > batchLimits.bytesMax) {
    throw new RangeError(`Batch ${number} has ${bytes} bytes; at most ${batchLimits.bytesMax} are allowed`);
  }
}
