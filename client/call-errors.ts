import { type ServiceError, status } from '@grpc/grpc-js';
import { DecodeError } from '../proto/index.ts';
import { detailsOf } from './error-details.ts';
import { RenderfarmError, type StatusName } from './errors.ts';

/** What a call threw, as an error of ours: the one place that knows grpc-js's. */
export function callError(error: unknown, address: string): RenderfarmError {
  if (error instanceof RenderfarmError) return error;
  if (error instanceof DecodeError) {
    const message = `${address} answered something that this version does not understand: ${error.message}`;
    return new RenderfarmError('UNEXPECTED_REPLY', message, { cause: error });
  }
  if (isServiceError(error)) return serviceError(error, address);
  throw error;
}

/** Another try, perhaps at another address, may succeed. All our calls are idempotent. */
export function isRetryable(error: RenderfarmError): boolean {
  switch (error.status) {
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return true;
    case 'RESOURCE_EXHAUSTED':
      return error.retryAfterMs !== undefined;
    case 'CANCELLED':
    case 'INTERNAL':
    case 'UNKNOWN':
      // Without a code of the controller's it is the connection that broke (RST_STREAM, GOAWAY).
      return error.code === error.status;
    default:
      return false;
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function serviceError(error: ServiceError, address: string): RenderfarmError {
  const name = status[error.code] as StatusName;
  const details = detailsOf(error.metadata);
  const controller = { type: 'controller', name: address };
  if (details.code === undefined && (name === 'UNAVAILABLE' || name === 'DEADLINE_EXCEEDED')) {
    const message = `${address} cannot be reached: ${whyUnreachable(error.details)}`;
    return new RenderfarmError('CONTROLLER_UNREACHABLE', message, {
      status: name,
      resource: controller,
      cause: error,
    });
  }
  return new RenderfarmError(details.code ?? name, error.details, { ...details, status: name, cause: error });
}

/** grpc-js's text without its frame: `No connection established. Last error: Error: connect ... Resolution note: `. */
function whyUnreachable(details: string): string {
  const inner = /^No connection established\. Last error: (?:Error: )?(?<reason>.*?)\.? Resolution note:/su;
  const reason = inner.exec(details)?.groups?.['reason'] ?? details;
  // It closes without a word where one end speaks TLS and the other does not.
  return /^Failed to connect\b/u.test(reason) ? `${reason}: does it want TLS (--tls-ca)?` : reason;
}
