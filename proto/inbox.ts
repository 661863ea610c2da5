/** What the inbox tells its source: stop sending, go on. */
export interface InboxSource {
  full(): void;
  room(): void;
}

/**
 * Received messages on their way to one reader, in order. It asks the source to pause at its limit; what is already
 * on its way is still taken. A reader that leaves early leaves the inbox drained by nobody: close the link then.
 */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #source: InboxSource;
  readonly #messages: T[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #paused = false;
  #ended: { readonly error: Error | undefined } | undefined;

  constructor(limit: number, source: InboxSource) {
    this.#limit = limit;
    this.#source = source;
  }

  push(message: T): void {
    this.#messages.push(message);
    if (!this.#paused && this.#messages.length >= this.#limit) {
      this.#paused = true;
      this.#source.full();
    }
    this.#wake();
  }

  /** Nothing more comes: the reader gets what is here, then the end or the error. */
  end(error: Error | undefined): void {
    this.#ended ??= { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        this.#resume();
        yield message;
      } else if (this.#ended !== undefined) {
        if (this.#ended.error) throw this.#ended.error;
        return;
      } else {
        this.#waiting ??= Promise.withResolvers();
        await this.#waiting.promise;
      }
    }
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #resume(): void {
    if (!this.#paused || this.#messages.length > this.#limit / 2) return;
    this.#paused = false;
    if (this.#ended === undefined) this.#source.room();
  }
}
