import { LRUCache } from 'lru-cache';
import { FarmError, farmErrors } from '../domain/errors.ts';
import type { IntakeFarm } from './intake.ts';
import type { IntakeLog } from './intake-poll.ts';
import type { IntakeRows, RowHead } from './intake-table.ts';
import {
  hasNoItems,
  namedByPosition,
  readStoredJob,
  type StoredJobRules,
  specOfStored,
} from './stored-job.ts';
import { farmMark } from './supabase-rows.ts';

/** A job of the other farm that ours would not take. */
export interface RefusedCopy {
  readonly jobId: string;
  readonly why: string;
}

export interface ShadowPollOptions {
  readonly farm: IntakeFarm;
  readonly rows: IntakeRows;
  readonly rules: StoredJobRules;
  readonly pageRows: number;
  readonly log: IntakeLog;
  /** When the newest copy was taken (Unix ms), by whichever controller; undefined: none was. */
  readonly newestCopyMs: () => Promise<number | undefined>;
  /** For the report; shared by the leaderships of this process. */
  readonly refused: LRUCache<string, RefusedCopy>;
}

const pagesMax = 10;
/** A row may become visible later than another that was created after it: ms. */
const overlapMs = 120_000;
/** What a controller before this one may not have copied yet, because it was full or stood still: ms. */
const lookBackMs = 3_600_000;
const itemsGraceMs = 60_000;
const seenMax = 20_000;
/** What the other farm renders, or has; what it failed or a person cancelled is no job to compare. */
const copied: ReadonlySet<string> = new Set(['queued', 'processing', 'completed']);

export function refusedCopies(): LRUCache<string, RefusedCopy> {
  return new LRUCache({ max: 1_000 });
}

/** How far the rows were looked at. */
interface Place {
  sinceMs: number;
  /** Rows behind that. */
  offset: number;
  /** Of all that were seen, when the newest was created. */
  newestMs: number;
}

/**
 * Takes copies of the jobs of the farm that is there beside ours, for one leadership: it reads, and has nothing to write
 * with. A copy has the id of its row, so that it is taken once, and that both can be compared.
 */
export class ShadowPoll {
  readonly #options: ShadowPollOptions;
  readonly #seen = new LRUCache<string, true>({ max: seenMax });
  /** Rows without items, and since when they are known to be so. */
  readonly #empty = new LRUCache<string, number>({ max: seenMax });
  #from: Place | undefined;

  constructor(options: ShadowPollOptions) {
    this.#options = options;
  }

  /** @throws DirectoryAway, FarmError */
  async round(signal: AbortSignal): Promise<{ readonly submitted: number }> {
    const { rows, pageRows } = this.#options;
    const from = this.#from ?? (await this.#begin());
    this.#from = from;
    let submitted = 0;
    for (let page = 0; page < pagesMax; page += 1) {
      const found = await rows.ofOtherFarm({ ...from, limit: pageRows }, signal);
      for (const row of found) {
        const what = await this.#take(row, signal);
        // The same page again: what was taken of it is known by then.
        if (what === 'full') return { submitted };
        if (what === 'submitted') submitted += 1;
        from.newestMs = Math.max(from.newestMs, row.createdAtMs ?? 0);
      }
      from.offset += found.length;
      if (found.length === 0) {
        // At the end it goes a little back: rows come in between.
        from.sinceMs = Math.max(from.sinceMs, from.newestMs - overlapMs);
        from.offset = 0;
        break;
      }
    }
    return { submitted };
  }

  async #begin(): Promise<Place> {
    const newestMs = await this.#options.newestCopyMs();
    const sinceMs = newestMs === undefined ? this.#options.rules.nowMs() : newestMs - lookBackMs;
    return { sinceMs, offset: 0, newestMs: 0 };
  }

  async #take({ jobId, status }: RowHead, signal: AbortSignal): Promise<'submitted' | 'passed' | 'full'> {
    if (this.#seen.has(jobId) || !copied.has(status)) return 'passed';
    const { farm } = this.#options;
    if ((await farm.known(jobId.toLowerCase())) === undefined) {
      try {
        if (!(await this.#copy(jobId, signal))) return 'passed';
        this.#seen.set(jobId, true);
        return 'submitted';
      } catch (error) {
        if (!(error instanceof FarmError)) throw error;
        if (error.code === 'TOO_MANY_JOBS') return 'full';
        if (farmErrors[error.code].retry) throw error;
        if (hasNoItems(error) && this.#isNew(jobId)) return 'passed';
        this.#refuse(jobId, error);
      }
    }
    this.#seen.set(jobId, true);
    return 'passed';
  }

  async #copy(jobId: string, signal: AbortSignal): Promise<boolean> {
    const { farm, rows, rules, log } = this.#options;
    const stored = await readStoredJob(rows, jobId, signal);
    if (stored.state.farm === farmMark) {
      // Of a farm like ours, which is not what is compared.
      this.#seen.set(jobId, true);
      return false;
    }
    const spec = await specOfStored(rows, stored, rules, signal);
    try {
      await farm.submit({ requestId: '', spec, validateOnly: false, jobIdMade: false });
    } catch (error) {
      throw error instanceof FarmError ? namedByPosition(error, spec) : error;
    }
    log.info({ jobId }, 'a copy of a job of the other farm was taken');
    return true;
  }

  #isNew(jobId: string): boolean {
    const nowMs = this.#options.rules.nowMs();
    const sinceMs = this.#empty.get(jobId) ?? nowMs;
    this.#empty.set(jobId, sinceMs);
    return nowMs - sinceMs < itemsGraceMs;
  }

  #refuse(jobId: string, { code, message }: FarmError): void {
    const { refused, log } = this.#options;
    const why = message.slice(0, 500);
    refused.set(jobId, { jobId, why });
    log.warn({ jobId, code, why }, 'a job of the other farm cannot be rendered here');
  }
}
