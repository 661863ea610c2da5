import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { asciiLower } from '../../domain/ascii-lower.ts';
import {
  type ListedRow,
  type PastFilter,
  type PastLimits,
  type PastPlace,
  type PastRow,
  type PastTable,
} from '../past-rows.ts';
import { type FileKind, inTransaction, openDatabase, readSql } from './database.ts';
import type { ThreadOptions } from './thread-protocol.ts';

const pastKind: FileKind = {
  applicationId: 0x52466869, // `RFhi`
  schemas: ['past-schema'],
};

/** What the thread of a past file can be asked, and what it answers. */
export interface PastCalls {
  readonly put: (table: PastTable, rows: readonly PastRow[]) => void;
  readonly get: (table: PastTable, id: string) => Pick<PastRow, 'summary' | 'detail'> | undefined;
  readonly list: (
    table: PastTable,
    filter: PastFilter,
    size: number,
    after: PastPlace | undefined,
  ) => readonly ListedRow[];
  readonly expire: (table: PastTable, limits: PastLimits) => number;
  readonly close: () => void;
}

/** The tables of the past in their file, synchronously: this is what runs in the thread. */
export class PastFile implements PastCalls {
  readonly #options: ThreadOptions;
  #open: OpenFile | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  put(pastTable: PastTable, rows: readonly PastRow[]): void {
    this.#use(({ db, put }) =>
      inTransaction(db, () => {
        for (const row of rows) put.run({ pastTable, ...row });
      }),
    );
  }

  get(pastTable: PastTable, id: string): Pick<PastRow, 'summary' | 'detail'> | undefined {
    const row = this.#use(({ get }) => get.get({ pastTable, id }));
    return row && { summary: String(row['summary']), detail: String(row['detail']) };
  }

  list(
    pastTable: PastTable,
    filter: PastFilter,
    size: number,
    after: PastPlace | undefined,
  ): readonly ListedRow[] {
    const place = {
      afterEndedAtMs: after?.endedAtMs ?? Number.MAX_SAFE_INTEGER,
      afterId: after?.id ?? '',
    };
    const values = { pastTable, size, ...place, ...valuesOf(filter) };
    return this.#use(({ list }) => list.all(values)).map((row) => ({
      endedAtMs: Number(row['ended_at_ms']),
      id: String(row['id']),
      summary: String(row['summary']),
    }));
  }

  expire(pastTable: PastTable, { endedBeforeMs, rowsMax, sliceMax }: PastLimits): number {
    return this.#use(({ db, count, expire }) =>
      inTransaction(db, () => {
        const excess = Number(count.get({ pastTable })?.['rows']) - rowsMax;
        const everything = Number.MAX_SAFE_INTEGER;
        const gone =
          excess > 0
            ? expire.run({ pastTable, endedBeforeMs: everything, rows: Math.min(excess, sliceMax) }).changes
            : 0;
        const left = sliceMax - Number(gone);
        return Number(gone) + Number(expire.run({ pastTable, endedBeforeMs, rows: left }).changes);
      }),
    );
  }

  close(): void {
    this.#open?.db.close();
    this.#open = undefined;
  }

  /** After any failure the file is opened anew: a person may have put another one in its place. */
  #use<T>(act: (file: OpenFile) => T): T {
    try {
      this.#open ??= openFile(this.#options);
      return act(this.#open);
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

interface OpenFile {
  readonly db: DatabaseSync;
  readonly put: StatementSync;
  readonly get: StatementSync;
  readonly list: StatementSync;
  readonly count: StatementSync;
  readonly expire: StatementSync;
}

function openFile({ file, fileBytesMax }: ThreadOptions): OpenFile {
  const db = openDatabase(file, fileBytesMax, pastKind);
  return {
    db,
    put: db.prepare(readSql('put-past-row')),
    get: db.prepare(readSql('get-past-row')),
    list: db.prepare(readSql('list-past-rows')),
    count: db.prepare(readSql('count-past-rows')),
    expire: db.prepare(readSql('expire-past-rows')),
  };
}

function valuesOf(filter: PastFilter): Record<string, SQLInputValue> {
  const { states = [], channelText } = filter;
  return {
    userId: filter.userId ?? null,
    queue: filter.queue ?? null,
    agentId: filter.agentId ?? null,
    states: states.length === 0 ? null : JSON.stringify(states),
    channelText: channelText === undefined ? null : asciiLower(channelText),
    endedFromMs: filter.endedFromMs ?? Number.MIN_SAFE_INTEGER,
    endedBeforeMs: filter.endedBeforeMs ?? Number.MAX_SAFE_INTEGER,
  };
}
