import { type Directory, unknownName } from './directory.ts';

const usernameCharsMax = 128;

/** The embedded directory: names from the configuration; a user who is not in it is called by the id. */
export function configuredDirectory(users: Readonly<Record<string, string>>): Directory {
  const names = new Map(Object.entries(users));
  return {
    username: (userId, signal) => {
      signal.throwIfAborted();
      return Promise.resolve(printable(names.get(userId)) ?? printable(userId) ?? unknownName);
    },
  };
}

/** Undefined for what nobody could read: empty, only spaces, or with control characters. */
function printable(name: string | undefined): string | undefined {
  const trimmed = name?.trim() ?? '';
  return trimmed === '' || trimmed.length > usernameCharsMax || /\p{C}/u.test(trimmed) ? undefined : trimmed;
}
