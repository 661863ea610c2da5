/** Longer than any job: what is told as longer is told as this. */
export const longestToldMs = 366 * 24 * 3_600_000;

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A span as people say it: `40 s`, `7 min`, `2 h 5 min`, `3 days`. What is no number, or endless, is more than a year. */
export function spanText(ms: number): string {
  if (!(ms < longestToldMs)) return 'more than a year';
  if (ms < 90 * secondMs) return `${Math.max(0, Math.ceil(ms / secondMs))} s`;
  if (ms < 90 * minuteMs) return `${Math.round(ms / minuteMs)} min`;
  if (ms < 2 * dayMs) {
    const minutes = Math.round(ms / minuteMs);
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
  }
  return `${Math.round(ms / dayMs)} days`;
}

/** `12`, `2.5`, `0.04`: no more digits than a guess deserves. */
export function ratioText(ratio: number): string {
  if (!Number.isFinite(ratio)) return 'any number of';
  return ratio >= 10 ? String(Math.round(ratio)) : String(Number(ratio.toPrecision(2)));
}

/** `12.5 GiB`; nothing is less than none. */
export function gibText(bytes: number): string {
  const gib = Math.max(0, bytes) / 2 ** 30;
  return Number.isFinite(gib) ? `${gib.toFixed(1)} GiB` : 'any number of GiB';
}

/** `3 jobs`, `1 job`. */
export function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The first of a list of names, and how many more there are. */
export function namesText(names: readonly string[], namedMax: number): string {
  const named = names.slice(0, namedMax).join(', ');
  return names.length > namedMax ? `${named} and ${names.length - namedMax} more` : named;
}

/** A text that others have a part in, cut to what is told. */
export function cutText(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}

/** A span that may be told: whole milliseconds, neither endless nor no number. */
export function toldMs(ms: number): number {
  return ms >= 0 ? Math.round(Math.min(ms, longestToldMs)) : 0;
}
