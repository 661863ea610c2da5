import type { Resolution, ResolvedItem } from '../../proto/agent-link.ts';
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

/** Asks the catalogue and the directory. @throws FarmError UNKNOWN_VIDEO_ID, INVALID_JOB: every bad item at once */
export type JobResolver = (spec: JobSpec, signal: AbortSignal) => Promise<ResolvedJob>;

/** Where the engine's log goes; pino fits. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
