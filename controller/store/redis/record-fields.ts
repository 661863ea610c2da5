import type { EncodedRecord } from '../encode-batch.ts';
import type { RecordKey, StoredRecord } from '../port.ts';

/** A record's field in the hash. The first colon parts kind and id: no kind has one. */
export function fieldOf({ kind, id }: RecordKey): string {
  return `${kind}:${id}`;
}

/** A record's value in the hash: JSON. */
export function valueOf({ version, json }: EncodedRecord): string {
  return `{"version":${version},"body":${json}}`;
}

export function recordFrom(field: string, value: string): StoredRecord {
  const colon = field.indexOf(':');
  const { version, body } = JSON.parse(value) as { readonly version: number; readonly body: unknown };
  return { kind: field.slice(0, colon), id: field.slice(colon + 1), version, body };
}
