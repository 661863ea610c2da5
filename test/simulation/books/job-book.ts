import { keyOf } from '../../../agent/core/journal-fold.ts';
import type { AttemptRecord } from '../../../controller/domain/attempt.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { hasEnded } from '../../../controller/domain/job-states.ts';
import type { Input } from '../../../controller/engine/turn/inputs.ts';
import type { FarmState, TombstoneRecord } from '../../../controller/engine/turn/state.ts';
import type { Outcome } from '../../../proto/agent-link.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { World } from '../world.ts';
import type { Book, Change } from './book.ts';

/** What a job has cost so far, by its attempts. */
interface Costs {
  charged: number;
  lost: number;
}

/** Jobs as they are durable: none that was acknowledged is lost, what has ended stays so, every attempt ends once. */
export class JobBook implements Book {
  readonly #world: World;
  readonly #acked = new Set<string>();
  readonly #ackedCancels = new Set<string>();
  readonly #ended = new Map<string, JobRecord['state']>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #told = new Map<string, Outcome>();
  readonly #costs = new Map<string, Costs>();
  readonly #reopened = new Map<string, number>();
  readonly #badLuck = new Set<string>();
  /** Jobs that a lost tail took from the store, until somebody has them again. */
  readonly #missing = new Set<string>();
  /** Jobs that nobody is left to know of: the store lost them after it had said that they were safe. */
  readonly excused = new Set<string>();
  /** Jobs whose records went back with a lost tail. */
  readonly rolledBack = new Set<string>();
  readonly jobs = new Map<string, JobRecord>();

  constructor(world: World) {
    this.#world = world;
  }

  get acked(): ReadonlySet<string> {
    return this.#acked;
  }

  get ended(): ReadonlyMap<string, JobRecord['state']> {
    return this.#ended;
  }

  /** A job that had bad luck on an agent may wait for another one. */
  hadBadLuck(jobId: string, agentId: string): boolean {
    return this.#badLuck.has(`${jobId} ${agentId}`);
  }

