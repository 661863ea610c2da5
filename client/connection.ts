import { type OpenChannel, openChannel } from './channel.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';

/** The connection that calls share: to one controller at a time, to the next one after a failure. */
export class Connection {
  readonly #settings: ClientSettings;
  #turn = 0;
  #channel: OpenChannel | undefined;
  #isClosed = false;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  current(): OpenChannel {
    if (this.#isClosed) throw new RenderfarmError('CLIENT_CLOSED', 'the client was closed');
    this.#channel ??= openChannel(addressAt(this.#settings, this.#turn), this.#settings);
    return this.#channel;
  }

  /** The next call goes to the next address, over a new connection. Calls that run on the old one may end there. */
  giveUp(channel: OpenChannel): void {
    if (channel !== this.#channel) return;
    this.#channel = undefined;
    this.#turn += 1;
    channel.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#channel?.close();
    this.#channel = undefined;
  }
}

/** Addresses in turn, round and round. */
export function addressAt({ addresses }: ClientSettings, turn: number): string {
  const address = addresses[turn % addresses.length];
  if (address === undefined) throw new Error('resolveOptions lets no empty list pass');
  return address;
}
