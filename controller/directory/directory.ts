/** What a user is called whom nobody can name. */
export const unknownName = 'unknown';

/** Knows who the users are. */
export interface Directory {
  /** A user's name, for folders and logs. Never empty: a user without a usable name is `unknown`. */
  username(userId: string, signal: AbortSignal): Promise<string>;
}
