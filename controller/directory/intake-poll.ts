import { FarmError, farmErrors } from '../domain/errors.ts';
import type { IntakeOptions } from './intake.ts';
import { DirectoryAway, type RowHead } from './intake-table.ts';
import { hasNoItems, namedByPosition, readStoredJob, type StoredJob, specOfStored } from './stored-job.ts';
import { farmMark } from './supabase-rows.ts';
import { storable } from './supabase-text.ts';

export interface IntakePollOptions extends IntakeOptions {
  /** Rows that are asked for at a time. */
  readonly pageRows: number;
  readonly log: IntakeLog;
}

export interface IntakeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What a round has done. */
export interface Round {
  readonly submitted: number;
  /** Rows that were marked as failed. */
  readonly failed: number;
  /** Claimed rows that could not be submitted yet. */
  readonly waiting: number;
}

/** Pages of new rows in one round: a long queue is taken in over several. */
const pagesMax = 10;
/** Rows of ours that are found by one look: the rest by the next round's. */
const takenMax = 1_000;
/** A row without items may be one whose items are being inserted: ms. */
const itemsGraceMs = 60_000;
/** Users who are passed over in one query; behind that many the farm is as good as full. */
const fullUsersMax = 50;
/** Tries of a row that fails in a way that nobody expected, before it is left for people. */
const triesMax = 5;
const whyCharactersMax = 2_000;

/** A row of ours that is not in the farm yet. */
interface Claimed extends RowHead {
  readonly sinceMs: number;
  readonly tries: number;
}

/** The farm takes no more jobs just now: of this user, or of nobody. */
class Full extends Error {
  readonly ofUser: boolean;
  constructor(ofUser: boolean) {
    super('full');
    this.ofUser = ofUser;
  }
}

/**
 * Takes queued rows that nobody has submitted, for one leadership. A row is claimed by a conditional update, then
 * submitted; one that is claimed and not in the farm (a crash in between, a lost reply, a full farm) is found again by its
 * claim. Nothing is kept outside the table and the farm's store.
 */
export class IntakePoll {
  readonly #options: IntakePollOptions;
  readonly #claimed = new Map<string, Claimed>();
  readonly #leftForPeople = new Set<string>();
  #lookForTaken = true;

  constructor(options: IntakePollOptions) {
    this.#options = options;
  }

