import { keyOf } from '../../agent/core/journal-fold.ts';
import type { AttemptRecord } from '../../controller/domain/attempt.ts';
import type { JobRecord } from '../../controller/domain/job.ts';
import { hasEnded } from '../../controller/domain/job-states.ts';
import type { Input } from '../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../controller/engine/turn/state.ts';
import type {
  Assign,
  ControllerMessage,
  FinishedOutcome,
  Hello,
  JournalEvent,
  Outcome,
} from '../../proto/agent-link.ts';
import { fenceText } from '../../proto/agent-link.ts';
import { type Content, localPath } from './sim-share.ts';
import type { StoredChange } from './sim-store.ts';
import type { SimWork } from './sim-work.ts';
import { SlotBook } from './slot-book.ts';
import type { World } from './world.ts';

/** What the referee sees of an agent. */
interface RefereedAgent {
  readonly options: { readonly agentId: string; readonly slots: number };
  readonly works: ReadonlyMap<string, SimWork>;
}

export interface Tally {
  executions: number;
  readonly startedJobs: Set<string>;
  slotMs: number;
  usefulSlotMs: number;
  readonly alarms: Record<string, number>;
  readonly declines: Record<string, number>;
}

/** Looks at everything that becomes durable, is sent, is published or is told, and knows what must never be. */
export class Referee {
  readonly #world: World;
  readonly #slots: SlotBook;
  readonly #ackedJobs = new Set<string>();
  readonly #ackedCancels = new Set<string>();
  readonly #jobs = new Map<string, JobRecord>();
  readonly #ended = new Map<string, JobRecord['state']>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #published = new Map<string, string>();
  readonly #percents = new Map<string, number>();
  readonly #events = new Map<string, string>();
  readonly #heard = new Map<string, number>();
  readonly #badLuck = new Set<string>();
  readonly #slotMs = new Map<string, number>();
  readonly tally: Tally = {
    executions: 0,
    startedJobs: new Set(),
    slotMs: 0,
    usefulSlotMs: 0,
    alarms: {},
    declines: {},
  };

  constructor(world: World, slotsOf: (agentId: string) => number) {
    this.#world = world;
    this.#slots = new SlotBook(world, slotsOf);
  }

  /** A job that had bad luck on an agent waits for another one. */
  hadBadLuck(jobId: string, agentId: string): boolean {
    return this.#badLuck.has(`${jobId} ${agentId}`);
  }

  get jobs(): ReadonlyMap<string, JobRecord> {
    return this.#jobs;
  }

  /** A client was told that its job is taken. */
  jobAcked(jobId: string): void {
    this.#ackedJobs.add(jobId);
    if (!this.#isKnown(jobId))
      this.#world.violated('acknowledged job lost', `${jobId} is acknowledged, not stored`);
  }

  cancelAcked(jobId: string): void {
    this.#ackedCancels.add(jobId);
    const state = this.#ended.get(jobId);
    if (state !== 'cancelled')
      this.#world.violated('acknowledged cancel lost', `${jobId} is ${state ?? 'open'}`);
  }

  controllerStarted(state: FarmState): void {
    for (const jobId of this.#ackedJobs) {
      if (!state.jobs.has(jobId) && !state.tombstones.has(jobId))
        this.#world.violated('acknowledged job lost', `${jobId} is not in the store after a restart`);
    }
  }

  /** A batch is durable. */
  committed({ upserts, deletes }: StoredChange): void {
    for (const { kind, body } of upserts) {
      if (kind === 'job') this.#jobStored(body as JobRecord);
      if (kind === 'attempt') this.#attemptStored(body as AttemptRecord);
    }
    for (const { kind, id } of deletes) {
      if (kind !== 'job') continue;
      const buried = upserts.some((record) => record.kind === 'tombstone' && record.id === id);
      if (!buried || !this.#ended.has(id)) this.#world.violated('acknowledged job lost', `${id} was deleted`);
    }
  }

  /** A file got its final name. */
  published(path: string, content: Content, replaced: boolean, agentId: string): void {
    const [jobId = ''] = content.sha256.split('/');
    this.#world.note('share', () => `${agentId} publishes ${content.sha256}`);
    const before = this.#published.get(jobId);
    if (replaced || before !== undefined)
      this.#world.violated(
        'published twice',
        `${path} was ${before ?? 'there'}, now ${content.sha256} by ${agentId}`,
      );
    this.#published.set(jobId, content.sha256);
    const job = this.#jobs.get(jobId);
    const grant =
      job?.grant && job.state === 'publishing' ? `${jobId}/${fenceText(job.grant.fence)}` : 'none';
    if (grant !== content.sha256)
      this.#world.violated(
        'published without the grant',
        `${content.sha256} by ${agentId}; the grant: ${grant}`,
      );
  }

