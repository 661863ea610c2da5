import type { CallOptions, ClientUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import { callMetadata, type OpenChannel, untilSettled } from './channel.ts';
import type { ClientSettings } from './options.ts';

/** What every generated method takes after its request. */
export type CallRest<Reply> = [
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, reply: Reply) => void,
];

/** One method of a service with its request: called again, with the same request, for every try. */
export type Start<Reply> = (channel: OpenChannel, ...rest: CallRest<Reply>) => ClientUnaryCall;

/** One try of a call on this connection, within `tryTimeoutMs` and not after `endsAt` (Unix ms). */
export async function tryOnce<Reply>(
  channel: OpenChannel,
  settings: ClientSettings,
  start: Start<Reply>,
  endsAt: number,
  signal: AbortSignal,
): Promise<Reply> {
  const left = endsAt - Date.now();
  await untilSettled(channel, Math.min(settings.connectTimeoutMs, left));
  signal.throwIfAborted();
  const deadline = Math.min(Date.now() + settings.tryTimeoutMs, endsAt);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const call = start(channel, callMetadata(settings), { deadline }, (error, reply) => {
    if (error === null) resolve(reply);
    else reject(error);
  });
  const onAbort = () => call.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
