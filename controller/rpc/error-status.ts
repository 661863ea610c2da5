import { randomUUID } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import {
  Any,
  BadRequest,
  DecodeError,
  ErrorInfo,
  ResourceInfo,
  RetryInfo,
  Status,
  type StatusOfError,
  toDuration,
} from '../../proto/index.ts';
import { FarmError, type FieldViolation, farmErrors } from '../domain/errors.ts';
import type { RpcLogger } from './context.ts';

/** Where gRPC carries a google.rpc.Status. */
const detailsKey = 'grpc-status-details-bin';
const errorDomain = 'renderfarm';
/** protocol.md, API style. */
const violationsMax = 50;
/** Details stay below 8 kB in the trailer, where base64 makes 4 bytes of 3; the status line has 1 kB of its own. */
const detailsBytesMax = 5_900;
const messageCharactersMax = 500;
const descriptionCharactersMax = 300;

/**
 * The one map from what went wrong to what the caller is told. An error that is not expected becomes INTERNAL with
 * an id: what it was is in the log under that id, and nowhere else.
 */
export function toStatus(error: unknown, logger: RpcLogger): StatusOfError {
  if (error instanceof FarmError) return expected(error);
  if (error instanceof DecodeError) {
    const violations = [{ field: error.field, description: error.message.slice(error.field.length + 2) }];
    return expected(new FarmError('INVALID_REQUEST', error.message, { violations }));
  }
  const errorId = randomUUID();
  logger.error({ err: error, errorId }, 'A call failed for a reason that nobody expected');
  return expected(new FarmError('INTERNAL', `Internal error; the controller's log has it as ${errorId}`));
}

function expected(error: FarmError): StatusOfError {
  const code = status[farmErrors[error.code].status];
  const message = cut(error.message, messageCharactersMax);
  const metadata = new Metadata();
  metadata.set(detailsKey, encodeDetails(code, message, error));
  return { code, details: message, metadata };
}

/** Fields are added while there is room: the count says how many there are. */
function encodeDetails(code: number, message: string, error: FarmError): Buffer {
  const encode = (violations: readonly FieldViolation[]) =>
    Buffer.from(Status.encode({ code, message, details: detailsOf(error, violations) }).finish());
  const fieldViolations = error.violations.slice(0, violationsMax).map(({ field, description }) => ({
    field: cut(field, descriptionCharactersMax),
    description: cut(description, descriptionCharactersMax),
  }));
  for (let count = fieldViolations.length; ; count -= 1) {
    const bytes = encode(fieldViolations.slice(0, count));
    if (bytes.length <= detailsBytesMax || count === 0) return bytes;
  }
}

function detailsOf(error: FarmError, fieldViolations: readonly FieldViolation[]): Any[] {
  const { code, violations, resource, retryAfterMs, info } = error;
  const metadata: Record<string, string> = {
    ...info,
    ...(violations.length > 0 && { violation_count: String(violations.length) }),
  };
  const details = [
    any('ErrorInfo', ErrorInfo.encode({ reason: code, domain: errorDomain, metadata }).finish()),
  ];
  if (fieldViolations.length > 0) {
    details.push(any('BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (resource) {
    const info = { resourceType: resource.type, resourceName: cut(resource.name, descriptionCharactersMax) };
    details.push(any('ResourceInfo', ResourceInfo.encode({ ...info, owner: '', description: '' }).finish()));
  }
  if (retryAfterMs !== undefined) {
    details.push(any('RetryInfo', RetryInfo.encode({ retryDelay: toDuration(retryAfterMs) }).finish()));
  }
  return details;
}

function any(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) };
}

/** Lone surrogates would make grpc-js throw when it encodes the status line. */
function cut(text: string, charactersMax: number): string {
  const kept = text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
  return kept.toWellFormed();
}
