import type {
  AgentMessage,
  ControllerGoodbye,
  ControllerMessage,
  Hello,
  Resolution,
  ResolvedItem,
} from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { FarmErrorCode, FieldViolation } from '../../domain/errors.ts';
import type { JobBody, JobRecord, JobSpec, TimelineEntry } from '../../domain/job.ts';
import type { DestinationName } from '../../domain/outbox.ts';
import type { PlanBudget } from '../../scheduling/budget.ts';
import type { StreamEnd, SubmitReply } from '../farm.ts';
import type { AgentOrder, JobOrder, QueueOrder, ShareOrder } from '../orders.ts';
import type { Told } from '../outbox-port.ts';
import type { LookedUp } from '../ports.ts';

/** What the world told the engine since its last turn. */
export type Input =
  | {
      readonly kind: 'submit';
      readonly replyId: string;
      readonly requestId: string;
      readonly bodyHash: string;
      readonly spec: JobSpec;
      readonly username: string;
      readonly resolved: readonly ResolvedItem[];
      readonly resolution: Resolution;
      readonly shares: readonly string[];
      /** The catalogue was away, and why: nothing is resolved. */
      readonly awaits?: string;
    }
  | {
      readonly kind: 'looked-up';
      readonly askId: string;
      /** Of the jobs that were asked for; one that is missing was gone. */
      readonly answers: readonly LookUpAnswer[];
    }
  | { readonly kind: 'catalog-away'; readonly askId: string; readonly why: string }
  | JobOrderInput
  | AgentOrderInput
  | QueueOrderInput
  | ShareOrderInput
  | { readonly kind: 'attach'; readonly replyId: string; readonly sessionId: string; readonly hello: Hello }
  | { readonly kind: 'message'; readonly sessionId: string; readonly message: Exclude<AgentMessage, Hello> }
  | { readonly kind: 'stream-ended'; readonly sessionId: string; readonly how: StreamEnd }
  | OutboxInput
  /** The store was away, or our loop stood still: nobody's silence counts yet. */
  | { readonly kind: 'outage'; readonly what: string }
  | { readonly kind: 'tick' };

/** A destination was told of a job, and what it said; absent: it has taken it. */
export type OutboxInput = { readonly kind: 'told' } & Told;

/** What the catalogue says of one job; `same`: what it said before. */
export type LookUpAnswer = { readonly jobId: string } & (LookedUp | { readonly same: true });

interface Ordered {
  readonly replyId: string;
  readonly bodyHash: string;
}

/** A job that has left the hot store: what history keeps of it, and what its items come down to now. */
export interface PastJobInput {
  readonly job: JobRecord;
  readonly body: JobBody;
  readonly attempts: readonly AttemptRecord[];
  /** Names of the source shares that its paths lie on. */
  readonly shares: readonly string[];
  /** The catalogue was away, and why: nothing is resolved. */
  readonly awaits?: string;
}

export type JobOrderInput = JobOrder & Ordered & { readonly past?: PastJobInput };
export type AgentOrderInput = AgentOrder & Ordered;
export type QueueOrderInput = QueueOrder & Ordered;
export type ShareOrderInput = ShareOrder & Ordered;

export type Reply =
  | { readonly kind: 'submitted'; readonly reply: SubmitReply }
  | { readonly kind: 'done' }
  | { readonly kind: 'attached' }
  | {
      readonly kind: 'refused';
      readonly code: FarmErrorCode;
      readonly message: string;
      readonly resource?: { readonly type: string; readonly name: string };
      readonly retryAfterMs?: number;
      readonly violations?: readonly FieldViolation[];
    };

/** What the turn causes; none of it leaves before the turn's batch is committed. */
export type Effect =
  | { readonly kind: 'reply'; readonly replyId: string; readonly reply: Reply }
  | { readonly kind: 'send'; readonly sessionId: string; readonly message: ControllerMessage }
  | { readonly kind: 'end-session'; readonly sessionId: string; readonly goodbye: ControllerGoodbye }
  /** The catalogue is to be asked for all ids of these jobs together. */
  | { readonly kind: 'look-up'; readonly askId: string; readonly jobIds: readonly string[] }
  | { readonly kind: 'job-changed'; readonly jobId: string; readonly news: readonly TimelineEntry[] }
  /** Rows of these were marked: whoever delivers looks. */
  | { readonly kind: 'owed'; readonly destinations: ReadonlySet<DestinationName> }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      /** A stable word that can be searched for. */
      readonly event: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

/** What a turn may not make itself: time and randomness are arguments. */
export interface Moment {
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** What planning may cost in this turn. @default without limit */
  readonly planning?: PlanBudget;
}
