import type { Metadata } from '@grpc/grpc-js';
import type { ErrorFacts } from './errors.ts';

/** What the controller says about an error beside its status. */
export interface ErrorDetails extends ErrorFacts {
  /** The controller's stable code. */
  readonly code?: string;
}

export function detailsOf(_metadata: Metadata): ErrorDetails {
  return {};
}
