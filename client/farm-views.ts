import type { JobState } from './views.ts';

/** `lost`: led until just now, and has not heard yet who leads. */
export type ControllerRole = 'standby' | 'leading' | 'lost';

/** How things stand at the controller that answered. */
export interface ControllerStatusView {
  readonly role: ControllerRole;
  readonly since?: Date;
  /** Leads and can store what it decides. */
  readonly serving: boolean;
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
}
