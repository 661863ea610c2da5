/** One bad field, by its path in the job: `items[3].duration`; empty where the whole is meant. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** The thing that an error is about. */
export interface Resource {
  /** E.g. `job`, `queue`, `controller`. */
  readonly type: string;
  /** Its id or address. */
  readonly name: string;
}

/** Codes that this library gives by itself; all others come from the controller (docs/errors.md). */
export type ClientErrorCode =
  /** Options of `connect` or of a call that cannot be. */
  | 'INVALID_OPTIONS'
  /** A job file with problems: all are among the violations. */
  | 'INVALID_JOB_FILE'
  /** The job does not fit into a message. */
  | 'JOB_TOO_LARGE'
  /** No controller answered within the time limit of the call. */
  | 'CONTROLLER_UNREACHABLE'
  /** `close` was called. */
  | 'CLIENT_CLOSED'
  /** The controller answered something that this version does not understand. */
  | 'UNEXPECTED_REPLY';

/** The names of gRPC's status codes. */
export type StatusName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** What an error says beside its code and message. */
export interface ErrorFacts {
  readonly status?: StatusName;
  readonly violations?: readonly Violation[];
  /** How many violations there are in all: the controller sends at most 50. */
  readonly violationCount?: number;
  readonly resource?: Resource;
  readonly retryAfterMs?: number;
  readonly leader?: string;
  readonly cause?: unknown;
}

/**
 * Every error that this library throws, apart from an abort, which throws the signal's reason. A job that failed is
 * no error: it is data.
 */
export class RenderfarmError extends Error {
  /** Stable: `JOB_NOT_FOUND`, `INVALID_JOB`, ...; the gRPC status name where the controller gave no code. */
  readonly code: string;
  /** The gRPC status that came with it; absent for errors of this library's own. */
  readonly status: StatusName | undefined;
  readonly violations: readonly Violation[];
  readonly violationCount: number;
  readonly resource: Resource | undefined;
  /** The controller asks for a pause of this length before the next try. */
  readonly retryAfterMs: number | undefined;
  /** With `NOT_LEADING`: the address of the controller that leads, where it is known. */
  readonly leader: string | undefined;

  constructor(code: ClientErrorCode | (string & {}), message: string, facts: ErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.name = 'RenderfarmError';
    this.code = code;
    this.status = facts.status;
    this.violations = facts.violations ?? [];
    this.violationCount = facts.violationCount ?? this.violations.length;
    this.resource = facts.resource;
    this.retryAfterMs = facts.retryAfterMs;
    this.leader = facts.leader;
  }
}
