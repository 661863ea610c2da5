import type { Metadata } from '@grpc/grpc-js';
import {
  type Any,
  BadRequest,
  ErrorInfo,
  fromOptionalDuration,
  ResourceInfo,
  RetryInfo,
  Status,
} from '../proto/index.ts';
import type { ErrorFacts } from './errors.ts';
import { present } from './present.ts';

/** What the controller says about an error beside its status. */
export interface ErrorDetails extends ErrorFacts {
  /** The controller's stable code. */
  readonly code?: string;
}

/** Where gRPC carries a `google.rpc.Status`. */
const detailsKey = 'grpc-status-details-bin';
/** Of ErrorInfo: where the leader is, from a controller that does not lead. */
const leaderKey = 'leader';
/** Of ErrorInfo: how many bad fields there are, where not all of them are sent. */
const violationCountKey = 'violation_count';

/** The details of a failed call. Those that cannot be read are left out: they must not hide the error itself. */
export function detailsOf(metadata: Metadata): ErrorDetails {
  const [bytes] = metadata.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return {};
  try {
    return Status.decode(bytes).details.reduce<ErrorDetails>(
      (details, any) => ({ ...details, ...detailOf(any) }),
      {},
    );
  } catch {
    return {};
  }
}

function detailOf({ typeUrl, value }: Any): ErrorDetails {
  switch (typeUrl) {
    case 'type.googleapis.com/google.rpc.ErrorInfo': {
      const { reason, metadata } = ErrorInfo.decode(value);
      return {
        ...present('code', reason),
        ...countOf(metadata[violationCountKey]),
        ...present('leader', metadata[leaderKey]),
      };
    }
    case 'type.googleapis.com/google.rpc.BadRequest': {
      const { fieldViolations } = BadRequest.decode(value);
      return { violations: fieldViolations.map(({ field, description }) => ({ field, description })) };
    }
    case 'type.googleapis.com/google.rpc.ResourceInfo': {
      const { resourceType, resourceName } = ResourceInfo.decode(value);
      return { resource: { type: resourceType, name: resourceName } };
    }
    case 'type.googleapis.com/google.rpc.RetryInfo': {
      const { retryDelay } = RetryInfo.decode(value);
      return present('retryAfterMs', fromOptionalDuration(retryDelay, 'retry_delay'));
    }
    default:
      return {};
  }
}

function countOf(text: string | undefined): ErrorDetails {
  const count = Number(text ?? Number.NaN);
  return Number.isSafeInteger(count) ? { violationCount: count } : {};
}
