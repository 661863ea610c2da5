import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';

export interface ErrorScript {
  readonly code?: string;
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  readonly violationCount?: number;
  readonly resource?: { readonly type: string; readonly name: string };
  readonly retryAfterMs?: number;
  /** Of ErrorInfo. */
  readonly leader?: string;
}

/** An error as a controller sends it, its details written by hand: a second reading of google/rpc. */
export function rpcError(name: keyof typeof status, message: string, script: ErrorScript = {}): ServiceError {
  const metadata = new Metadata();
  const details = detailsOf(script);
  if (details.length > 0)
    metadata.set('grpc-status-details-bin', Buffer.from(statusBytes(name, message, details)));
  return Object.assign(new Error(message), { code: status[name], details: message, metadata });
}

type Detail = readonly [type: string, value: BinaryWriter];

function detailsOf({
  code,
  violations,
  violationCount,
  resource,
  retryAfterMs,
  leader,
}: ErrorScript): readonly Detail[] {
  const details: Detail[] = [];
  if (code !== undefined) {
    const info = new BinaryWriter().uint32(10).string(code).uint32(18).string('renderfarm');
    const facts = {
      ...(violationCount !== undefined && { violation_count: String(violationCount) }),
      ...(leader !== undefined && { leader }),
    };
    for (const [key, value] of Object.entries(facts)) {
      info.uint32(26).fork().uint32(10).string(key).uint32(18).string(value).join();
    }
    details.push(['ErrorInfo', info]);
  }
  if (violations !== undefined) {
    const bad = new BinaryWriter();
    for (const { field, description } of violations) {
      bad.uint32(10).fork().uint32(10).string(field).uint32(18).string(description).join();
    }
    details.push(['BadRequest', bad]);
  }
  if (resource !== undefined) {
    details.push([
      'ResourceInfo',
      new BinaryWriter().uint32(10).string(resource.type).uint32(18).string(resource.name),
    ]);
  }
  if (retryAfterMs !== undefined) {
    const seconds = Math.trunc(retryAfterMs / 1000);
    const delay = new BinaryWriter().uint32(10).fork();
    delay
      .uint32(8)
      .int64(seconds)
      .uint32(16)
      .int32((retryAfterMs - seconds * 1000) * 1e6);
    details.push(['RetryInfo', delay.join()]);
  }
  return details;
}

function statusBytes(name: keyof typeof status, message: string, details: readonly Detail[]): Uint8Array {
  const writer = new BinaryWriter().uint32(8).int32(status[name]).uint32(18).string(message);
  for (const [type, value] of details) {
    writer.uint32(26).fork();
    writer
      .uint32(10)
      .string(`type.googleapis.com/google.rpc.${type}`)
      .uint32(18)
      .bytes(value.finish())
      .join();
  }
  return writer.finish();
}
