import type { AgentLink } from './agent-link.ts';
import type { Decoded } from './codec/unknown-message.ts';
import { Inbox } from './inbox.ts';
import { LinkError } from './link-error.ts';
import type { LinkLimits } from './link-limits.ts';

/**
 * The half of a grpc-js call that both ends share: a Duplex of whole messages as bytes. The bytes are made and read
 * here, not by grpc-js, so that a message is encoded once, where its size is checked, and a malformed one is our
 * error and not grpc-js's INTERNAL.
 */
export interface ByteStream {
  write(bytes: Buffer): boolean;
  /** Messages that wait to be written. */
  readonly writableLength: number;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'drain' | 'end' | 'close', listener: () => void): unknown;
}

/** How the two ends differ: how each encodes, decodes and ends its call. */
export interface LinkSide<Sent, Received> {
  encode(message: Sent): Buffer;
  decode(bytes: Buffer): Decoded<Received>;
  /** Ends the call after what is queued, or with an error at once. Called once. */
  end(error: Error | undefined): void;
}

export interface LinkOptions {
  readonly limits: LinkLimits;
  /** Closes the link when it fires. */
  readonly signal?: AbortSignal;
  /** Told of each message that this build does not know (protocol.md rule 9). */
  readonly onUnknown?: (name: string) => void;
}

/** How a link ended: by the other end or the connection, or by us; with the reason where there was one. */
export interface LinkEnd {
  readonly by: 'them' | 'us';
  readonly error?: Error;
}

/** An AgentLink over a grpc-js call. It never leaves the call half open: `closed` always resolves. */
export class StreamLink<Sent, Received> implements AgentLink<Sent, Received> {
  /** Resolves when the call itself is over, after everything that was queued; it never rejects. */
  readonly closed: Promise<LinkEnd>;
  readonly #stream: ByteStream;
  readonly #side: LinkSide<Sent, Received>;
  readonly #options: LinkOptions;
  readonly #inbox: Inbox<Received>;
  readonly #close = Promise.withResolvers<LinkEnd>();
  readonly #onAbort = () => this.close(abortReason(this.#options.signal));
  #end: LinkEnd | undefined;
  #drain: PromiseWithResolvers<void> | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(stream: ByteStream, side: LinkSide<Sent, Received>, options: LinkOptions) {
    this.#stream = stream;
    this.#side = side;
    this.#options = options;
    this.closed = this.#close.promise;
    this.#inbox = new Inbox(options.limits.unreadMax, {
      full: () => stream.pause(),
      room: () => stream.resume(),
    });
    stream.on('data', (bytes) => this.#receive(bytes));
    stream.on('drain', () => this.#drained());
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** What the other end sent, in order. Ends with the link; throws the link's error where it has one. */
  get received(): AsyncIterable<Received> {
    return this.#inbox;
  }

  /** How the link ended, as soon as it does; undefined while it is open. */
  get end(): LinkEnd | undefined {
    return this.#end;
  }

  /**
   * False: wait for `drained` before sending what may be dropped; also on a closed link, where nothing is sent.
   * @throws LinkError MESSAGE_TOO_LARGE (the link stays open), LINK_OVERFLOW (the link is closed)
   */
  send(message: Sent): boolean {
    if (this.#end !== undefined) return false;
    const { messageBytesMax, queuedWritesMax } = this.#options.limits;
    const bytes = this.#side.encode(message);
    if (bytes.length > messageBytesMax) {
      const sizes = `${bytes.length} bytes, at most ${messageBytesMax}`;
      throw new LinkError('MESSAGE_TOO_LARGE', `The message is too large for the link: ${sizes}`);
    }
    if (this.#stream.writableLength >= queuedWritesMax) {
      const error = new LinkError('LINK_OVERFLOW', `More than ${queuedWritesMax} messages wait to be sent`);
      this.close(error);
      throw error;
    }
    const room = this.#stream.write(bytes);
    if (!room) this.#watchForDrain();
    return room;
  }

  /** Resolves when there is room again, or the link is closed. */
  drained(): Promise<void> {
    return this.#drain?.promise ?? Promise.resolve();
  }

  /** Ends the call after what is queued; with an error at once. Idempotent: the first cause wins. */
  close(error?: Error): void {
    if (this.#end !== undefined) return;
    this.finish({ by: 'us', ...(error && { error }) });
    this.#side.end(error);
  }

  /** For the two sides: the call is about to be over. Nothing more is sent, readers get what came before. */
  finish(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#drained();
    this.#inbox.end(end.error);
    // A paused stream never ends, and one that nobody reads keeps its connection from going on.
    this.#stream.resume();
  }

  /** For the two sides: the call is over. */
  settle(): void {
    if (this.#end !== undefined) this.#close.resolve(this.#end);
  }

  #receive(bytes: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      const decoded = this.#side.decode(bytes);
      if (decoded.known) this.#inbox.push(decoded.message);
      else this.#options.onUnknown?.(decoded.unknown);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #watchForDrain(): void {
    if (this.#drain !== undefined) return;
    const { drainMs } = this.#options.limits;
    this.#drain = Promise.withResolvers();
    this.#stall = setTimeout(() => {
      this.close(new LinkError('LINK_STALLED', `The other end took nothing for ${drainMs} ms`));
    }, drainMs);
  }

  #drained(): void {
    clearTimeout(this.#stall);
    this.#drain?.resolve();
    this.#drain = undefined;
  }
}

function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error
    ? signal.reason
    : new LinkError('LINK_CLOSED', 'The link was closed');
}
