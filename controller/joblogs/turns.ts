/** Work of one key happens one after the other; keys do not wait for each other. */
export class Turns {
  readonly #lastByKey = new Map<string, Promise<unknown>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lastByKey.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.catch(() => undefined);
    this.#lastByKey.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#lastByKey.get(key) === settled) this.#lastByKey.delete(key);
    }
  }
}
