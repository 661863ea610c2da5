import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Metadata } from '@grpc/grpc-js';
import type { ErrorFacts, Resource, Violation } from './errors.ts';

/** What the controller says about an error beside its status. */
export interface ErrorDetails extends ErrorFacts {
  /** The controller's stable code. */
  readonly code?: string;
}

/** Where gRPC carries a `google.rpc.Status`. */
const detailsKey = 'grpc-status-details-bin';
/** Of ErrorInfo: how many bad fields there are, where not all of them are sent. */
const violationCountKey = 'violation_count';

/**
 * The `google.rpc.Status` of a failed call: ErrorInfo, BadRequest, ResourceInfo, RetryInfo (google/rpc/status.proto and
 * error_details.proto; the field numbers below are theirs). Details that cannot be read are left out: they must not
 * hide the error itself.
 */
export function detailsOf(metadata: Metadata): ErrorDetails {
  const [bytes] = metadata.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return {};
  try {
    return Object.assign({}, ...messages(fields(bytes), 3).map(detailOf)) as ErrorDetails;
  } catch {
    return {};
  }
}

/** A message's fields as they come: text and messages as bytes, whole numbers as numbers. */
type Fields = ReadonlyMap<number, readonly (Uint8Array | number)[]>;

function detailOf(any: Fields): ErrorDetails {
  const value = fields(bytesAt(any, 2));
  switch (textAt(any, 1)) {
    case 'type.googleapis.com/google.rpc.ErrorInfo':
      return { code: textAt(value, 1), ...countOf(value) };
    case 'type.googleapis.com/google.rpc.BadRequest':
      return { violations: messages(value, 1).map(violationOf) };
    case 'type.googleapis.com/google.rpc.ResourceInfo':
      return { resource: resourceOf(value) };
    case 'type.googleapis.com/google.rpc.RetryInfo':
      return { retryAfterMs: spanOf(fields(bytesAt(value, 1))) };
    default:
      return {};
  }
}

function countOf(errorInfo: Fields): ErrorDetails {
  const entry = messages(errorInfo, 3).find((pair) => textAt(pair, 1) === violationCountKey);
  const count = entry === undefined ? Number.NaN : Number(textAt(entry, 2));
  return Number.isSafeInteger(count) ? { violationCount: count } : {};
}

function violationOf(violation: Fields): Violation {
  return { field: textAt(violation, 1), description: textAt(violation, 2) };
}

function resourceOf(resource: Fields): Resource {
  return { type: textAt(resource, 1), name: textAt(resource, 2) };
}

function spanOf(duration: Fields): number {
  return numberAt(duration, 1) * 1_000 + numberAt(duration, 2) / 1_000_000;
}

function messages(message: Fields, field: number): readonly Fields[] {
  return (message.get(field) ?? []).flatMap((value) => (typeof value === 'number' ? [] : [fields(value)]));
}

function textAt(message: Fields, field: number): string {
  return new TextDecoder().decode(bytesAt(message, field));
}

function bytesAt(message: Fields, field: number): Uint8Array {
  const value = message.get(field)?.at(-1);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function numberAt(message: Fields, field: number): number {
  const value = message.get(field)?.at(-1);
  return typeof value === 'number' ? value : 0;
}

function fields(bytes: Uint8Array): Fields {
  const found = new Map<number, (Uint8Array | number)[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) found.set(field, [...(found.get(field) ?? []), reader.bytes()]);
    else if (type === WireType.Varint)
      found.set(field, [...(found.get(field) ?? []), Number(reader.int64())]);
    else reader.skip(type);
  }
  return found;
}