  /** The controller's turn takes an input. */
  taken(input: Input): void {
    this.#slots.taken(input);
    if (input.kind === 'attach') this.#remembers(input.hello);
    if (input.kind !== 'message') return;
    const { message } = input;
    if (message.kind === 'progress') {
      const key = keyOf(message.ref);
      const before = this.#percents.get(key) ?? 0;
      if (message.percent < before)
        this.#world.violated('progress went back', `${key}: ${before} to ${message.percent}`);
      this.#percents.set(key, message.percent);
    }
    if (message.kind === 'assignment-reply' && !message.accepted)
      this.tally.declines[message.code] = (this.tally.declines[message.code] ?? 0) + 1;
    if (message.kind === 'event') this.#sameEvent(this.#slots.journalOf(input.sessionId), message);
    if (message.kind === 'event' && message.event.type === 'finished')
      this.#oneOutcome(`${keyOf(message.ref)} as told`, message.event.finished.outcome);
  }

  sent(sessionId: string, message: ControllerMessage): void {
    this.#slots.sent(sessionId, message);
  }

  logged(event: string, fields: Readonly<Record<string, string | number>>): void {
    if (event === 'published-without-grant')
      this.#world.violated('published without the grant', JSON.stringify(fields));
  }

  alarmed(code: string, message: string): void {
    this.tally.alarms[code] = (this.tally.alarms[code] ?? 0) + 1;
    if (code === 'REPORT_OUT_OF_ORDER' || code === 'GRANT_OF_UNKNOWN')
      this.#world.violated('no broken assumption', `${code}: ${message}`);
  }

  started(agent: RefereedAgent, assign: Assign): void {
    this.#world.note(agent.options.agentId, () => `starts ${keyOf(assign.ref)}`);
    this.tally.executions += 1;
    this.tally.startedJobs.add(assign.ref.jobId);
  }

  agentStepped(agent: RefereedAgent): void {
    const used = [...agent.works.values()].filter((work) => work.holdsSlot);
    if (used.length > agent.options.slots)
      this.#world.violated('slots exceeded', `${agent.options.agentId} runs ${used.length} attempts`);
    const jobs = new Set(used.map(({ assign }) => assign.ref.jobId));
    if (jobs.size < used.length)
      this.#world.violated('two attempts of a job on one agent', [...jobs].join(', '));
  }

