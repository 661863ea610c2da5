/** How a dial ended. */
export interface Dialled {
  /** A Welcome came: this was the leader. */
  readonly served: boolean;
  /** It answered, and does not lead. */
  readonly sentAway: boolean;
  /** We left it: it was silent, or has said Goodbye. */
  readonly left: boolean;
  /** Where it says that the leader is. Followed within our own list only: the token goes nowhere else. */
  readonly redirect?: string;
}

/**
 * Which controller is dialled next. A round takes every address once, and follows one redirect: two standbys that
 * point at each other, or at a leader that is dead, keep nobody busy. After a session the round begins with the
 * controller that broke off, since most breaks are short; with the next one where we left it.
 */
export class Rounds {
  readonly #addresses: readonly string[];
  #first = 0;
  #left: string[];
  #mayFollow = true;
  readonly #unreachable = new Set<string>();
  #sentAway = false;

  /** @param addresses - At least one; the same one twice counts once. */
  constructor(addresses: readonly string[]) {
    this.#addresses = [...new Set(addresses)];
    this.#left = [...this.#addresses];
    if (this.#addresses.length === 0) throw new Error('an agent needs at least one controller address');
  }

  /** Undefined: the round is over; wait, then `begin` the next one. */
  next(): string | undefined {
    return this.#left.shift();
  }

  /** Somebody has answered in this round: the farm is there, and only its leader is missing. */
  get wasAnswered(): boolean {
    return this.#sentAway;
  }

  /** @returns whether the round is over */
  ended(address: string, { served, sentAway, left, redirect }: Dialled): boolean {
    const index = this.#addresses.indexOf(address);
    if (served) {
      if (index >= 0) this.#first = left ? index + 1 : index;
      this.begin(redirect);
      return true;
    }
    this.#sentAway ||= sentAway;
    if (!sentAway) this.#unreachable.add(address);
    // A standby calls a leader that has died so for some seconds, and a dead PC takes a connection's whole time limit.
    if (redirect !== undefined && this.#mayFollow && !this.#unreachable.has(redirect)) this.#follow(redirect);
    return this.#left.length === 0;
  }

  /** @param redirect - Goes before all others. */
  begin(redirect?: string): void {
    const { length } = this.#addresses;
    const start = this.#first % length;
    this.#left = [...this.#addresses.slice(start), ...this.#addresses.slice(0, start)];
    this.#mayFollow = true;
    this.#sentAway = false;
    this.#unreachable.clear();
    if (redirect !== undefined) this.#follow(redirect);
  }

  #follow(redirect: string): void {
    if (!this.#addresses.includes(redirect)) return;
    this.#mayFollow = false;
    this.#left = [redirect, ...this.#left.filter((address) => address !== redirect)];
  }
}
