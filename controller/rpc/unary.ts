import type { handleUnaryCall, Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { FarmError } from '../domain/errors.ts';
import type { AuthenticatedCall } from './certificate-name.ts';
import type { RpcContext } from './context.ts';
import { toStatus } from './error-status.ts';

/** Who calls: by certificate, and by what it says of itself. */
export type Caller = AuthenticatedCall & { readonly metadata: Metadata };

/** A unary handler from a plain async function: token first, errors through the one map. */
export function unary<Request, Response>(
  context: RpcContext,
  answer: (request: Request, call: Caller) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback) => {
    const work = async () => {
      context.authorise(call.metadata);
      refuseWhenStopping(context);
      return answer(call.request, call);
    };
    work().then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error, context.logger)),
    );
  };
}

/** @throws FarmError SHUTTING_DOWN */
export function refuseWhenStopping({ stopping }: RpcContext): void {
  if (stopping.aborted) throw shuttingDown();
}

export function shuttingDown(): FarmError {
  return new FarmError('SHUTTING_DOWN', 'The controller is stopping', { retryAfterMs: 1_000 });
}
