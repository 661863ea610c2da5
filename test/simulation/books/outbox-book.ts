import type { JobRecord } from '../../../controller/domain/job.ts';
import type { DestinationName } from '../../../controller/domain/outbox.ts';
import type { OutboxItem } from '../../../controller/outbox/destination.ts';
import type { World } from '../world.ts';
import type { Book, Change } from './book.ts';
import type { JobBook } from './job-book.ts';

interface Telling {
  readonly revision: bigint;
  /** Which of the job's records it was, in the order in which they became durable. */
  readonly version: number;
}

/** What a place outside holds of a job: the newest that came, by its revision. */
export interface Kept {
  readonly revision: bigint;
  readonly state: JobRecord['state'];
}

/** What all destinations hold, wherever it came from. */
export interface Outside {
  readonly kept: ReadonlyMap<DestinationName, ReadonlyMap<string, Kept>>;
  /** How often a row of each end was taken in, by job and end: a row that is there is not taken in again. */
  readonly results: ReadonlyMap<string, number>;
}

/** What is told outside is durable, newer under a newer revision, and in the end the newest that there is. */
export class OutboxBook implements Book {
  readonly #world: World;
  readonly #jobs: JobBook;
  readonly #versions = new Map<string, Map<string, number>>();
  readonly #told = new Map<string, Telling[]>();
  #count = 0;

  constructor(world: World, jobs: JobBook) {
    this.#world = world;
    this.#jobs = jobs;
  }

  committed({ upserts }: Change): void {
    for (const { kind, body } of upserts) {
      if (kind !== 'job') continue;
      const job = body as JobRecord;
      const versions = this.#versions.get(job.jobId) ?? new Map<string, number>();
      this.#versions.set(job.jobId, versions.set(looksOf(job), ++this.#count));
    }
  }

  /** A leader hands a job to a destination. */
  told(destination: DestinationName, { job, revision }: OutboxItem): void {
    const { jobId, state } = job;
    if (this.#jobs.rolledBack.has(jobId)) return;
    const version = this.#versions.get(jobId)?.get(looksOf(job));
    if (version === undefined)
      this.#world.violated('what is told is durable', `${destination} hears that ${jobId} is ${state}`);
    const telling = { revision: BigInt(revision), version };
    const others = this.#told.get(`${destination}/${jobId}`) ?? [];
    for (const other of others) {
      if (other.revision === telling.revision)
        this.#world.violated('a revision is given once', `${destination} of ${jobId}: ${revision}`);
      if (other.revision < telling.revision === other.version <= telling.version) continue;
      if (other.version === telling.version) continue;
      this.#world.violated(
        'newer revisions are newer',
        `${destination} of ${jobId}: ${revision} is ${state}`,
      );
    }
    this.#told.set(`${destination}/${jobId}`, [...others, telling]);
  }

  /** All is quiet: nobody outside has anything else than the farm has. */
  finish({ kept, results }: Outside): void {
    for (const jobId of this.#jobs.acked) {
      const state = this.#jobs.ended.get(jobId);
      if (state === undefined) continue;
      for (const destination of ['directory', 'history'] as const) {
        const there = kept.get(destination)?.get(jobId)?.state ?? 'unknown';
        if (there !== state)
          this.#world.violated('the newest is told', `${jobId} is ${state}, ${destination} has ${there}`);
      }
      this.#checkResults(jobId, state, results);
    }
  }

  #checkResults(jobId: string, state: JobRecord['state'], results: Outside['results']): void {
    const rows = [...results].filter(([key]) => key.startsWith(`${jobId}/`));
    const twice = rows.some(([, times]) => times !== 1);
    const expected = state === 'published' ? 1 : 0;
    // A tail that was lost may have taken an end with it that was told already.
    const isRight = this.#jobs.rolledBack.has(jobId) ? rows.length >= expected : rows.length === expected;
    if (twice || !isRight)
      this.#world.violated('one result for each end', `${jobId} is ${state}: ${JSON.stringify(rows)}`);
  }
}

/** Tells one record of a job from another. */
function looksOf({ state, timeline, attemptCount, estimateMs, agentId = '' }: JobRecord): string {
  return [state, timeline.length, timeline.at(-1)?.atMs, attemptCount, estimateMs, agentId].join('|');
}
