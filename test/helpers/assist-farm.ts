import { attemptKey } from '../../controller/engine/turn/state.ts';
import type { Inventory, JobRef } from '../../proto/agent-link.ts';
import type { AssignItem, ItemFinished, ReleasedItem } from '../../proto/item-link.ts';
import { inventory, journalEvent } from './agent-messages.ts';
import { jobSpec, TurnFarm } from './turn-farm.ts';

export const joinClasses = [false, true].flatMap((enable4k) =>
  (['studio', 'quality'] as const).map((rateProfile) => ({ enable4k, rateProfile, id: 'class-1' })),
);

/** A PC that helps and can be helped. */
export function helping(changes: Partial<Inventory> = {}): {
  readonly features: readonly string[];
  readonly inventory: Inventory;
} {
  return {
    features: ['assist', 'sources', 'no_cache'],
    inventory: inventory({ segmentCacheId: 'cache-1', joinClasses, copyBytesPerSecond: 100e6, ...changes }),
  };
}

export const itemCount = 20;
/** Of each item. */
export const itemSeconds = 10;

export function manyItems(n: number, count = itemCount) {
  return jobSpec(n, {
    items: Array.from({ length: count }, (_, position) => ({
      position,
      itemType: 'video' as const,
      path: `\\\\nas\\Clips\\${position}.mp4`,
      durationMs: itemSeconds * 1000,
    })),
  });
}

/** `pc1` renders job 1, of twenty items of ten seconds; it plays them twice as fast. */
export class AssistFarm extends TurnFarm {
  pc1 = '';
  ref: JobRef = { jobId: '', fence: { term: 0, counter: 0 } };
  #events = 1;

  /** Job 1 begins to run on `pc1`. */
  begin(changes: Partial<Inventory> = {}, spec = manyItems(1)): this {
    this.pc1 = this.attach('pc1', helping(changes));
    this.submit(spec);
    ({ ref: this.ref } = this.assigned(this.pc1));
    this.start(this.pc1, this.ref, spec.items.length * itemSeconds * 30);
    return this;
  }

  /** An assignment is accepted and runs. */
  start(session: string, ref: JobRef, totalFrames: number): void {
    this.say(session, { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    const started = { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames } as const;
    this.say(session, journalEvent(this.#events++, ref, started));
  }

  /** The owner answers the newest question: so many of its items behind the one that it renders. */
  release(count: number, from = 1, ref = this.ref): void {
    const items = Array.from({ length: count }, (_, index) => released(from + index));
    this.say(this.pc1, { kind: 'items-released', ref, items });
  }

  finish(session: string, { item }: Pick<AssignItem, 'item'>, result: ItemFinished['result'] = 'done'): void {
    this.say(session, { kind: 'item-finished', item, result, reused: false, framesEncoded: 300 });
  }

  /** What each of these sessions was given, oldest first. */
  items(session?: string): readonly AssignItem[] {
    return this.sent
      .filter((each) => session === undefined || each.sessionId === session)
      .map(({ message }) => message)
      .filter((message) => message.kind === 'assign-item');
  }

  get given(): readonly number[] {
    return [...(this.state.assist.jobs.get(attemptKey(this.ref))?.given.keys() ?? [])].sort((a, b) => a - b);
  }
}

export function released(position: number, changes: Partial<ReleasedItem> = {}): ReleasedItem {
  return {
    position,
    frames: itemSeconds * 30,
    sourceBytes: 20e6,
    segmentKey: `key-${position}`,
    ...changes,
  };
}
