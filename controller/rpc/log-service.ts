import type { handleClientStreamingCall, ServerReadableStream } from '@grpc/grpc-js';
import {
  agentIdKey,
  type agentWire,
  fromFence,
  Inbox,
  type LogServiceServer,
  logFiles,
} from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { LogAddress } from '../domain/log-files.ts';
import { isJobId } from '../domain/validate.ts';
import { certificateNames } from './certificate-name.ts';
import type { RpcContext } from './context.ts';
import { toStatus } from './error-status.ts';
import { badField } from './page-request.ts';
import { type Caller, refuseWhenStopping, shuttingDown, unary } from './unary.ts';

/** protocol.md, Services. */
const dataBytesMax = 256 * 1024;
const unreadMax = 4;

/** LogService: the files of an attempt, at rising offsets. */
export function logService(context: RpcContext): LogServiceServer {
  return {
    getLogOffset: unary(context, async (request: agentWire.GetLogOffsetRequest, call) => {
      const address = await toAddress(context, call, request.target);
      return { offsetBytes: await context.logs.size(address) };
    }),
    uploadLog: uploadLog(context),
  };
}

function uploadLog(
  context: RpcContext,
): handleClientStreamingCall<agentWire.UploadLogRequest, agentWire.UploadLogResponse> {
  return (call, callback) => {
    const inbox = inboxOf(call, context);
    const work = async () => {
      context.authorise(call.metadata);
      refuseWhenStopping(context);
      return { sizeBytes: await receive(context, call, inbox) };
    };
    work().then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error, context.logger)),
    );
  };
}

/** Reads at once and with handlers: see proto/controller-stream.ts. */
function inboxOf(
  call: ServerReadableStream<agentWire.UploadLogRequest, unknown>,
  { limits, stopping }: RpcContext,
): Inbox<agentWire.UploadLogRequest> {
  const inbox = new Inbox<agentWire.UploadLogRequest>(unreadMax, {
    full: () => call.pause(),
    room: () => call.resume(),
  });
  const idle = setTimeout(() => {
    inbox.end(new FarmError('INVALID_REQUEST', `The upload sent nothing for ${limits.uploadIdleMs} ms`));
  }, limits.uploadIdleMs);
  const onStop = () => inbox.end(shuttingDown());
  stopping.addEventListener('abort', onStop, { once: true });
  call.on('data', (part: agentWire.UploadLogRequest) => {
    idle.refresh();
    inbox.push(part);
  });
  call.on('end', () => inbox.end(undefined));
  call.on('error', (error: Error) => inbox.end(error));
  call.on('cancelled', () => {
    clearTimeout(idle);
    stopping.removeEventListener('abort', onStop);
    inbox.end(undefined);
  });
  return inbox;
}

async function receive(
  context: RpcContext,
  call: Caller,
  parts: AsyncIterable<agentWire.UploadLogRequest>,
): Promise<number> {
  let address: LogAddress | undefined;
  let sizeBytes = 0;
  for await (const { part } of parts) {
    if (part?.$case === 'target') {
      if (address) throw badField('target', 'must come once, first');
      address = await toAddress(context, call, part.value);
      sizeBytes = await context.logs.size(address);
    } else if (part?.$case === 'data') {
      if (address === undefined) throw badField('target', 'must come first');
      const { offsetBytes, data } = part.value;
      if (offsetBytes < 0) throw badField('data.offset_bytes', 'must not be negative');
      if (data.length > dataBytesMax) throw badField('data.data', `must be at most ${dataBytesMax} bytes`);
      sizeBytes = await context.logs.append(address, offsetBytes, data);
    } else if (part?.$case === 'end') {
      if (address === undefined) throw badField('target', 'must come first');
      if (part.value.sizeBytes < 0) throw badField('end.size_bytes', 'must not be negative');
      await context.logs.end(address, part.value.sizeBytes);
    }
  }
  return sizeBytes;
}

async function toAddress(
  { farm }: RpcContext,
  call: Caller,
  target: agentWire.LogTarget | undefined,
): Promise<LogAddress> {
  if (target === undefined) throw badField('target', 'must be given');
  if (!isJobId(target.jobId)) throw badField('target.job_id', 'must be a UUID');
  const jobId = target.jobId.toLowerCase();
  const file = logFiles.fromWire(target.file, 'target.file');
  const place = await farm.logPlace(jobId, fromFence(target.fence, 'target.fence'));
  if (place === undefined) {
    const resource = { type: 'job', name: jobId };
    throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}, or no such attempt of it`, { resource });
  }
  const { attemptNumber, agentId, ...where } = place;
  requireOwner(call, agentId, jobId);
  return { place: { ...where, jobId }, attemptNumber, file };
}

/**
 * An attempt's log is its own agent's to write: under mTLS the one whose name the certificate bears, without it the one
 * that the caller says it is, which keeps PCs apart that mean well. @throws FarmError UNAUTHENTICATED
 */
function requireOwner(call: Caller, agentId: string, jobId: string): void {
  const [stated] = call.metadata.get(agentIdKey);
  const names = certificateNames(call) ?? new Set(stated === undefined ? [] : [stated.toString()]);
  if (names.has(agentId)) return;
  const who =
    names.size === 0
      ? `the caller does not say who it is (${agentIdKey})`
      : `not by ${[...names].join(', ')}`;
  throw new FarmError(
    'UNAUTHENTICATED',
    `The log of this attempt of job ${jobId} is written by ${agentId}: ${who}`,
    {
      resource: { type: 'job', name: jobId },
    },
  );
}
