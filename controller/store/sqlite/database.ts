import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreIncompatible } from '../port.ts';

/** What a file of ours is for, and how its tables came to be. */
export interface FileKind {
  /** Tells it from every other SQLite database. */
  readonly applicationId: number;
  /** Files of SQL: what each schema adds to the one before it; the last is what this release knows. */
  readonly schemas: readonly string[];
  /** Once, in a file that was just made. */
  readonly fill?: (db: DatabaseSync) => void;
}

export function readSql(name: string): string {
  return readFileSync(join(import.meta.dirname, 'sql', `${name}.sql`), 'utf8');
}

/**
 * Opens a database, made at first use, in the mode in which a commit is on the disk when it returns.
 * @throws StoreIncompatible for a file of a later release, or of something else
 */
export function openDatabase(file: string, fileBytesMax: number, kind: FileKind): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file, { timeout: 2_000 });
  try {
    refuseForeign(db, file, kind);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;');
    const pageBytes = readPragma(db, 'page_size');
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`);
    createSchema(db, kind);
    return db;
  } catch (error) {
    db.close();
    if (isNoDatabase(error)) throw new StoreIncompatible(`${file}: ${error.message}`);
    throw error;
  }
}

/** SQLITE_NOTADB: whoever waits for it to become one waits for ever. */
function isNoDatabase(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && error.errcode === 26;
}

/** Runs `act` as one transaction that is there as a whole, or not at all. */
export function inTransaction<T>(db: DatabaseSync, act: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = act();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk or a failed write has often rolled back by itself.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** The value of a pragma that is a number. */
export function readPragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function refuseForeign(db: DatabaseSync, file: string, { applicationId, schemas }: FileKind): void {
  const version = readPragma(db, 'user_version');
  const owner = readPragma(db, 'application_id');
  if (owner !== applicationId && (owner !== 0 || version !== 0 || hasTables(db))) {
    throw new StoreIncompatible(`${file} is a database of another program`);
  }
  if (version > schemas.length) {
    throw new StoreIncompatible(
      `${file} was written by a later release (schema ${version}; this release knows ${schemas.length})`,
    );
  }
}

function hasTables(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined;
}

/** Makes an empty file ours, and an older schema the present one. */
function createSchema(db: DatabaseSync, { applicationId, schemas, fill }: FileKind): void {
  inTransaction(db, () => {
    const version = readPragma(db, 'user_version');
    if (version === schemas.length) return;
    for (const schema of schemas.slice(version)) db.exec(readSql(schema));
    if (version === 0) fill?.(db);
    db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemas.length};`);
  });
}