  /** One round: first what is ours, oldest first, then what is new. @throws DirectoryAway, FarmError */
  async round(signal: AbortSignal): Promise<Round> {
    const done = { submitted: 0, failed: 0 };
    const fullUsers = new Set<string>();
    if (this.#lookForTaken) await this.#findTaken(signal);
    const isFull = (await this.#takeClaimed(done, fullUsers, signal)) === 'full';
    if (!isFull) await this.#takeNew(done, fullUsers, signal);
    return { ...done, waiting: this.#claimed.size };
  }

  /** Rows that were claimed and are not in the farm: by a process before us, or by a claim whose reply was lost. */
  async #findTaken(signal: AbortSignal): Promise<void> {
    const { rows, claims, pageRows } = this.#options;
    const found: RowHead[] = [];
    let after = '';
    while (found.length < takenMax) {
      const page = await rows.taken(claims.claimant, { limit: pageRows, after }, signal);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.jobId;
      for (const row of page) {
        if (this.#claimed.has(row.jobId) || this.#leftForPeople.has(row.jobId)) continue;
        if (!(await this.#isKnown(row.jobId))) found.push(row);
      }
    }
    this.#lookForTaken = found.length >= takenMax;
    found.sort((a, b) => (a.createdAtMs ?? 0) - (b.createdAtMs ?? 0));
    for (const row of found) this.#keep(row);
  }

  /** A job that was rendered in shadow is not: the farm refuses it, and its row says so then. */
  async #isKnown(jobId: string): Promise<boolean> {
    try {
      return (await this.#options.farm.known(jobId)) !== undefined;
    } catch (error) {
      if (error instanceof FarmError && error.code === 'JOB_IN_SHADOW') return false;
      throw error;
    }
  }

  async #takeClaimed(
    done: { submitted: number; failed: number },
    fullUsers: Set<string>,
    signal: AbortSignal,
  ): Promise<'full' | 'room'> {
    for (const row of [...this.#claimed.values()]) {
      if (fullUsers.has(row.userId)) continue;
      if ((await this.#take(row, done, fullUsers, signal)) === 'full') return 'full';
    }
    return 'room';
  }

  async #takeNew(
    done: { submitted: number; failed: number },
    fullUsers: Set<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { rows, pageRows } = this.#options;
    // Rows that stay in front of the others: the next page begins behind them.
    const left: RowHead[] = [];
    for (let page = 0; page < pagesMax && fullUsers.size < fullUsersMax; page += 1) {
      const offset = left.filter(({ userId }) => !fullUsers.has(userId)).length;
      const found = await rows.unclaimed({ limit: pageRows, offset, notOfUsers: [...fullUsers] }, signal);
      for (const row of found) {
        // In order: what a user has behind a row that found no room waits, and is not claimed.
        if (fullUsers.has(row.userId)) continue;
        if (!this.#leftForPeople.has(row.jobId) && (await this.#claim(row, signal))) {
          const kept = this.#keep(row);
          if ((await this.#take(kept, done, fullUsers, signal)) === 'full') return;
        }
        if (this.#leftForPeople.has(row.jobId)) left.push(row);
      }
      if (found.length === 0) return;
    }
  }

  async #claim({ jobId }: RowHead, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#options.claims.claim(jobId, signal, farmMark);
    } catch (error) {
      // Its reply may have been lost: then it is ours, and looked for.
      this.#lookForTaken = true;
      if (error instanceof DirectoryAway || error instanceof FarmError || signal.aborted) throw error;
      this.#leave(jobId, error, 'a queued row cannot be claimed: it is left for people');
      return false;
    }
  }

  #keep(row: RowHead): Claimed {
    const kept = { ...row, sinceMs: this.#options.rules.nowMs(), tries: 0 };
    this.#claimed.set(row.jobId, kept);
    return kept;
  }

  /** Submits a row of ours; `full`: nobody's jobs are taken any more in this round. */
  async #take(
    row: Claimed,
    done: { submitted: number; failed: number },
    fullUsers: Set<string>,
    signal: AbortSignal,
  ): Promise<'full' | 'room'> {
    try {
      const what = await this.#submit(row, signal);
      if (what === 'kept') return 'room';
      this.#claimed.delete(row.jobId);
      if (what !== 'gone') done[what] += 1;
      return 'room';
    } catch (error) {
      if (error instanceof Full) {
        if (!error.ofUser) return 'full';
        fullUsers.add(row.userId);
        return 'room';
      }
      if (error instanceof DirectoryAway || error instanceof FarmError || signal.aborted) throw error;
      this.#countTry(row, error);
      return 'room';
    }
  }

  async #submit(row: Claimed, signal: AbortSignal): Promise<'submitted' | 'failed' | 'gone' | 'kept'> {
    const { farm, rows, claims, rules } = this.#options;
    try {
      if ((await farm.known(row.jobId)) !== undefined) return 'gone';
      const stored = await readStoredJob(rows, row.jobId, signal);
      const { status, claimedBy } = stored.state;
      if (status !== 'queued' || claimedBy !== claims.claimant) return 'gone';
      await this.#submitStored(stored, signal);
      return 'submitted';
    } catch (error) {
      if (!(error instanceof FarmError)) throw error;
      if (error.code === 'JOB_NOT_FOUND') return 'gone';
      if (error.code === 'TOO_MANY_JOBS') throw new Full(error.resource !== undefined);
      // What may be otherwise in a moment is tried again; the rest is wrong with the job, whenever it is submitted.
      if (farmErrors[error.code].retry) throw error;
      if (hasNoItems(error) && rules.nowMs() - row.sinceMs < itemsGraceMs) return 'kept';
      return await this.#fail(row.jobId, error, signal);
    }
  }

  async #submitStored(stored: StoredJob, signal: AbortSignal): Promise<void> {
    const { farm, rows, rules, log } = this.#options;
    const spec = await specOfStored(rows, stored, rules, signal);
    try {
      await farm.submit({ requestId: '', spec, validateOnly: false, jobIdMade: false });
    } catch (error) {
      throw error instanceof FarmError ? namedByPosition(error, spec) : error;
    }
    log.info({ jobId: stored.jobId }, 'a queued row was taken and submitted');
  }

  async #fail(jobId: string, { code, message }: FarmError, signal: AbortSignal): Promise<'failed' | 'gone'> {
    const why = storable(message).slice(0, whyCharactersMax);
    const isOurs = await this.#options.claims.markFailed(jobId, why, signal);
    this.#options.log.warn({ jobId, code, why }, 'a queued row cannot be rendered: it is marked as failed');
    return isOurs ? 'failed' : 'gone';
  }

  #countTry(row: Claimed, error: unknown): void {
    const tries = row.tries + 1;
    if (tries < triesMax) {
      this.#claimed.set(row.jobId, { ...row, tries });
      return;
    }
    this.#claimed.delete(row.jobId);
    const message =
      'a queued row of ours is left for people: it can be neither submitted nor marked as failed';
    this.#leave(row.jobId, error, message);
  }

  #leave(jobId: string, error: unknown, message: string): void {
    this.#leftForPeople.add(jobId);
    this.#options.log.warn({ jobId, err: error }, message);
  }
}
