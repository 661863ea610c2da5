import type { Resolution, ResolvedItem } from '../../proto/agent-link.ts';
import { FarmError } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';

/** Time, as the engine needs it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; never goes back while the process lives. */
  nowMs(): number;
  /** Calls back once, after `delayMs`; the returned function prevents that. */
  after(delayMs: number, callback: () => void): () => void;
}

/** What a job's items and user come down to, outside the engine. */
export interface ResolvedJob {
  readonly username: string;
  readonly resolved: readonly ResolvedItem[];
  readonly resolution: Resolution;
  /** Names of the source shares that the job's paths lie on. */
  readonly shares: readonly string[];
}

/**
 * Asks the catalogue and the directory.
 * @throws FarmError UNKNOWN_VIDEO_ID, INVALID_JOB: every bad item at once; CatalogAway
 */
export type JobResolver = (spec: JobSpec, signal: AbortSignal) => Promise<ResolvedJob>;

/** The catalogue cannot say now where a job's videos are; what else is known of the job is here. */
export class CatalogAway extends FarmError {
  /** Without its items. */
  readonly known: Pick<ResolvedJob, 'username' | 'shares'>;
  constructor(message: string, known: Pick<ResolvedJob, 'username' | 'shares'>, cause?: unknown) {
    super('CATALOG_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
    this.name = 'CatalogAway';
    this.known = known;
  }
}

/** What a job's ids come down to now; or why it cannot be rendered. */
export type LookedUp =
  | { readonly paths: Omit<ResolvedJob, 'username'> }
  | { readonly refused: Pick<FarmError, 'code' | 'violations'> };

/**
 * Asks the catalogue anew for the ids of all these jobs together; one answer each, in their order.
 * @throws when it is away; the message is for people
 */
export type LookUp = (specs: readonly JobSpec[], signal: AbortSignal) => Promise<readonly LookedUp[]>;

/** Where videos are, as the catalogue knows them: ids that are not in `paths` are unknown; or why it cannot say now. */
export type CatalogAnswer = { readonly paths: ReadonlyMap<string, string> } | { readonly away: string };

/** Asks the catalogue for jobs that are only verified. Rejects with the signal's reason, or what is broken. */
export type PathLookUp = (videoIds: readonly string[], signal: AbortSignal) => Promise<CatalogAnswer>;

/** Where the engine's log goes; pino fits. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
