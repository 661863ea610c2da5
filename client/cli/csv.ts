/** A value of a cell. */
export type Cell = string | number | boolean | Date | null | readonly string[];

/**
 * A line of CSV as RFC 4180 has it. A text that a spreadsheet would take for a formula gets an apostrophe before it:
 * names come from whoever submits jobs, and are opened by whoever does the accounts.
 */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(cellText).join(',');
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  if (cell instanceof Date) return cell.toISOString();
  return quoted(harmless(visible(typeof cell === 'string' ? cell : cell.join(' '))));
}

/** An error may quote what a file says: it moves no cursor, and hides nothing from who reads the line. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\t\r\n]/gu, '\uFFFD');
}

/** Spreadsheets skip white space before a formula, and read full-width signs as plain ones. */
function harmless(text: string): string {
  return /^[\s\0]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20|%]|^[\t\r\n]/u.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  return /[",;\r\n\t]|^\s|\s$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
