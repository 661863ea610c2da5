import type { JobRef } from '../../../proto/agent-link.ts';
import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import type { JobBody, JobRecord, TimelineEntry } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { noteJob } from '../../domain/move-job.ts';
import { type DestinationName, type OutboxRow, rowKey } from '../../domain/outbox.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { RecordKey, StoredRecord } from '../../store/port.ts';
import { indexJob } from './index-job.ts';
import type { Effect, Moment, Reply } from './inputs.ts';
import { endMomentaryRefusals } from './momentary-refusals.ts';
import { laneRow, unlaneRow } from './outbox-lanes.ts';
import { isReopened, owedBy, owedByLateAttempt } from './outbox-owed.ts';
import { type RecordKind, recordOf } from './records.ts';
import {
  attemptKey,
  type FarmRecord,
  type FarmState,
  type QueueRecord,
  type RequestRecord,
  type ShareRecord,
  type TombstoneRecord,
} from './state.ts';

/** Attempts of a job that are kept: being declined costs a job nothing, and may happen for days. */
const attemptsKeptMax = 100;
/** Alarms that are kept to be shown; the log has them all. */
const alarmsMax = 100;

/**
 * One turn's pen: the only thing that changes the farm's state. It keeps the derived indexes right, remembers what
 * must be stored, and collects the effects in order.
 */
export class Ledger {
  readonly state: FarmState;
  readonly settings: FarmSettings;
  readonly moment: Moment;
  readonly effects: Effect[] = [];
  readonly #changed = new Map<string, RecordKey>();
  readonly #news = new Map<string, TimelineEntry[]>();
  readonly #acks = new Map<string, number>();
  readonly #owed = new Set<DestinationName>();

  constructor(state: FarmState, settings: FarmSettings, moment: Moment) {
    this.state = state;
    this.settings = settings;
    this.moment = moment;
  }

  get nowMs(): number {
    return this.moment.nowMs;
  }

  /** @throws Error for a job that must be there: a broken assumption. */
  job(jobId: string): JobRecord {
    const job = this.state.jobs.get(jobId);
    if (job === undefined) throw new Error(`job ${jobId} is not in the ledger`);
    return job;
  }

  /**
   * The attempt that a fence stands for. One that was adopted stands for the attempt that goes on with its work:
   * its agent may still speak under the old fence.
   */
  attempt(ref: JobRef): AttemptRecord | undefined {
    let attempt = this.state.attempts.get(attemptKey(ref));
    while (attempt?.adoptedAs !== undefined) {
      const heir = this.state.attempts.get(attemptKey({ jobId: attempt.jobId, fence: attempt.adoptedAs }));
      if (heir === undefined) return attempt;
      attempt = heir;
    }
    return attempt;
  }

  /** The record of just this fence, as it is now. @throws Error for one that must be there: a broken assumption. */
  attemptUnder(ref: JobRef): AttemptRecord {
    const attempt = this.state.attempts.get(attemptKey(ref));
    if (attempt === undefined) throw new Error(`attempt ${attemptKey(ref)} is not in the ledger`);
    return attempt;
  }

  /** The attempts of an agent that have not ended. */
  liveAttemptsOf(agentId: string): readonly AttemptRecord[] {
    return [...(this.state.liveAttempts.get(agentId) ?? [])].flatMap(
      (key) => this.state.attempts.get(key) ?? [],
    );
  }

  putJob(job: JobRecord): void {
    const before = this.state.jobs.get(job.jobId);
    this.state.jobs.set(job.jobId, job);
    indexJob(this.state, job);
    if (before?.state !== job.state) {
      this.state.planStale = true;
      if (job.state !== 'waiting') this.state.waitReasons.delete(job.jobId);
      if (hasEnded(job.state)) {
        this.state.refusals.delete(job.jobId);
        this.state.sources.delete(job.jobId);
      }
    }
    const last = job.timeline.at(-1);
    const news = this.#news.get(job.jobId) ?? [];
    if (last !== undefined && last !== before?.timeline.at(-1)) news.push(last);
    this.#news.set(job.jobId, news);
    this.#mark('job', job.jobId);
    // An end that a person takes back before it was told is no end.
    if (isReopened(before, job)) this.#dropRowOf('results', job.jobId);
    for (const destination of owedBy(this.settings, before, job)) this.owe(destination, job.jobId);
  }

