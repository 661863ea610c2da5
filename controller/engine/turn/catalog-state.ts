/** What is asked of the catalogue; lives in memory: whoever leads next asks again. */
export interface CatalogState {
  /** The one question that is under way. */
  asking:
    | { readonly askId: string; readonly jobIds: ReadonlySet<string>; readonly sinceMs: number }
    | undefined;
  /** Questions in a row that were not answered; 0: it is there, for all that is known. */
  failures: number;
  /** Not asked before. */
  nextAskMs: number;
  /** Jobs that are about to start or to be announced, and were looked up some time ago. */
  readonly wanted: Set<string>;
  /** Number of the next question of this leadership. */
  nextAsk: number;
}

export function nothingAsked(): CatalogState {
  return { asking: undefined, failures: 0, nextAskMs: 0, wanted: new Set(), nextAsk: 1 };
}
