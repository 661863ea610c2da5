import type { ClientSettings } from './options.ts';

/** Which controller is asked: addresses in turn, round and round, and where a standby points among them. */
export class AddressTurn {
  readonly #addresses: readonly string[];
  #index = 0;
  #failed: string | undefined;

  constructor({ addresses }: Pick<ClientSettings, 'addresses'>) {
    this.#addresses = addresses;
  }

  get address(): string {
    const address = this.#addresses[this.#index % this.#addresses.length];
    if (address === undefined) throw new Error('resolveOptions lets no empty list pass');
    return address;
  }

  /**
   * This one could not serve us.
   * @param leader - Whom it calls the leader. Followed within the list only: the token goes nowhere else. One that has
   * just failed is not asked again at once: a standby calls a dead leader so for some seconds.
   */
  moveOn(leader?: string): void {
    const here = this.address;
    const named = leader === undefined || leader === this.#failed ? -1 : this.#addresses.indexOf(leader);
    this.#failed = here;
    this.#index = named >= 0 && leader !== here ? named : (this.#index + 1) % this.#addresses.length;
  }
}
