import type { Parts } from '../parts.ts';

/** A deliberate bug, and the properties that it breaks: any of them may be the first to show it. */
export interface Mutant {
  readonly name: string;
  readonly parts: Parts;
  /** Names of invariants. Each of them exists for its property, and was there before the mutant. */
  readonly breaks: readonly string[];
  /** A seed that showed it quickly, to be tried before all others: only how long the search takes depends on it. */
  readonly shownBy?: number;
}
