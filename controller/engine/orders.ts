import type { PriorityClass } from '../../proto/agent-link.ts';

/** What every order of a person says. */
interface Order {
  /** Idempotency for 24 h; empty: none. */
  readonly requestId: string;
  /** For the history; may be empty. */
  readonly reason: string;
}

/** What a person wishes of a job. */
export type JobOrder = Order & { readonly jobId: string } & (
    | { readonly kind: 'cancel' | 'retry' | 'hold' | 'release' }
    /** Takes the grant of a publication back. */
    | { readonly kind: 'annul' }
    | { readonly kind: 'priority'; readonly priority: PriorityClass }
  );

/** What an operator orders of an agent. */
export type AgentOrder = Order & {
  readonly agentId: string;
  /** Who orders it. */
  readonly by: string;
} & (
    | { readonly kind: 'cordon' | 'uncordon' | 'drain' | 'forget' }
    /** `deadlineMs` from now. */
    | { readonly kind: 'evict'; readonly deadlineMs: number }
  );

/** What an operator orders of a queue. */
export type QueueOrder = Order & {
  readonly kind: 'pause' | 'resume';
  readonly queue: string;
  /** Who orders it. */
  readonly by: string;
};

/** What an operator says of a share. */
export type ShareOrder = Order & { readonly kind: 'share-replaced'; readonly share: string };