  /** A client was told that its job is taken. */
  jobAcked(jobId: string): void {
    if (this.excused.has(jobId)) return;
    this.#acked.add(jobId);
    if (!this.jobs.has(jobId) && !this.#missing.has(jobId))
      this.#world.violated('acknowledged job lost', `${jobId} is acknowledged, not stored`);
  }

  cancelAcked(jobId: string): void {
    const state = this.#ended.get(jobId);
    if (state !== 'cancelled' && !this.#reopened.has(jobId) && !this.rolledBack.has(jobId))
      this.#world.violated('acknowledged cancel lost', `${jobId} is ${state ?? 'open'}`);
    this.#ackedCancels.add(jobId);
  }

  /** A person wants it again: what has ended may be open once more. */
  reopenAsked(jobId: string): void {
    this.#reopened.set(jobId, this.reopenedOf(jobId) + 1);
  }

  reopenedOf(jobId: string): number {
    return this.#reopened.get(jobId) ?? 0;
  }

  controllerStarted(_controller: string, state: FarmState): void {
    for (const jobId of this.#acked) {
      if (state.jobs.has(jobId) || state.tombstones.has(jobId)) continue;
      if (!this.#missing.has(jobId))
        this.#world.violated('acknowledged job lost', `${jobId} is not there after a restart`);
      // The store lost what it had said was safe, and its leader too: nobody is left who could know.
      this.#acked.delete(jobId);
      this.excused.add(jobId);
    }
  }

  committed({ upserts, deletes }: Change): void {
    for (const { kind, body } of upserts) {
      if (kind === 'job') this.#jobStored(body as JobRecord);
      if (kind === 'attempt') this.#attemptStored(body as AttemptRecord);
    }
    for (const { kind, id } of deletes) {
      if (kind !== 'job' || this.#missing.has(id)) continue;
      const buried = upserts.some((record) => record.kind === 'tombstone' && record.id === id);
      if (!buried || !this.#ended.has(id)) this.#world.violated('acknowledged job lost', `${id} was deleted`);
    }
  }

  tailLost(disk: SimDisk): void {
    const before = new Map(this.jobs);
    this.jobs.clear();
    this.#ended.clear();
    this.#outcomes.clear();
    for (const { kind, body } of disk.records()) {
      if (kind === 'attempt') this.#attemptStored(body as AttemptRecord);
      if (kind === 'tombstone') {
        const { jobId, state } = body as TombstoneRecord;
        this.#ended.set(jobId, state);
      }
      if (kind !== 'job') continue;
      const job = body as JobRecord;
      this.jobs.set(job.jobId, job);
      if (hasEnded(job.state)) this.#ended.set(job.jobId, job.state);
    }
    for (const [jobId, job] of before) {
      if (this.jobs.get(jobId) === job) continue;
      if (disk.body('tombstone', jobId) !== undefined) continue;
      this.rolledBack.add(jobId);
      this.#ackedCancels.delete(jobId);
      if (!this.jobs.has(jobId)) this.#missing.add(jobId);
    }
  }

  taken(_controller: string, input: Input): void {
    if (input.kind !== 'message' || input.message.kind !== 'event') return;
    const { ref, event } = input.message;
    if (event.type === 'finished') this.#once(this.#told, keyOf(ref), event.finished.outcome);
  }

  #jobStored(job: JobRecord): void {
    const { jobId, state } = job;
    this.jobs.set(jobId, job);
    this.#missing.delete(jobId);
    const costs = this.#costs.get(jobId);
    if (job.charged > (costs?.charged ?? 0) && !this.rolledBack.has(jobId))
      this.#world.violated('a loss costs no retry', `${jobId} is charged ${job.charged} times`);
    const ended = this.#ended.get(jobId);
    if (ended !== undefined && ended !== state) this.#moved(jobId, ended, state);
    if (!hasEnded(state) || ended === state) return;
    this.#ended.set(jobId, state);
    this.#world.note('store', () => `${jobId} has ended: ${state} ${job.errorMessage ?? ''}`);
  }

  /** A person may retry what failed, and cancel what waits for a person; a file that is there decides. */
  #moved(jobId: string, from: JobRecord['state'], to: JobRecord['state']): void {
    const mayMove =
      (from !== 'published' && this.#reopened.has(jobId)) ||
      (from === 'quarantined' && to === 'cancelled') ||
      this.rolledBack.has(jobId);
    if (!mayMove) this.#world.violated('an ended job moved', `${jobId} went from ${from} to ${to}`);
    this.#ended.delete(jobId);
  }

  #attemptStored(attempt: AttemptRecord): void {
    const { outcome, jobId, agentId } = attempt;
    if (attempt.state !== 'ended') {
      if (this.#outcomes.has(keyOf(attempt)) && !this.rolledBack.has(jobId))
        this.#world.violated('one outcome', `${keyOf(attempt)} lives again as ${attempt.state}`);
      return;
    }
    if (outcome === undefined) {
      this.#world.violated('one outcome', `${keyOf(attempt)} ended without one`);
    }
    if (!this.#outcomes.has(keyOf(attempt))) this.#cost(attempt);
    if (outcome === 'failed' || outcome === 'timed-out' || outcome === 'lost')
      this.#badLuck.add(`${jobId} ${agentId}`);
    if (!this.rolledBack.has(jobId)) this.#once(this.#outcomes, keyOf(attempt), outcome);
  }

  #cost({ jobId, outcome, failureClass }: AttemptRecord): void {
    const costs = this.#costs.get(jobId) ?? { charged: 0, lost: 0 };
    this.#costs.set(jobId, costs);
    if (outcome === 'lost') costs.lost += 1;
    if (outcome === 'timed-out' || (outcome === 'failed' && failureClass !== 'environment'))
      costs.charged += 1;
  }

  #once(book: Map<string, Outcome>, key: string, outcome: Outcome): void {
    const before = book.get(key) ?? outcome;
    book.set(key, outcome);
    if (before !== outcome) this.#world.violated('one outcome', `${key}: ${before}, then ${outcome}`);
  }
}
