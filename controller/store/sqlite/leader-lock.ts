import { DatabaseSync } from 'node:sqlite';

/** SQLITE_BUSY: another connection holds the lock. */
const busy = 5;

/**
 * The right to lead on a file, as a lock on an empty database beside it: the system gives it back when the process
 * ends, however it ends, and the farm's own file stays readable for backups and the curious.
 *
 * Limits: a local file system. On a network share the locks of different hosts may not see each other.
 */
export class LeaderLock {
  readonly #file: string;
  #held: DatabaseSync | undefined;

  constructor(databaseFile: string) {
    this.#file = `${databaseFile}.leader`;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** False while somebody else has it. */
  tryAcquire(): boolean {
    if (this.#held !== undefined) return true;
    const db = new DatabaseSync(this.#file, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      this.#held = db;
      return true;
    } catch (error) {
      db.close();
      if ((error as { errcode?: number }).errcode === busy) return false;
      throw error;
    }
  }

  /** Whether anybody, here or elsewhere, has it. */
  isTaken(): boolean {
    if (this.#held !== undefined) return true;
    const db = new DatabaseSync(this.#file, { timeout: 0 });
    try {
      // A read is refused while somebody writes exclusively; nothing is taken that an acquirer could trip over.
      db.prepare('SELECT 1 FROM sqlite_schema').all();
      return false;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === busy) return true;
      throw error;
    } finally {
      db.close();
    }
  }

  release(): void {
    this.#held?.close();
    this.#held = undefined;
  }
}
