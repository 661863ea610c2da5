/** Things that arrive one after another, for a test that waits for each of them. */
export class Arrivals<Thing> {
  readonly #waiting: PromiseWithResolvers<Thing>[] = [];
  readonly #here: Thing[] = [];

  add(thing: Thing): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#here.push(thing);
    else waiter.resolve(thing);
  }

  /** The next one, as soon as it is here. */
  next(): Promise<Thing> {
    const thing = this.#here.shift();
    if (thing !== undefined) return Promise.resolve(thing);
    const waiter = Promise.withResolvers<Thing>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  get unread(): number {
    return this.#here.length;
  }
}
