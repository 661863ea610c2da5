/** The calendar date in a zone, `YYYY-MM-DD`: the name of a day's folder under logs/. */
export function dateInZone(atMs: number, timeZone: string): string {
  // The Swedish locale writes ISO 8601 dates.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(atMs);
}