  /** A destination outside must hear of a job as it is now. */
  owe(destination: DestinationName, jobId: string): void {
    const before = this.state.rows.get(rowKey(destination, jobId));
    const refused = before?.refused;
    this.putRow({
      destination,
      jobId,
      mark: this.state.nextMark++,
      sinceMs: before?.sinceMs ?? this.nowMs,
      // What was refused has changed: it may be taken now.
      ...(refused && { refused: { ...refused, nextTryAtMs: refused.atMs } }),
    });
  }

  putRow(row: OutboxRow): void {
    const key = rowKey(row.destination, row.jobId);
    this.state.rows.set(key, row);
    laneRow(this.state.lanes, row);
    this.#mark('row', key);
    // Also where it was set aside: whoever delivers has to know when it is due again.
    this.#owed.add(row.destination);
  }

  dropRow(row: OutboxRow): void {
    const key = rowKey(row.destination, row.jobId);
    this.state.rows.delete(key);
    unlaneRow(this.state.lanes, row);
    this.#mark('row', key);
  }

  #dropRowOf(destination: DestinationName, jobId: string): void {
    const row = this.state.rows.get(rowKey(destination, jobId));
    if (row !== undefined) this.dropRow(row);
  }

  /** Adds to an open job's timeline; a job that is gone has nobody to tell. */
  note(jobId: string, entry: TimelineEntry): void {
    const job = this.state.jobs.get(jobId);
    if (job === undefined) return;
    const { planStale } = this.state;
    this.putJob(noteJob(job, entry));
    this.state.planStale = planStale;
  }

  /** Tells watchers about a change that is not stored (progress). */
  touchJob(jobId: string): void {
    if (!this.#news.has(jobId)) this.#news.set(jobId, []);
  }

  putBody(body: JobBody): void {
    this.state.bodies.set(body.jobId, body);
    this.#mark('body', body.jobId);
  }

  putAttempt(attempt: AttemptRecord): void {
    const key = attemptKey(attempt);
    const before = this.state.attempts.get(key);
    this.state.attempts.set(key, attempt);
    if (before === undefined) {
      const keys = this.state.attemptsOfJob.get(attempt.jobId) ?? [];
      this.state.attemptsOfJob.set(attempt.jobId, [...this.#kept(keys), key]);
    }
    const live = this.state.liveAttempts.get(attempt.agentId) ?? new Set();
    this.state.liveAttempts.set(attempt.agentId, live);
    if (attempt.state === 'ended') {
      live.delete(key);
      this.state.runtimes.delete(key);
      this.state.publishRetries.delete(key);
      this.state.lastWords.delete(key);
    } else live.add(key);
    if (before?.state !== attempt.state) this.state.planStale = true;
    endMomentaryRefusals(this.state, before, attempt);
    this.#mark('attempt', key);
    if (before?.state === 'ended') return;
    const job = this.state.jobs.get(attempt.jobId);
    for (const name of owedByLateAttempt(this.settings, job, attempt)) this.owe(name, attempt.jobId);
  }

  /** What is left of a job's attempts when one more comes: the oldest that has ended goes. */
  #kept(keys: readonly string[]): readonly string[] {
    if (keys.length < attemptsKeptMax) return keys;
    const oldest = keys.find((key) => this.state.attempts.get(key)?.state === 'ended');
    if (oldest === undefined) return keys;
    this.state.attempts.delete(oldest);
    this.#mark('attempt', oldest);
    return keys.filter((key) => key !== oldest);
  }

  putAgent(agent: AgentRecord): void {
    this.state.agents.set(agent.agentId, agent);
    this.#mark('agent', agent.agentId);
  }

  /** Forgets an agent that is gone and holds nothing. */
  dropAgent(agentId: string): void {
    this.state.agents.delete(agentId);
    this.state.presences.delete(agentId);
    this.state.liveAttempts.delete(agentId);
    for (const refusals of this.state.refusals.values()) refusals.delete(agentId);
    for (const { byAgent, asked } of this.state.sources.values()) {
      byAgent.delete(agentId);
      asked.delete(agentId);
    }
    this.state.planStale = true;
    this.#mark('agent', agentId);
  }

  putRequest(request: RequestRecord): void {
    this.state.requests.set(request.requestId, request);
    this.#mark('request', request.requestId);
  }

  dropRequest(requestId: string): void {
    this.state.requests.delete(requestId);
    this.#mark('request', requestId);
  }

  putTombstone(tombstone: TombstoneRecord): void {
    this.state.tombstones.set(tombstone.jobId, tombstone);
    this.#mark('tombstone', tombstone.jobId);
  }

  dropTombstone(jobId: string): void {
    this.state.tombstones.delete(jobId);
    this.#mark('tombstone', jobId);
  }

  putShare(share: ShareRecord): void {
    this.state.shares.set(share.share, share);
    this.#mark('share', share.share);
  }

  dropShare(share: string): void {
    this.state.shares.delete(share);
    this.#mark('share', share);
  }

  putQueue(queue: QueueRecord): void {
    this.state.queues.set(queue.name, queue);
    this.#mark('queue', queue.name);
  }

  dropQueue(name: string): void {
    this.state.queues.delete(name);
    this.#mark('queue', name);
  }

  putFarm(farm: FarmRecord): void {
    this.state.farm.set('farm', farm);
    this.#mark('farm', 'farm');
  }

  /** The job leaves the hot store; its tombstone stays. */
  buryJob(tombstone: TombstoneRecord): void {
    const { jobId } = tombstone;
    for (const key of this.state.attemptsOfJob.get(jobId) ?? []) {
      this.state.attempts.delete(key);
      this.#mark('attempt', key);
    }
    this.state.attemptsOfJob.delete(jobId);
    this.state.jobs.delete(jobId);
    this.state.bodies.delete(jobId);
    this.state.endedJobs.delete(jobId);
    this.state.refusals.delete(jobId);
    this.#mark('job', jobId);
    this.#mark('body', jobId);
    this.putTombstone(tombstone);
  }

  reply(replyId: string, reply: Reply): void {
    this.effects.push({ kind: 'reply', replyId, reply });
  }

  send(sessionId: string, message: Extract<Effect, { kind: 'send' }>['message']): void {
    this.effects.push({ kind: 'send', sessionId, message });
  }

  /** Sends to an agent where it is attached; false: it is not. */
  sendTo(agentId: string, message: Extract<Effect, { kind: 'send' }>['message']): boolean {
    const session = this.state.presences.get(agentId)?.session;
    if (session === undefined) return false;
    this.send(session.sessionId, message);
    return true;
  }

  /** One acknowledgement per stream and turn: the highest. */
  ack(sessionId: string, number: number): void {
    this.#acks.set(sessionId, Math.max(number, this.#acks.get(sessionId) ?? 0));
  }

  log(
    level: 'info' | 'warn' | 'error',
    event: string,
    fields: Readonly<Record<string, string | number>>,
  ): void {
    this.effects.push({ kind: 'log', level, event, fields });
  }

  /** Something that a person should look at: logged, and shown until newer ones push it out. */
  alarm(event: string, fields: Readonly<Record<string, string | number>>): void {
    this.log('error', event, fields);
    this.state.alarms.push({ atMs: this.nowMs, event, fields });
    if (this.state.alarms.length > alarmsMax) this.state.alarms.shift();
  }

  /** What must be stored, and what then happens. */
  close(): {
    readonly upserts: readonly StoredRecord[];
    readonly deletes: readonly RecordKey[];
    readonly effects: readonly Effect[];
  } {
    const upserts: StoredRecord[] = [];
    const deletes: RecordKey[] = [];
    for (const key of this.#changed.values()) {
      const stored = recordOf(this.state, key.kind as RecordKind, key.id);
      if (stored === undefined) deletes.push(key);
      else upserts.push(stored);
    }
    for (const [sessionId, number] of this.#acks) {
      this.effects.push({ kind: 'send', sessionId, message: { kind: 'event-ack', number } });
    }
    if (this.#owed.size > 0) this.effects.push({ kind: 'owed', destinations: this.#owed });
    for (const [jobId, news] of this.#news) this.effects.push({ kind: 'job-changed', jobId, news });
    return { upserts, deletes, effects: this.effects };
  }

  #mark(kind: RecordKind, id: string): void {
    this.#changed.set(`${kind}\0${id}`, { kind, id });
  }
}
