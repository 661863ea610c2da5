import type { Timer } from './virtual-clock.ts';
import type { World } from './world.ts';

/** A process on a machine: what it waits for happens to this life of it or to none; frozen, it happens at its wake. */
export class SimProcess {
  readonly #world: World;
  #life = 0;
  #isUp = false;
  #isFrozen = false;
  #deferred: (() => void)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Counts its lives; odd while it is up. */
  get life(): number {
    return this.#life;
  }

  begin(): void {
    this.#life += 1;
    this.#isUp = true;
  }

  end(): void {
    this.#life += 1;
    this.#isUp = false;
    this.#isFrozen = false;
    this.#deferred = [];
  }

  freeze(): void {
    this.#isFrozen = this.#isUp;
  }

  wake(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
  }

  later(ms: number, run: () => void): Timer {
    const life = this.#life;
    return this.#world.after(ms, () => this.#inLife(life, run));
  }

  /** The same for something that happens at once, or whenever the caller says. */
  whenAwake(run: () => void): () => void {
    const life = this.#life;
    return () => this.#inLife(life, run);
  }

  #inLife(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#isFrozen) this.#deferred.push(() => this.#inLife(life, run));
    else run();
  }
}
