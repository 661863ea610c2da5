/** One page of a list, and the token of the next; empty after the last. */
export interface Page<Entry> {
  readonly entries: readonly Entry[];
  readonly nextPageToken: string;
}

/** The entries of all pages, each page asked for when it is needed. Ends after `limit` entries. */
export async function* allPages<Entry>(
  getPage: (pageToken: string) => Promise<Page<Entry>>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Entry, void, undefined> {
  let left = limit;
  let pageToken = '';
  do {
    const page = await getPage(pageToken);
    for (const entry of page.entries) {
      if (left <= 0) return;
      left -= 1;
      yield entry;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && left > 0);
}
