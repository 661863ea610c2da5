/** Digits of the counter: a leadership that told a million jobs in every second would end in 30,000 years. */
const counterDigits = 18;

/**
 * Revisions of what is told outside: the term, then a counter of this leadership, as one decimal number. Each is above
 * all before it, also those of earlier leaders, whose terms are lower.
 */
export function revisions(): (term: number) => string {
  let counter = 0;
  return (term) => `${term}${String(++counter).padStart(counterDigits, '0')}`;
}
