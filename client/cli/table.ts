import { safeText } from './format.ts';

/** Lines of a table: columns as wide as their widest cell, the last one not padded. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows.map((row) => row.map((cell) => safeText(cell === '' ? '-' : cell)))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => textWidth(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - textWidth(cell)))
      .join('  ')
      .trimEnd(),
  );
}

/** Columns on a terminal: wide for East Asian characters and emoji. */
function textWidth(text: string): number {
  return [...new Intl.Segmenter().segment(text)].reduce(
    (width, { segment }) =>
      width +
      (/[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u.test(
        segment,
      )
        ? 2
        : 1),
    0,
  );
}
