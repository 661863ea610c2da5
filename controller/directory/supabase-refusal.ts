import type { Delivery } from '../outbox/destination.ts';
import type { RowRefused } from './supabase-rest.ts';

/**
 * What PostgreSQL will not take. Of a text that is too long, or a value that is not of a column's type, it does not say
 * which column it means: the columns that it can be are named.
 */
export function refusalOf(error: RowRefused, rows: readonly object[] = []): Delivery {
  const suspects = [...new Set(rows.flatMap((row) => suspectsOf(error.message, row)))].slice(0, suspectsMax);
  const named = suspects.length === 0 ? '' : `: ${suspects.join(', ')}`;
  return { result: 'refused', reason: `${error.message}${named}` };
}

const suspectsMax = 5;

function suspectsOf(message: string, row: object): readonly string[] {
  const longest = Number(/value too long for type character(?: varying)?\((\d+)\)/u.exec(message)?.[1]);
  const value = /invalid input (?:syntax|value) for .*: "(.*?)"/u.exec(message)?.[1];
  return Object.entries(row).flatMap(([column, written]: [string, unknown]) => {
    const text = typeof written === 'string' || typeof written === 'number' ? String(written) : undefined;
    if (text === undefined) return [];
    if (Array.from(text).length > longest) return `${column} has ${Array.from(text).length} characters`;
    return text === value ? `${column} is ${text.slice(0, 100)}` : [];
  });
}
