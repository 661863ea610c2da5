import type {
  AssignedJob,
  Feature,
  Fence,
  ItemType,
  Manifest,
  OutputTarget,
  PriorityClass,
  Problem,
  RateProfile,
  Resolution,
  ResolvedItem,
  Wishes,
} from '../../proto/agent-link.ts';
import { extraNames, type Loudness, type RenderOptions } from '../../proto/render-options.ts';

/** An item as a client submits it. Field meanings and ranges: mission.md section 1, checked by `validate.ts`. */
export interface ItemSpec {
  readonly position: number;
  readonly itemType: ItemType;
  readonly videoId?: string;
  readonly path?: string;
  readonly title?: string;
  readonly logoPath?: string;
  readonly durationMs?: number;
  readonly text?: string;
  readonly resolution?: string;
  readonly is4k?: boolean;
  readonly pathAvailable?: boolean;
  /** Its sound is brought to the farm's loudness. */
  readonly normalizeLoudness?: true;
}

/** A job as a client submits it, after validation. */
export interface JobSpec {
  readonly jobId: string;
  readonly userId: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  readonly items: readonly ItemSpec[];
  readonly priority: PriorityClass;
  /** Overrides the routing rules. */
  readonly queue?: string;
  /** Which agents it may go to; absent: any. */
  readonly wishes?: Wishes;
  /** It waits at least until then. */
  readonly notBeforeMs?: number;
  /** When it should have ended; it is never stopped for it. */
  readonly deadlineMs?: number;
  /** How it is rendered, and what is made beside it; absent: all off. */
  readonly options?: RenderOptions;
}

export type JobState =
  | 'held'
  | 'waiting'
  | 'delayed'
  | 'assigned'
  | 'preparing'
  | 'running'
  | 'finishing'
  | 'ready'
  | 'publishing'
  | 'published'
  | 'failed'
  | 'quarantined'
  | 'cancelled';

/** What the web application's users see. */
export type JobStatus = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';

export interface TimelineEntry {
  readonly atMs: number;
  /** A stable word, e.g. `submitted`, `assigned`, `encoded`. */
  readonly what: string;
  readonly detail: string;
  readonly agentId?: string;
}

/** A failure for a reason of the PC; those of one cause count together. */
export interface EnvironmentFailure {
  readonly atMs: number;
  /** Code of the attempt's first problem; empty where it named none. */
  readonly cause: string;
}

/** The right to publish, given to one attempt by a committed record (protocol.md rule 8b). */
export interface Grant {
  readonly fence: Fence;
  readonly agentId: string;
  readonly output: OutputTarget;
  readonly manifest: Manifest;
  readonly grantedAtMs: number;
  /** It is being taken back (rule 8d); until an executor has looked, the file may still be published. */
  readonly annulment?: { readonly reason: string; readonly sinceMs: number };
}

/** What was rendered of a job and published nowhere. */
export interface ShadowResult {
  readonly frames?: number;
  readonly sizeBytes?: number;
}

/** Why a job has no paths yet, and since when. */
export interface CatalogWait {
  readonly sinceMs: number;
  /** What was wrong with the catalogue, for people. */
  readonly why: string;
}

/**
 * The part of a job that changes; its items are a record of their own (`JobBody`), so that a change of state
 * never writes 768 KiB again.
 */
export interface JobRecord {
  readonly jobId: string;
  readonly userId: string;
  readonly username: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  readonly priority: PriorityClass;
  readonly rateProfile: RateProfile;
  readonly queue: string;
  readonly routeRule: string;
  readonly itemCount: number;
  readonly videoCount: number;
  /** Estimated length of the output. */
  readonly estimateMs: number;
  /** Names of the shares that the job's files lie on. */
  readonly shares: readonly string[];
  readonly submittedAtMs: number;
  /** Order of submission within the farm; breaks ties of time. */
  readonly sequence: number;
  readonly wishes?: Wishes;
  readonly deadlineMs?: number;
  readonly options?: RenderOptions;
  /** Features that an agent must speak to be given the job; absent: none. */
  readonly requires?: readonly string[];

