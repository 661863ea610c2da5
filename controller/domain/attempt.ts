import type {
  Cancel,
  FailureClass,
  Fence,
  FinishedOutcome,
  Manifest,
  Outcome,
  OutputTarget,
} from '../../proto/agent-link.ts';
import type { OrderedMode } from './agent-mode.ts';
import type { HostHealth } from './host-health.ts';
import type { TimelineEntry } from './job.ts';

export type AttemptState =
  | 'assigned'
  | 'preparing'
  | 'running'
  | 'finishing'
  | 'ready'
  | 'publishing'
  | 'ended';

interface StateFacts {
  readonly meaning: string;
  /** The attempt holds one of its agent's slots (scheduling.md, Deciding 6: fetching to the last encoded frame). */
  readonly holdsSlot: boolean;
  readonly next: readonly AttemptState[];
}

/** Every state of an attempt; GLOSSARY.md's table is made from it. */
export const attemptStates: Readonly<Record<AttemptState, StateFacts>> = {
  assigned: {
    meaning: 'sent, not answered yet',
    holdsSlot: true,
    next: ['preparing', 'running', 'finishing', 'ready', 'ended'],
  },
  preparing: {
    meaning: 'accepted; files are fetched and probed',
    holdsSlot: true,
    next: ['running', 'finishing', 'ready', 'ended'],
  },
  running: { meaning: 'segments are encoded', holdsSlot: true, next: ['finishing', 'ready', 'ended'] },
  finishing: {
    meaning: 'last frame encoded; joined, verified, uploaded',
    holdsSlot: false,
    next: ['ready', 'ended'],
  },
  ready: { meaning: 'staged; asks to publish', holdsSlot: false, next: ['publishing', 'ended'] },
  publishing: { meaning: 'granted; being renamed into place', holdsSlot: false, next: ['ended'] },
  ended: { meaning: 'has its one outcome', holdsSlot: false, next: [] },
};

/** One try of a job on one agent. */
export interface AttemptRecord {
  readonly jobId: string;
  readonly fence: Fence;
  /** 1 for the job's first. */
  readonly number: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly state: AttemptState;
  readonly output: OutputTarget;
  readonly assignedAtMs: number;
  /** From its acceptance to its last frame, as it was expected when it was assigned. */
  readonly predictedMs?: number;
  readonly acceptedAtMs?: number;
  readonly startedAtMs?: number;
  readonly encodedAtMs?: number;
  readonly endedAtMs?: number;
  /** Somebody wants it to stop: sent to the agent, and again when it comes back. */
  readonly stop?: { readonly reason: string; readonly outcome: Cancel['outcome']; readonly atMs: number };
  /** It was lost, came back, and goes on under this fence: what its agent still says under the old one is meant so. */
  readonly adoptedAs?: Fence;
  /** The fence under which the work that it goes on with was begun. */
  readonly adoptedFrom?: Fence;
  /** Its loss counts against the job; absent where it was not lost. */
  readonly lossCounted?: boolean;
  readonly manifest?: Manifest;
  readonly outcome?: Outcome;
  /** Why it ended, for people; the path for a published one. */
  readonly message?: string;
  readonly failureClass?: FailureClass;
  readonly finished?: FinishedOutcome;
  readonly timeline: readonly TimelineEntry[];
}

/** What the store keeps of an agent between streams. */
export interface AgentRecord {
  readonly agentId: string;
  readonly instanceId: string;
  readonly journalId: string;
  /** Highest contiguous event number of that journal whose effects are committed. */
  readonly ackedEvent: number;
  readonly firstSeenAtMs: number;
  readonly lastAttachedAtMs: number;
  /** What a person ordered; absent: it is active. */
  readonly ordered?: OrderedMode;
  readonly health?: HostHealth;
  /** By class of work: time that its last renders took over what was predicted, oldest first. */
  readonly forecastRatios?: Readonly<Record<string, readonly number[]>>;
}
