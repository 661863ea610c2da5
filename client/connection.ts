import { AddressTurn } from './address-turn.ts';
import { type OpenChannel, openChannel } from './channel.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';

/** The connection that calls share: to one controller at a time, to the next one after a failure. */
export class Connection {
  readonly #settings: ClientSettings;
  readonly #turn: AddressTurn;
  #channel: OpenChannel | undefined;
  #isClosed = false;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.#turn = new AddressTurn(settings);
  }

  current(): OpenChannel {
    if (this.#isClosed) throw new RenderfarmError('CLIENT_CLOSED', 'the client was closed');
    this.#channel ??= openChannel(this.#turn.address, this.#settings);
    return this.#channel;
  }

  /**
   * The next call goes to the leader that was named, or to the next address, over a new connection. Calls that run on
   * the old one may end there.
   */
  giveUp(channel: OpenChannel, leader?: string): void {
    if (channel !== this.#channel) return;
    this.#channel = undefined;
    this.#turn.moveOn(leader);
    channel.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#channel?.close();
    this.#channel = undefined;
  }
}
