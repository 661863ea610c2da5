import type { DestinationName } from '../domain/outbox.ts';
import type { OutboxItem } from '../outbox/destination.ts';

/** A row as it was read: another mark, or one refusal more, and it is another. */
export interface RowSight {
  readonly mark: number;
  readonly refusals: number;
}

/** What a deliverer asks the engine for. */
export interface DueRequest {
  readonly destination: DestinationName;
  /** Items that it takes at most. */
  readonly itemsMax: number;
  /** Rows that the engine was told of already, by job: they are not due while it has not taken that in. */
  readonly told: ReadonlyMap<string, RowSight>;
  /** The percent that was told of each running job; absent: nobody wants to hear of progress just now. */
  readonly percents?: ReadonlyMap<string, number>;
}

/** Committed jobs as they are in this moment, each under a revision of its own. */
export interface Due {
  readonly rows: readonly (RowSight & { readonly item: OutboxItem })[];
  /** Running jobs whose percent has changed and that have no row among these. */
  readonly progress: readonly OutboxItem[];
  /** Room was left: there is nothing else that is due. */
  readonly isAll: boolean;
  /** When a row that was set aside is due again. */
  readonly nextTryAtMs?: number;
  /** Of the rows that were told, those that the engine has not taken in. */
  readonly told: ReadonlyMap<string, RowSight>;
  /** Jobs that are with agents. */
  readonly running: ReadonlySet<string>;
}

/** What became of a row at its destination; `refused` says why it was. */
export interface Told {
  readonly destination: DestinationName;
  readonly jobId: string;
  readonly mark: number;
  readonly refused?: string;
}

/** The outbox of one leadership, as deliverers see it. */
export interface OutboxSource {
  /** Read between two turns. @throws FarmError NOT_LEADING, SHUTTING_DOWN, STORAGE_UNAVAILABLE, TOO_MANY_REQUESTS */
  due(request: DueRequest): Promise<Due>;
  tell(told: Told): void;
}

/** How a destination stands, beside its rows. */
export interface DestinationHealth {
  /** It has not answered since. */
  readonly awaySinceMs?: number;
  /** Why, the last time. */
  readonly lastError?: string;
}

/** What carries rows to their destinations while we lead. */
export interface Deliveries {
  /** Rows of these were marked. */
  wake(destinations: Iterable<DestinationName>): void;
  health(): ReadonlyMap<DestinationName, DestinationHealth>;
  /** Gives up what is under way; nothing is left of it. Idempotent. */
  stop(): Promise<void>;
}

/** Begins to deliver what a new leadership owes. */
export type StartDeliveries = (source: OutboxSource) => Deliveries;
