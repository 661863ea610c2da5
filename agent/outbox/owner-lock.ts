import { DatabaseSync } from 'node:sqlite';

/** Another process of this PC owns the journal: two agents with one data folder would each undo the other's work. */
export class JournalOwnedError extends Error {
  override readonly name = 'JournalOwnedError';
  readonly code = 'JOURNAL_OWNED';

  constructor(path: string, cause: unknown) {
    super(`JOURNAL_OWNED: ${path} is held by another running agent; give each agent its own dataDir`, {
      cause,
    });
  }
}

/**
 * Takes the lock file, or throws JournalOwnedError. The lock is the operating system's own, held through SQLite,
 * which has the same one on Linux and Windows: it goes with its process, however that ends, so none is ever stale.
 */
export function takeOwnerLock(path: string): { release(): void } {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE;');
  } catch (error) {
    database.close();
    throw new JournalOwnedError(path, error);
  }
  let isHeld = true;
  return {
    release() {
      if (isHeld) database.close();
      isHeld = false;
    },
  };
}
