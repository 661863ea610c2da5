import { exitCodeCategories, type FailureCategory, type FailureRow, failureRows } from './failure-table.ts';

/** Which row explains a failure, and the line that says so; none where only the exit code told it. */
export interface Cause {
  readonly category: FailureCategory;
  readonly line?: string;
}

/** Hears line after line, and keeps little, however long FFmpeg talks. */
export interface CauseFinder {
  add(line: string): void;
  /** The row that explains best what was heard so far, by its first line. */
  cause(): Required<Cause> | undefined;
}

export function createCauseFinder(): CauseFinder {
  const found = new Map<FailureRow, string>();
  return {
    add(line) {
      if (!anyRow.test(line)) return;
      for (const row of failureRows) if (!found.has(row) && tells(row, line)) found.set(row, line.trim());
    },
    cause() {
      const row = failureRows.find((candidate) => found.has(candidate));
      return row === undefined ? undefined : { category: row.category, line: found.get(row) ?? '' };
    },
  };
}

/** The row of the table that explains these lines of FFmpeg best. */
export function findCause(lines: readonly string[]): Required<Cause> | undefined {
  const finder = createCauseFinder();
  for (const line of lines) finder.add(line);
  return finder.cause();
}

/** What the exit code says where the words say nothing. */
export function causeOfExit(exitCode: number | undefined): Cause | undefined {
  if (exitCode === undefined) return undefined;
  const category = exitCodeCategories.get(exitCode) ?? exitCodeCategories.get(lowByte(exitCode));
  return category === undefined ? undefined : { category };
}

const anyRow = new RegExp(failureRows.map(({ pattern }) => pattern.source).join('|'), 'u');
const level = /\[(?<level>quiet|panic|fatal|error|warning|info|verbose|debug|trace)\]/u;
const complaints: ReadonlySet<string> = new Set(['panic', 'fatal', 'error']);

function tells({ pattern, atAnyLevel = false }: FailureRow, line: string): boolean {
  if (!pattern.test(line)) return false;
  if (atAnyLevel) return true;
  // Without a level: the system's loader, a library, or an FFmpeg that was asked for none.
  const told = level.exec(line)?.groups?.['level'];
  return told === undefined || complaints.has(told);
}

/** Of a Windows code that is a negative number; an ordinary code is itself. */
function lowByte(exitCode: number): number {
  return exitCode > 0xffff0000 || (exitCode > 0x80000000 && exitCode < 0xc0000000)
    ? exitCode & 0xff
    : exitCode;
}
