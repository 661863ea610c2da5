import { once } from 'node:events';
import { type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { JobRef } from '../../proto/index.ts';
import { agentIdKey, type agentWire, LogServiceClient, logFiles as wireFiles } from '../../proto/index.ts';
import type { LogFileName } from '../attempt/log-folder.ts';
import { type LogReceiver, LogRefusedError, type LogSending } from '../attempt/log-sender.ts';
import type { LinkSecurity } from './connection.ts';
import { callMetadata, channelCredentials } from './connection.ts';

/** A call that takes longer is given up, and tried again later. */
const callMs = 60_000;
/** A connection that nothing is sent over for this long goes: a farm has many agents, and few have news. */
const idleMs = 10_000;

export interface LogReceiverOptions {
  /** Where the controller that we are attached to is; undefined while there is none. */
  readonly address: () => string | undefined;
  readonly security: LinkSecurity;
  /** Whose logs these are; a certificate says so by itself. */
  readonly agentId: string;
}

/** LogService over a connection of its own: logs never stand in the way of the agent's stream. */
export function createLogReceiver(options: LogReceiverOptions): LogReceiver & { close(): void } {
  const { address, security, agentId } = options;
  const metadata = () => {
    const said = callMetadata(security);
    said.set(agentIdKey, agentId);
    return said;
  };
  let open: { readonly to: string; readonly client: LogServiceClient } | undefined;
  const close = (): void => {
    open?.client.close();
    open = undefined;
  };
  const clientOf = (): LogServiceClient => {
    const to = address();
    if (to === undefined) throw new Error('no controller is attached');
    if (open?.to !== to) {
      close();
      open = { to, client: clientTo(to, security) };
    }
    return open.client;
  };
  const told = async <T>(work: (client: LogServiceClient) => Promise<T>): Promise<T> => {
    try {
      return await work(clientOf());
    } catch (error) {
      if (isRefusal(error)) throw new LogRefusedError(error.details, { cause: error });
      // A channel that failed waits by itself before it connects again: the next try gets a new one.
      close();
      throw error;
    }
  };
  return {
    offsetOf: (ref, file, signal) =>
      told((client) => offsetOf(client, metadata(), targetOf(ref, file), signal)),
    upload: (ref, file, sending, signal) =>
      told((client) => upload(client, metadata(), targetOf(ref, file), sending, signal)),
    close,
  };
}

function clientTo(address: string, security: LinkSecurity): LogServiceClient {
  const { tls } = security;
  return new LogServiceClient(address, channelCredentials(security), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.client_idle_timeout_ms': idleMs,
    ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
  });
}

/** Answers that another try alone does not change; with any other nobody may be there for any log. */
const refusals: readonly number[] = [
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.OUT_OF_RANGE,
  status.RESOURCE_EXHAUSTED,
  status.FAILED_PRECONDITION,
  status.UNAUTHENTICATED,
  status.INTERNAL,
];

function isRefusal(error: unknown): error is ServiceError {
  return (
    error instanceof Error && 'code' in error && 'details' in error && refusals.includes(Number(error.code))
  );
}

function offsetOf(
  client: LogServiceClient,
  metadata: Metadata,
  target: agentWire.LogTarget,
  signal: AbortSignal,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const call = client.getLogOffset(
    { target },
    metadata,
    { deadline: Date.now() + callMs },
    (error, reply) => {
      if (error === null) resolve(reply.offsetBytes);
      else reject(error);
    },
  );
  return endedBy(signal, () => call.cancel(), promise);
}

async function upload(
  client: LogServiceClient,
  metadata: Metadata,
  target: agentWire.LogTarget,
  { pieces, endBytes }: LogSending,
  signal: AbortSignal,
): Promise<number> {
  const answer = Promise.withResolvers<number>();
  const ending = new AbortController();
  const call = client.uploadLog(
    metadata,
    { deadline: Date.now() + callMs },
    (error: ServiceError | null, reply: agentWire.UploadLogResponse) => {
      ending.abort();
      if (error === null) answer.resolve(reply.sizeBytes);
      else answer.reject(error);
    },
  );
  // Its error is told by the await below; without this it would be unhandled while a piece is written.
  const over = answer.promise.then(
    () => undefined,
    () => undefined,
  );
  const sent = async (): Promise<number> => {
    call.write({ part: { $case: 'target', value: target } });
    for await (const { offsetBytes, data } of pieces) {
      if (ending.signal.aborted) break;
      const hasRoom = call.write({
        part: { $case: 'data', value: { offsetBytes, data: Buffer.from(data) } },
      });
      if (!hasRoom) await Promise.race([once(call, 'drain'), over]);
    }
    if (endBytes !== undefined) call.write({ part: { $case: 'end', value: { sizeBytes: endBytes } } });
    call.end();
    return await answer.promise;
  };
  return await endedBy(signal, () => call.cancel(), sent());
}

async function endedBy<T>(signal: AbortSignal, end: () => void, work: Promise<T>): Promise<T> {
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    return await work;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function targetOf({ jobId, fence }: JobRef, file: LogFileName): agentWire.LogTarget {
  return { jobId, fence, file: wireFiles.toWire(file) };
}
