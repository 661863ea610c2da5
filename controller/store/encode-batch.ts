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
  batch.deletes.forEach(refuseColon);
  const chars = upserts.reduce((sum, record) => sum + record.json.length, 0);
  // A character takes one byte at least and three at most: only in between does it need a count.
  if (chars * 3 > batchLimits.bytesMax) refuseTooManyBytes(number, upserts);
  return { number, previous, upserts, deletes: batch.deletes };
}

/** A piece of a rewrite: far below the limits of a batch, so that nothing waits long behind it. */
const chunkLimits = { recordsMax: 2_000, charsMax: 4 * 1024 * 1024 } as const;

/** Cuts records into pieces as they are read; one that is larger than a piece is a piece of its own. */
export function* encodeChunks(records: Iterable<StoredRecord>): Generator<readonly EncodedRecord[]> {
  let chunk: EncodedRecord[] = [];
  let chars = 0;
  for (const record of records) {
    const encoded = encodeRecord(record);
    const full =
      chunk.length === chunkLimits.recordsMax || chars + encoded.json.length > chunkLimits.charsMax;
    if (full && chunk.length > 0) {
      yield chunk;
      chunk = [];
      chars = 0;
    }
    chunk.push(encoded);
    chars += encoded.json.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** @throws RangeError for a number that no batch can have */
export function requireBatchNumber(number: number): void {
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`${number} is no number of a batch`);
}

export function decodeRecord(record: EncodedRecord): StoredRecord {
  const body: unknown = JSON.parse(record.json);
  return { kind: record.kind, id: record.id, version: record.version, body };
}

function encodeRecord(record: StoredRecord): EncodedRecord {
  refuseColon(record);
  const json = JSON.stringify(record.body) as string | undefined;
  if (json === undefined) throw new RangeError(`The body of ${record.kind} ${record.id} has no JSON form`);
  return { kind: record.kind, id: record.id, version: record.version, json };
}

/** Kind and id are one name where a store has room for one only; the first colon parts them. */
function refuseColon({ kind, id }: RecordKey): void {
  if (kind.includes(':')) throw new RangeError(`The kind ${kind} of record ${id} has a colon`);
}

function refuseTooManyBytes(number: number, upserts: readonly EncodedRecord[]): void {
  const bytes = upserts.reduce((sum, record) => sum + Buffer.byteLength(record.json), 0);
  if (bytes > batchLimits.bytesMax) {
    throw new RangeError(`Batch ${number} has ${bytes} bytes; at most ${batchLimits.bytesMax} are allowed`);
  }
}
