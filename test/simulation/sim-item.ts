import type { ItemReport } from '../../agent/core/inputs.ts';
import type { AssignItem } from '../../proto/item-link.ts';
import type { JobPlan } from './job-plan.ts';
import { framesOf, itemFetchMs, type MadeSegment, type SimSegments } from './sim-segments.ts';
import type { World } from './world.ts';

export interface ItemOptions {
  readonly world: World;
  readonly assign: AssignItem;
  readonly plan: JobPlan;
  readonly speed: number;
  readonly segments: SimSegments;
  readonly later: (ms: number, run: () => void) => void;
  readonly report: (report: ItemReport) => void;
  readonly isSick: () => boolean;
  readonly kill: () => void;
}

/** A helper renders one item, as agent/attempt does: into the shared cache, with time in place of frames. */
export class SimItem {
  readonly #options: ItemOptions;
  readonly #startedMs: number;
  isOver = false;

  constructor(options: ItemOptions) {
    this.#options = options;
    this.#startedMs = options.world.nowMs;
  }

  start(): void {
    const { plan, world, assign, segments, isSick, kill, speed, later } = this.#options;
    const { position } = assign.item;
    if (segments.has(assign.segmentKey)) {
      later(200, () => this.#end({ result: 'done', reused: true, framesEncoded: 0 }));
      return;
    }
    later(itemFetchMs(plan), () => {
      if (this.isOver) return;
      if (isSick()) this.#end({ ...failed, code: 'ENCODER_UNAVAILABLE', message: 'the encoder is gone' });
      else if (plan.fate === 'poison' && position > 0) kill();
      else if ((plan.fate !== 'hangs' && plan.fate !== 'mute') || position === 0)
        later((plan.workMs / plan.segments / speed) * world.random.between(0.9, 1.1), () =>
          this.#end({ result: 'done', reused: false, framesEncoded: framesOf(plan) }),
        );
    });
  }

  /** No grace: its process tree is killed. */
  stop(): void {
    const { later, world } = this.#options;
    later(world.random.between(10, 800), () =>
      this.#end({ result: 'stopped', reused: false, framesEncoded: 0 }),
    );
  }

  /** Its process is gone with its agent's. */
  gone(): void {
    this.isOver = true;
    this.#spent('gone');
  }

  #end(report: ItemReport): void {
    if (this.isOver) return;
    this.isOver = true;
    const made = this.#spent(report.result);
    if (report.result === 'done') this.#options.segments.put(this.#options.assign.segmentKey, made);
    this.#options.report(report);
  }

  #spent(end: MadeSegment['end']): MadeSegment {
    const { world, assign, segments } = this.#options;
    const made = { jobId: assign.item.ref.jobId, slotMs: world.nowMs - this.#startedMs, used: false, end };
    segments.helped.push(made);
    return made;
  }
}

const failed = { result: 'failed', reused: false, framesEncoded: 0 } as const;