  readonly state: JobState;
  /** Why the job is where it is, for people; absent where the state says it all. */
  readonly reason?: string;
  /** From when its waiting counts, where that is not its submit: it was held, retried, or not to start before then. */
  readonly agedFromMs?: number;
  /** `delayed` jobs wait for this time; a held one goes on waiting for it when it is released. */
  readonly notBeforeMs?: number;
  /** When its video ids were last looked up in the catalogue; absent where it has none, and before the first time. */
  readonly lookedUpAtMs?: number;
  /** The catalogue has to be asked first: it was away when it was asked, or did not know every id. */
  readonly awaitsCatalog?: CatalogWait;
  /** The fence of the live attempt; absent where there is none. */
  readonly fence?: Fence;
  readonly attemptCount: number;
  /** Attempts that count against the limit (scheduling.md, Outcomes and retries). */
  readonly charged: number;
  readonly losses: number;
  /** Recent uncharged `environment` failures, oldest first. */
  readonly environmentFailures: readonly EnvironmentFailure[];
  readonly agentId?: string;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** Date of the log folder, `YYYY-MM-DD`: that of the first start, for good. */
  readonly logDate?: string;
  readonly grant?: Grant;
  readonly outputPath?: string;
  readonly finalDurationMs?: number;
  /** A copy of another farm's job: it is never published. Its figures are there once it was rendered. */
  readonly shadow?: ShadowResult;
  readonly features: readonly Feature[];
  readonly errorMessage?: string;
  readonly problems: readonly Problem[];
  readonly cancelReason?: string;
  readonly timeline: readonly TimelineEntry[];
}

/** The fields that a job begins with: nothing was tried yet. */
export const untried = {
  state: 'waiting',
  attemptCount: 0,
  charged: 0,
  losses: 0,
  environmentFailures: [],
  features: [],
  problems: [],
} as const satisfies Partial<JobRecord>;

/**
 * What was submitted, which never changes, and what its paths resolved to, which changes where the catalogue says
 * something else of a job that waits.
 */
export interface JobBody {
  readonly jobId: string;
  readonly spec: JobSpec;
  readonly resolved: readonly ResolvedItem[];
  readonly resolution: Resolution;
}

/** What an agent is given of a job. */
export function assignedJob(job: JobRecord, body: JobBody, timeZone: string): AssignedJob {
  return {
    jobId: job.jobId,
    userId: job.userId,
    username: job.username,
    channelName: job.channelName,
    enable4k: job.enable4k,
    queue: job.queue,
    priority: job.priority,
    submittedAtMs: job.submittedAtMs,
    logDate: job.logDate ?? '',
    timeZone,
    rateProfile: job.rateProfile,
    items: body.resolved,
    ...(job.wishes && { wishes: job.wishes }),
    ...(job.deadlineMs !== undefined && { deadlineMs: job.deadlineMs }),
    ...(job.options && { options: job.options }),
  };
}

/** What was published beside a job's result, and what was measured of it; nothing before its end. */
export function extrasOf({ state, grant }: JobRecord): {
  readonly contactSheetPath?: string;
  readonly previewPath?: string;
  readonly loudness?: Loudness;
} {
  if (state !== 'published' || grant === undefined) return {};
  const { contactSheetName, previewName, loudness } = grant.manifest;
  const { folder, finalName } = grant.output;
  const names = extraNames(finalName);
  return {
    ...(contactSheetName === names.contactSheet && { contactSheetPath: `${folder}\\${contactSheetName}` }),
    ...(previewName === names.preview && { previewPath: `${folder}\\${previewName}` }),
    ...(loudness && { loudness }),
  };
}

/** Since when a job waits, for its place in the order. A requeued job keeps its age. */
export function waitsSinceMs({ agedFromMs, submittedAtMs }: JobRecord): number {
  return agedFromMs ?? submittedAtMs;
}
