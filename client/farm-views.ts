import type { JobState } from './views.ts';

/** `lost`: led until just now, and has not heard yet who leads. */
export type ControllerRole = 'standby' | 'leading' | 'lost';

/** How things stand at the controller that answered. */
export interface ControllerStatusView {
  readonly role: ControllerRole;
  readonly since?: Date;
  /** Leads and can store what it decides. */
  readonly serving: boolean;
  /** It renders copies of another farm's jobs, and keeps the results nowhere. */
  readonly shadow: boolean;
  readonly leaderId?: string;
  readonly term?: number;
  readonly leaderAddresses: readonly string[];
  /** What is known of how durable a commit is. */
  readonly durability?: string;
  /** Until then nobody's silence counts. */
  readonly recoveryUntil?: Date;
  readonly lastCommitAgeMs?: number;
}

export interface AgentCountsView {
  readonly attached: number;
  readonly suspect: number;
  readonly detached: number;
  /** Of all these: by a person's order nothing new starts there. */
  readonly closed: number;
  readonly sick: number;
  readonly slots: number;
  readonly slotsBusy: number;
}

/** Something that a person should look at. */
export interface AlarmView {
  readonly at?: Date;
  /** The word under which it is in the controller's log. */
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The farm in numbers; only the controller that leads knows more than itself. */
export interface FarmStatusView {
  readonly controller: ControllerStatusView;
  readonly farmId?: string;
  /** States with at least one job. */
  readonly jobs: readonly { readonly state: JobState; readonly count: number }[];
  readonly agents?: AgentCountsView;
  /** Newest first. */
  readonly alarms: readonly AlarmView[];
  /** One for each destination outside that is told of jobs. */
  readonly outbox: readonly OutboxView[];
}

/** A destination outside (`directory`, `results`, `history`): what it has not been told, and why. */
export interface OutboxView {
  readonly destination: string;
  /** Jobs whose newest state it has not taken; those that it refused with them. */
  readonly rows: number;
  /** Since when the oldest of them waits. */
  readonly oldestSince?: Date;
  /** It has not answered since; absent: it answers, or was not asked yet. */
  readonly awaySince?: Date;
  /** Why, the last time. */
  readonly lastError?: string;
  readonly refused: number;
  /** The first few of those. */
  readonly refusals: readonly OutboxRefusalView[];
}

/** A job that a destination will not take as it is. */
export interface OutboxRefusalView {
  readonly jobId: string;
  readonly reason: string;
  readonly since?: Date;
  /** It is told again then, or when the job changes. */
  readonly nextTry?: Date;
}
