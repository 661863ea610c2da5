import type { DestinationName } from '../../controller/domain/outbox.ts';
import {
  type Delivery,
  type Destination,
  DestinationAway,
  type OutboxItem,
} from '../../controller/outbox/destination.ts';

/** A destination that remembers what it was told, and answers as it is told to. */
export class RecordingDestination implements Destination {
  readonly name: DestinationName;
  readonly itemsMax: number;
  /** One entry a call. */
  readonly calls: (readonly OutboxItem[])[] = [];
  /** While it is set every call fails with it. */
  away: DestinationAway | undefined;
  /** Says why a job is refused; absent: it is taken. */
  refuses: (item: OutboxItem) => string | undefined = () => undefined;
  /** A call answers when this resolves. */
  answers: Promise<unknown> = Promise.resolve();
  closed = 0;

  constructor(name: DestinationName, itemsMax = 100) {
    this.name = name;
    this.itemsMax = itemsMax;
  }

  /** Every item that was taken, in order. */
  readonly taken: OutboxItem[] = [];

  deliver: Destination['deliver'] = async (items) => {
    this.calls.push(items);
    await this.answers;
    if (this.away !== undefined) throw this.away;
    return items.map((item): Delivery => {
      const reason = this.refuses(item);
      if (reason !== undefined) return { result: 'refused', reason };
      this.taken.push(item);
      return { result: 'delivered' };
    });
  };

  goAway(retryAfterMs?: number): void {
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.away = new DestinationAway(`${this.name} is away`, options);
  }

  comeBack(): void {
    this.away = undefined;
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  /** `state` of a job as it was told last. */
  lastState(jobId: string): string | undefined {
    return this.taken.findLast(({ job }) => job.jobId === jobId)?.job.state;
  }
}
