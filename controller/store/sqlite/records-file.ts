import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EncodedBatch, EncodedRecord } from '../encode-batch.ts';
import type { CommitResult, Epoch } from '../port.ts';
import { inTransaction, openDatabase, readPragma, readSql } from './database.ts';
import { LeaderLock } from './leader-lock.ts';
import type { ThreadCalls, ThreadOptions } from './thread-protocol.ts';

/** The store's calls on an open file, synchronously: this is what runs in the thread. */
export class RecordsFile implements ThreadCalls {
  readonly #options: ThreadOptions;
  readonly #lock: LeaderLock;
  #open: OpenFile | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#lock = new LeaderLock(options.file);
  }

  tryLead(leaderId: string, termAtLeast: number): Epoch | undefined {
    const { db, statements } = this.#file();
    if (!this.#lock.tryAcquire()) return undefined;
    return inTransaction(db, () => {
      const term = Math.max(readFarm(statements).epoch.term, termAtLeast, 0) + 1;
      statements.takeTerm.run({ term, leaderId });
      return { term, leaderId };
    });
  }

  load(): ReturnType<ThreadCalls['load']> {
    const { db, statements } = this.#file();
    return inTransaction(db, () => {
      const { farmId, lastBatch } = readFarm(statements);
      return { farmId, lastBatch, records: statements.readRecords.all() as unknown as EncodedRecord[] };
    });
  }

  commit(batch: EncodedBatch, epoch: Epoch): CommitResult {
    const { db, statements } = this.#file();
    return inTransaction(db, () => {
      const refused = refusal(readFarm(statements), batch, epoch);
      if (refused !== undefined) return refused;
      for (const { kind, id, version, json } of batch.upserts) {
        statements.upsertRecord.run({ kind, id, version, json });
      }
      for (const { kind, id } of batch.deletes) statements.deleteRecord.run({ kind, id });
      statements.advanceChain.run({ number: batch.number, term: epoch.term, leaderId: epoch.leaderId });
      return { result: 'committed' };
    });
  }

  durability(): string {
    const { db } = this.#file();
    const full = readPragma(db, 'synchronous') >= 2;
    const mode = full
      ? 'WAL, synchronous=FULL: a commit is on disk when it is acknowledged'
      : 'synchronous is off';
    const tmpfs = statfsSync(dirname(this.#options.file)).type === 0x01021994;
    return `SQLite ${this.#options.file}, ${mode}${tmpfs ? '; but the folder is in memory (tmpfs)' : ''}`;
  }

  close(): void {
    try {
      this.#open?.db.close();
    } finally {
      this.#open = undefined;
      this.#lock.release();
    }
  }

  /** The open file. After a failure that left a transaction open it is opened anew: nothing half-done stays. */
  #file(): OpenFile {
    if (this.#open?.db.isTransaction === true) {
      this.#open.db.close();
      this.#open = undefined;
    }
    this.#open ??= openFile(this.#options);
    return this.#open;
  }
}

interface OpenFile {
  readonly db: DatabaseSync;
  readonly statements: Statements;
}

interface Statements {
  readonly readFarm: StatementSync;
  readonly takeTerm: StatementSync;
  readonly advanceChain: StatementSync;
  readonly upsertRecord: StatementSync;
  readonly deleteRecord: StatementSync;
  readonly readRecords: StatementSync;
}

function openFile(options: ThreadOptions): OpenFile {
  const db = openDatabase(options.file, options.fileBytesMax);
  return {
    db,
    statements: {
      readFarm: db.prepare(readSql('read-farm')),
      takeTerm: db.prepare(readSql('take-term')),
      advanceChain: db.prepare(readSql('advance-chain')),
      upsertRecord: db.prepare(readSql('upsert-record')),
      deleteRecord: db.prepare(readSql('delete-record')),
      readRecords: db.prepare(readSql('read-records')),
    },
  };
}

interface FarmRow {
  readonly farmId: string;
  readonly epoch: Epoch;
  readonly lastBatch: number;
  readonly lastBatchEpoch: Epoch;
}

function readFarm(statements: Statements): FarmRow {
  const row = statements.readFarm.get();
  if (row === undefined) throw new Error('The farm row is missing');
  return {
    farmId: String(row['farm_id']),
    epoch: { term: Number(row['term']), leaderId: String(row['leader_id']) },
    lastBatch: Number(row['last_batch']),
    lastBatchEpoch: {
      term: Number(row['last_batch_term']),
      leaderId: String(row['last_batch_leader_id']),
    },
  };
}

function refusal(farm: FarmRow, batch: EncodedBatch, epoch: Epoch): CommitResult | undefined {
  if (!sameEpoch(farm.epoch, epoch)) return { result: 'stale-epoch', stored: farm.epoch };
  if (farm.lastBatch === batch.previous) return undefined;
  // The very same batch again, after an answer that was lost: it is there already.
  if (farm.lastBatch === batch.number && sameEpoch(farm.lastBatchEpoch, epoch))
    return { result: 'committed' };
  return { result: 'broken-chain', lastBatch: farm.lastBatch };
}

function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.term === b.term && a.leaderId === b.leaderId;
}
