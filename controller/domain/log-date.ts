/** Making a formatter costs as much as a hundred uses of it; a controller has one zone, its tests a few. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const formattersMax = 100;

/** The calendar date in a zone, `YYYY-MM-DD`: the name of a day's folder under logs/. */
export function dateInZone(atMs: number, timeZone: string): string {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    if (formatters.size >= formattersMax) formatters.clear();
    // The Swedish locale writes ISO 8601 dates.
    formatter = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
    formatters.set(timeZone, formatter);
  }
  return formatter.format(atMs);
}
