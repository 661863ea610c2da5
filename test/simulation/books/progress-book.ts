import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../../controller/engine/turn/state.ts';
import type { World } from '../world.ts';
import type { Book } from './book.ts';

/** Progress never goes back within an attempt: neither as agents tell it nor as people are shown it. */
export class ProgressBook implements Book {
  readonly #world: World;
  readonly #told = new Map<string, number>();
  readonly #shown = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  taken(_controller: string, input: Input): void {
    if (input.kind !== 'message' || input.message.kind !== 'progress') return;
    const { ref, percent } = input.message;
    this.#rises(this.#told, keyOf(ref), percent);
  }

  /** What people are shown of the attempts that a turn heard of. */
  turned(controller: string, state: FarmState, inputs: readonly Input[]): void {
    for (const input of inputs) {
      if (input.kind !== 'message' || input.message.kind !== 'progress') continue;
      const { jobId } = input.message.ref;
      const fence = state.jobs.get(jobId)?.fence;
      const key = fence && keyOf({ jobId, fence });
      const runtime = key === undefined ? undefined : state.runtimes.get(key);
      if (key !== undefined && runtime !== undefined)
        this.#rises(this.#shown, `${controller} ${state.epoch.term} ${key}`, runtime.percent);
    }
  }

  #rises(seen: Map<string, number>, key: string, percent: number): void {
    const before = seen.get(key) ?? 0;
    if (percent < before) this.#world.violated('progress went back', `${key}: ${before} to ${percent}`);
    seen.set(key, percent);
  }
}
