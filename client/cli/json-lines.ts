/**
 * One line of JSON: a view of the library with its fields in snake_case, as in job files; times are ISO 8601 in UTC,
 * lengths say their unit in their name.
 */
export function jsonLine(value: unknown): string {
  return shownJson(snakeCased(value));
}

/** What moves the cursor of a terminal, or turns a line around, is written as an escape: it means the same. */
export function shownJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeCase(key), snakeCased(inner)]));
}

/** `enable4k` is `enable_4k`, `finalDurationMs` is `final_duration_ms`. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=\d)|(?=[A-Z])/g, '_').toLowerCase();
}
