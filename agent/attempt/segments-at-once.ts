/** All together must be so much faster than with one less: below this, a second FFmpeg only takes memory and sessions. */
const paysFrom = 1.1;
/** Segments of one job at a time, at most: more of them only end later. */
const segmentsMax = 4;

/**
 * Segments that one job encodes at a time where so many jobs render, by what test encodes at once gave each of them
 * (`concurrentSpeeds`: the k-th is the speed of each of k, relative to one alone). Pure; at least 1.
 */
export function segmentsAtOnce(concurrentSpeeds: readonly number[], jobs: number): number {
  const together = (count: number): number => count * (concurrentSpeeds[count - 1] ?? 0);
  let best = 1;
  // Of a PC that says nothing of two at a time, two are not tried.
  while (best < concurrentSpeeds.length && together(best + 1) >= paysFrom * together(best)) best += 1;
  return Math.max(1, Math.min(segmentsMax, Math.floor(best / Math.max(1, jobs))));
}
