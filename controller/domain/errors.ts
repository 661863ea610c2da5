/**
 * Every error that the controller gives to callers: its stable code, how it reads as a gRPC status, and whether
 * trying again can help. docs/errors.md lists exactly these.
 */
export const farmErrors = {
  INVALID_JOB: { status: 'INVALID_ARGUMENT', retry: false },
  INVALID_REQUEST: { status: 'INVALID_ARGUMENT', retry: false },
  REQUEST_ID_REUSED: { status: 'INVALID_ARGUMENT', retry: false },
  ROW_NOT_QUEUED: { status: 'FAILED_PRECONDITION', retry: false },
  ROW_CLAIMED: { status: 'FAILED_PRECONDITION', retry: false },
  NO_STORED_JOBS: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_IN_SHADOW: { status: 'FAILED_PRECONDITION', retry: false },
  NOT_IN_SHADOW: { status: 'FAILED_PRECONDITION', retry: false },
  DIRECTORY_UNAVAILABLE: { status: 'UNAVAILABLE', retry: true },
  UNKNOWN_VIDEO_ID: { status: 'INVALID_ARGUMENT', retry: false },
  JOB_TOO_LARGE: { status: 'INVALID_ARGUMENT', retry: false },
  JOB_NOT_FOUND: { status: 'NOT_FOUND', retry: false },
  JOB_PUBLISHING: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_ENDED: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_NOT_ENDED: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_PROCESSING: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_NOT_HELD: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_ARCHIVED: { status: 'FAILED_PRECONDITION', retry: false },
  JOB_NOT_PUBLISHING: { status: 'FAILED_PRECONDITION', retry: false },
  AGENT_NOT_FOUND: { status: 'NOT_FOUND', retry: false },
  AGENT_IN_USE: { status: 'FAILED_PRECONDITION', retry: false },
  UNKNOWN_QUEUE: { status: 'INVALID_ARGUMENT', retry: false },
  QUEUE_NOT_FOUND: { status: 'NOT_FOUND', retry: false },
  UNKNOWN_SHARE: { status: 'NOT_FOUND', retry: false },
  PROTOCOL_VERSION: { status: 'FAILED_PRECONDITION', retry: false },
  AGENT_CLONED: { status: 'ALREADY_EXISTS', retry: false },
  HELLO_EXPECTED: { status: 'INVALID_ARGUMENT', retry: false },
  TERM_TOO_HIGH: { status: 'FAILED_PRECONDITION', retry: false },
  CATALOG_UNAVAILABLE: { status: 'UNAVAILABLE', retry: true },
  RESULTS_ELSEWHERE: { status: 'FAILED_PRECONDITION', retry: false },
  HISTORY_UNAVAILABLE: { status: 'UNAVAILABLE', retry: true },
  STORAGE_UNAVAILABLE: { status: 'UNAVAILABLE', retry: true },
  NOT_LEADING: { status: 'UNAVAILABLE', retry: true },
  SHUTTING_DOWN: { status: 'UNAVAILABLE', retry: true },
  TOO_MANY_JOBS: { status: 'RESOURCE_EXHAUSTED', retry: true },
  OUTBOX_FULL: { status: 'RESOURCE_EXHAUSTED', retry: true },
  TOO_MANY_REQUESTS: { status: 'RESOURCE_EXHAUSTED', retry: true },
  TOO_MANY_WATCHERS: { status: 'RESOURCE_EXHAUSTED', retry: true },
  WATCHER_TOO_SLOW: { status: 'ABORTED', retry: true },
  RESUME_TOKEN_EXPIRED: { status: 'OUT_OF_RANGE', retry: false },
  UNAUTHENTICATED: { status: 'UNAUTHENTICATED', retry: false },
  LOG_NOT_FOUND: { status: 'NOT_FOUND', retry: false },
  LOG_OFFSET: { status: 'OUT_OF_RANGE', retry: true },
  LOG_TOO_LARGE: { status: 'RESOURCE_EXHAUSTED', retry: false },
  INTERNAL: { status: 'INTERNAL', retry: false },
} as const satisfies Record<string, { readonly status: GrpcStatusName; readonly retry: boolean }>;

export type FarmErrorCode = keyof typeof farmErrors;

/** The names of gRPC's status codes that we use. */
export type GrpcStatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'UNAUTHENTICATED'
  | 'OUT_OF_RANGE'
  | 'ABORTED'
  | 'INTERNAL';

/** One bad field of a request, by its path in the request: `items[3].duration`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What a caller is told: `details` of the gRPC status are made of these. */
export interface FarmErrorFacts {
  readonly violations?: readonly FieldViolation[];
  /** Kind and id of the thing that is meant, e.g. `job` and its id. */
  readonly resource?: { readonly type: string; readonly name: string };
  readonly retryAfterMs?: number;
  /** Goes with the code, as metadata of ErrorInfo: e.g. `leader`, the address of the controller that leads. */
  readonly info?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An expected error with a stable code. */
export class FarmError extends Error {
  readonly code: FarmErrorCode;
  readonly violations: readonly FieldViolation[];
  readonly resource: FarmErrorFacts['resource'];
  readonly retryAfterMs: number | undefined;
  readonly info: Readonly<Record<string, string>>;

  constructor(code: FarmErrorCode, message: string, facts: FarmErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.name = 'FarmError';
    this.code = code;
    this.violations = facts.violations ?? [];
    this.resource = facts.resource;
    this.retryAfterMs = facts.retryAfterMs;
    this.info = facts.info ?? {};
  }
}