  cleanedUp(agent: RefereedAgent, assign: Assign, finished: FinishedOutcome): void {
    this.#world.note(
      agent.options.agentId,
      () => `ends ${keyOf(assign.ref)}: ${finished.outcome} ${finished.message ?? ''}`,
    );
  }

  /** A process tree is gone, whatever for. */
  worked(work: SimWork): void {
    this.#slotMs.set(keyOf(work.assign.ref), work.slotMs);
  }

  /** Everything is over: what must hold at the end. `deserves`: time spent on the job can be useful. */
  finish(results: ReadonlyMap<string, Content>, deserves: (jobId: string) => boolean): void {
    for (const jobId of this.#ackedJobs)
      if (!this.#ended.has(jobId))
        this.#world.violated('a job never ends', `${jobId} is ${this.#jobs.get(jobId)?.state ?? 'gone'}`);
    for (const [path, { sha256 }] of results) {
      const [jobId = ''] = sha256.split('/');
      if (this.#ended.get(jobId) !== 'published')
        this.#world.violated(
          'share and store differ',
          `${path} is there, its job is ${this.#ended.get(jobId) ?? 'open'}`,
        );
    }
    const there = new Set([...results.values()].map(({ sha256 }) => sha256));
    for (const [jobId, job] of this.#jobs) {
      if (job.state === 'published' && !there.has(job.grant?.manifest.sha256 ?? ''))
        this.#world.violated('share and store differ', `${jobId} is published, its file is not there`);
    }
    for (const [key, slotMs] of this.#slotMs) {
      const [jobId = ''] = key.split('/');
      if (!deserves(jobId) || this.#ended.get(jobId) === 'cancelled') continue;
      this.tally.slotMs += slotMs;
      if (there.has(key)) this.tally.usefulSlotMs += slotMs;
    }
  }

  #jobStored(job: JobRecord): void {
    const { jobId } = job;
    this.#jobs.set(jobId, job);
    const ended = this.#ended.get(jobId);
    // A person may end what waits for a person.
    if (ended === 'quarantined' && job.state === 'cancelled') this.#ended.set(jobId, job.state);
    else if (ended !== undefined && ended !== job.state)
      this.#world.violated('an ended job moved', `${jobId} went from ${ended} to ${job.state}`);
    if (!hasEnded(job.state) || ended !== undefined) return;
    this.#ended.set(jobId, job.state);
    this.#world.note('store', () => `${jobId} has ended: ${job.state} ${job.errorMessage ?? ''}`);
    const isThere = this.#published.get(jobId);
    if (job.state !== 'published') {
      if (isThere !== undefined)
        this.#world.violated('share and store differ', `${jobId} is ${job.state}, ${isThere} is published`);
      return;
    }
    if (isThere !== job.grant?.manifest.sha256 || job.outputPath === undefined)
      this.#world.violated(
        'share and store differ',
        `${jobId} is published, ${localPath(job.outputPath ?? '')} holds ${isThere ?? 'nothing'}`,
      );
  }

  #attemptStored(attempt: AttemptRecord): void {
    if (attempt.outcome === 'failed' || attempt.outcome === 'timed-out' || attempt.outcome === 'lost')
      this.#badLuck.add(`${attempt.jobId} ${attempt.agentId}`);
    if (attempt.state !== 'ended') {
      if (this.#outcomes.has(keyOf(attempt)))
        this.#world.violated('one outcome', `${keyOf(attempt)} lives again as ${attempt.state}`);
      return;
    }
    if (attempt.outcome === undefined)
      this.#world.violated('one outcome', `${keyOf(attempt)} ended without one`);
    else this.#oneOutcome(keyOf(attempt), attempt.outcome);
  }

  #oneOutcome(key: string, outcome: Outcome): void {
    const before = this.#outcomes.get(key) ?? outcome;
    this.#outcomes.set(key, outcome);
    if (before !== outcome) this.#world.violated('one outcome', `${key}: ${before}, then ${outcome}`);
  }

  /** A numbered event of a journal is what it is: sent again, it says the same. */
  #sameEvent(journalId: string, event: JournalEvent): void {
    const key = `${journalId}#${event.number}`;
    const text = JSON.stringify([event.ref, event.event]);
    const before = this.#events.get(key) ?? text;
    this.#events.set(key, text);
    this.#heard.set(journalId, Math.max(event.number, this.#heard.get(journalId) ?? 0));
    if (before !== text)
      this.#world.violated('event numbers are used once', `${key}: ${before}, then ${text}`);
  }

  /** Events are durable before they are sent: a journal holds at least what was heard of it. */
  #remembers({ agentId, journalId, lastEvent }: Hello): void {
    const heard = this.#heard.get(journalId) ?? 0;
    if (lastEvent < heard)
      this.#world.violated(
        'what was sent is durable',
        `${agentId} sent event ${heard} of ${journalId}, which now ends at ${lastEvent}`,
      );
  }

  #isKnown(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }
}
