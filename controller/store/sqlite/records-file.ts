import { randomUUID } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EncodedBatch, EncodedRecord } from '../encode-batch.ts';
import {
  type CommitResult,
  type Durability,
  type Epoch,
  type LeaderInfo,
  type RewriteResult,
  sameEpoch,
} from '../port.ts';
import { type FileKind, inTransaction, openDatabase, readPragma, readSql } from './database.ts';
import { LeaderLock } from './leader-lock.ts';
import type { Candidate, Led, ThreadCalls, ThreadOptions } from './thread-protocol.ts';

/** The farm's own file. */
const farmFile: FileKind = {
  applicationId: 0x5246726d, // `RFrm`
  schemas: ['schema', 'schema-2'],
  fill: (db) => void db.prepare(readSql('create-farm')).run({ farmId: randomUUID() }),
};

/** The store's calls on an open file, synchronously: this is what runs in the thread. */
export class RecordsFile implements ThreadCalls {
  readonly #options: ThreadOptions;
  readonly #lock: LeaderLock;
  #open: OpenFile | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#lock = new LeaderLock(options.file);
  }

  tryLead({ leaderId, termAtLeast, addresses }: Candidate): Led | undefined {
    const { db, statements } = this.#file();
    if (!this.#lock.tryAcquire()) return undefined;
    return inTransaction(db, () => {
      const term = Math.max(readFarm(statements).epoch.term, termAtLeast, 0) + 1;
      statements.takeTerm.run({ term, leaderId, addresses: JSON.stringify(addresses) });
      const { epoch, otherEpoch, lastBatch } = readFarm(statements);
      return { epoch, otherEpoch, lastBatch };
    });
  }

  leader(): LeaderInfo | undefined {
    const { statements } = this.#file();
    const { epoch, addresses } = readFarm(statements);
    return this.#lock.isTaken() && epoch.term > 0 ? { epoch, addresses } : undefined;
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

  stage(piece: readonly EncodedRecord[], first: boolean): void {
    const { db, statements } = this.#file();
    inTransaction(db, () => {
      if (first) statements.clearStaged.run();
      for (const { kind, id, version, json } of piece)
        statements.stageRecord.run({ kind, id, version, json });
    });
  }

  takeStaged(whole: { readonly farmId: string; readonly number: number }, epoch: Epoch): RewriteResult {
    const { db, statements } = this.#file();
    return inTransaction(db, () => {
      const stored = readFarm(statements).epoch;
      if (!sameEpoch(stored, epoch)) return { result: 'stale-epoch', stored };
      statements.clearRecords.run();
      statements.takeStaged.run();
      statements.clearStaged.run();
      statements.renameFarm.run({ farmId: whole.farmId });
      statements.advanceChain.run({ number: whole.number, term: epoch.term, leaderId: epoch.leaderId });
      return { result: 'committed' };
    });
  }

  durability(): Durability {
    const { db } = this.#file();
    const full = readPragma(db, 'synchronous') >= 2;
    const mode = full
      ? 'synchronous=FULL: a commit is on disk when it is acknowledged'
      : 'synchronous is off';
    const description = `SQLite ${this.#options.file}, WAL, ${mode}`;
    const tmpfs = statfsSync(dirname(this.#options.file)).type === 0x01021994;
    const warnings = [
      ...(full ? [] : ['synchronous is off: a power cut loses acknowledged jobs']),
      ...(tmpfs
        ? [`${dirname(this.#options.file)} is in memory (tmpfs): a restart of the machine loses all`]
        : []),
    ];
    return { description, warnings };
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
  readonly stageRecord: StatementSync;
  readonly clearStaged: StatementSync;
  readonly clearRecords: StatementSync;
  readonly takeStaged: StatementSync;
  readonly renameFarm: StatementSync;
}

function openFile(options: ThreadOptions): OpenFile {
  const db = openDatabase(options.file, options.fileBytesMax, farmFile);
  return {
    db,
    statements: {
      readFarm: db.prepare(readSql('read-farm')),
      takeTerm: db.prepare(readSql('take-term')),
      advanceChain: db.prepare(readSql('advance-chain')),
      upsertRecord: db.prepare(readSql('upsert-record')),
      deleteRecord: db.prepare(readSql('delete-record')),
      readRecords: db.prepare(readSql('read-records')),
      stageRecord: db.prepare(readSql('stage-record')),
      clearStaged: db.prepare(readSql('clear-staged')),
      clearRecords: db.prepare(readSql('clear-records')),
      takeStaged: db.prepare(readSql('take-staged')),
      renameFarm: db.prepare(readSql('rename-farm')),
    },
  };
}

interface FarmRow {
  readonly farmId: string;
  readonly epoch: Epoch;
  readonly otherEpoch: Epoch;
  readonly addresses: readonly string[];
  readonly lastBatch: number;
  readonly lastBatchEpoch: Epoch;
}

function readFarm(statements: Statements): FarmRow {
  const row = statements.readFarm.get();
  if (row === undefined) throw new Error('The farm row is missing');
  return {
    farmId: String(row['farm_id']),
    epoch: { term: Number(row['term']), leaderId: String(row['leader_id']) },
    otherEpoch: { term: Number(row['other_term']), leaderId: String(row['other_leader_id']) },
    addresses: JSON.parse(String(row['addresses'])) as readonly string[],
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
