import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { resetStream } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { RpcContext } from './context.ts';
import { toStatus } from './error-status.ts';
import { refuseWhenStopping, shuttingDown } from './unary.ts';

/**
 * A server stream from an async iterable. It ends with the iterable, with the server, or when its reader takes
 * nothing for `watchDrainMs`; nothing is gathered here meanwhile, the iterable has its own limit.
 */
export function watchStream<Request, Response>(
  context: RpcContext,
  follow: (request: Request, signal: AbortSignal) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, context.stopping]);
    call.on('cancelled', () => over.abort());
    // Our own: grpc-js's listener makes it the status.
    call.on('error', () => undefined);
    const work = async () => {
      context.authorise(call.metadata);
      refuseWhenStopping(context);
      for await (const response of follow(call.request, signal)) {
        if (signal.aborted) break;
        if (!call.write(response)) await drained(call, signal, context.limits.watchDrainMs);
      }
      refuseWhenStopping(context);
    };
    work().then(
      () => end(call, context),
      (error: unknown) => end(call, context, context.stopping.aborted ? shuttingDown() : error),
    );
  };
}

/** @throws FarmError WATCHER_TOO_SLOW */
async function drained(
  call: ServerWritableStream<unknown, unknown>,
  signal: AbortSignal,
  drainMs: number,
): Promise<void> {
  const outcome = Promise.withResolvers<boolean>();
  const onDrain = () => outcome.resolve(true);
  const timer = setTimeout(() => outcome.resolve(false), drainMs);
  call.once('drain', onDrain);
  signal.addEventListener('abort', onDrain, { once: true });
  try {
    if (signal.aborted || (await outcome.promise)) return;
    throw new FarmError('WATCHER_TOO_SLOW', `The watcher took nothing for ${drainMs} ms`);
  } finally {
    clearTimeout(timer);
    call.off('drain', onDrain);
    signal.removeEventListener('abort', onDrain);
  }
}

function end(call: ServerWritableStream<unknown, unknown>, context: RpcContext, error?: unknown): void {
  if (call.cancelled) return;
  if (error === undefined) call.end();
  else call.emit('error', toStatus(error, context.logger));
  // A reader that takes nothing never takes the status either.
  const timer = setTimeout(() => resetStream(call), context.limits.endMs);
  call.once('cancelled', () => clearTimeout(timer));
}
