import type { QueuePauseView } from '../views.ts';
import { timeText } from './format.ts';

/** `since 2026-03-01 14:05:09 by ana: new codec`. */
export function pauseText({ since, by, reason }: QueuePauseView): string {
  const who = by === undefined ? '' : ` by ${by}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  return `since ${timeText(since)}${who}${why}`;
}
