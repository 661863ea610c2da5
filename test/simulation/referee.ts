import type { DestinationName } from '../../controller/domain/outbox.ts';
import type { FarmSettings } from '../../controller/domain/settings.ts';
import type { Input } from '../../controller/engine/turn/inputs.ts';
import type { FarmState } from '../../controller/engine/turn/state.ts';
import type { OutboxItem } from '../../controller/outbox/destination.ts';
import type { Epoch } from '../../controller/store/port.ts';
import type { Assign, ControllerMessage, FinishedOutcome } from '../../proto/agent-link.ts';
import { fenceText } from '../../proto/agent-link.ts';
import type { Book, Change, SeenAgent } from './books/book.ts';
import { FarmBook } from './books/farm-book.ts';
import { ItemBook } from './books/item-book.ts';
import { JobBook } from './books/job-book.ts';
import { JournalBook } from './books/journal-book.ts';
import { LeaseBook } from './books/lease-book.ts';
import { OutboxBook, type Outside } from './books/outbox-book.ts';
import { ProgressBook } from './books/progress-book.ts';
import { PublishBook } from './books/publish-book.ts';
import { SlotBook } from './books/slot-book.ts';
import { TermBook } from './books/term-book.ts';
import type { Connection } from './connection.ts';
import type { JobPlan } from './job-plan.ts';
import type { SimDisk, StoreWatcher } from './sim-disk.ts';
import type { SimSegments } from './sim-segments.ts';
import type { Content, Published } from './sim-share.ts';
import { contentOf, type SimWork } from './sim-work.ts';
import type { World } from './world.ts';

export interface Tally {
  executions: number;
  /** That helpers began. */
  items: number;
  /** Milliseconds of slots, by what became of them. */
  readonly help: Record<string, number>;
  readonly startedJobs: Set<string>;
  slotMs: number;
  usefulSlotMs: number;
  readonly alarms: Record<string, number>;
  readonly declines: Record<string, number>;
  readonly ends: Record<string, number>;
}

export interface RefereeOptions {
  readonly world: World;
  readonly settings: FarmSettings;
  readonly slotsOf: (agentId: string) => number;
  readonly hasStaging: (folder: string) => boolean;
  readonly planOf: (jobId: string) => JobPlan | undefined;
  /** Absent: nobody helps. */
  readonly segments?: SimSegments;
}

/** Agents that one poison job may kill before a person is asked: 3 losses, and what lost tails and retries forgot. */
const poisonedMax = 6;

/** Looks at everything that becomes durable, is sent, is published or is told: a book for every property. */
export class Referee implements StoreWatcher {
  readonly #world: World;
  readonly #planOf: RefereeOptions['planOf'];
  readonly #segments: SimSegments | undefined;
  readonly #items: ItemBook;
  readonly #books: readonly Book[];
  readonly #publications: PublishBook;
  readonly #progress: ProgressBook;
  readonly #farm: FarmBook;
  readonly #outbox: OutboxBook;
  readonly #slotMs = new Map<string, number>();
  readonly #startsOf = new Map<string, number>();
  readonly jobs: JobBook;
  readonly tally: Tally = {
    executions: 0,
    items: 0,
    help: {},
    startedJobs: new Set(),
    slotMs: 0,
    usefulSlotMs: 0,
    alarms: {},
    declines: {},
    ends: {},
  };

  constructor({ world, settings, slotsOf, hasStaging, planOf, segments }: RefereeOptions) {
    this.#world = world;
    this.#segments = segments;
    this.#planOf = planOf;
    this.jobs = new JobBook(world);
    this.#publications = new PublishBook(world, hasStaging);
    this.#progress = new ProgressBook(world);
    this.#farm = new FarmBook(world, settings);
    this.#items = new ItemBook(world);
    this.#outbox = new OutboxBook(world, this.jobs);
    this.#books = [
      new TermBook(world),
      this.jobs,
      this.#publications,
      new LeaseBook(world),
      new SlotBook(world, slotsOf),
      new JournalBook(world),
      this.#progress,
      this.#items,
      this.#outbox,
    ];
  }

  led(epoch: Epoch): void {
    for (const book of this.#books) book.led?.(epoch);
  }

  committed(change: Change, epoch: Epoch): void {
    for (const book of this.#books) book.committed?.(change, epoch);
  }

  tailLost(disk: SimDisk): void {
    for (const book of this.#books) book.tailLost?.(disk);
  }

  controllerStarted(controller: string, state: FarmState): void {
    for (const book of this.#books) book.controllerStarted?.(controller, state);
  }

  taken(controller: string, input: Input): void {
    for (const book of this.#books) book.taken?.(controller, input);
    if (input.kind !== 'message' || input.message.kind !== 'assignment-reply') return;
    if (!input.message.accepted) count(this.tally.declines, input.message.code);
  }

  /** A turn is over, and nothing of it has left yet. */
  turned(controller: string, state: FarmState, inputs: readonly Input[]): void {
    this.#progress.turned(controller, state, inputs);
    this.#items.turned(controller, state);
  }

  sent(connection: Connection, message: ControllerMessage): void {
    for (const book of this.#books) book.sent?.(connection, message);
  }

  published(published: Published): void {
    for (const book of this.#books) book.published?.(published);
  }

  agentStepped(agent: SeenAgent): void {
    for (const book of this.#books) book.agentStepped?.(agent);
  }

  agentGone(agent: SeenAgent): void {
    for (const book of this.#books) book.agentGone?.(agent);
  }

  /** What is looked at now and then. */
  look(state: FarmState): void {
    this.#farm.lookAtController(state);
  }

  lookAtAgent(agent: SeenAgent): void {
    this.#farm.lookAtAgent(agent);
  }

  logged(event: string, fields: object): void {
    if (event === 'published-without-grant' && this.jobs.rolledBack.size === 0)
      this.#world.violated('published without the grant', JSON.stringify(fields));
  }

  alarmed(code: string, message: string): void {
    count(this.tally.alarms, code);
    if (code === 'REPORT_OUT_OF_ORDER') this.#world.violated('no broken assumption', `${code}: ${message}`);
  }

  /** A controller process ended by itself: the store was fit for it and its assumptions are sound, so why? */
  gaveUp(controller: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#world.violated('no broken assumption', `${controller}: ${text}`);
  }

  started(agentId: string, assign: Assign): void {
    const { jobId } = assign.ref;
    this.#world.note(agentId, () => `starts ${contentOf(assign)}`);
    this.tally.executions += 1;
    this.tally.startedJobs.add(jobId);
    for (const book of this.#books) book.started?.(agentId, assign);
    if (this.#planOf(jobId)?.fate !== 'poison') return;
    const starts = (this.#startsOf.get(jobId) ?? 0) + 1;
    this.#startsOf.set(jobId, starts);
    if (starts > poisonedMax * (1 + this.jobs.reopenedOf(jobId)))
      this.#world.violated('a poison job does not eat the farm', `${jobId} was started ${starts} times`);
  }

  cleanedUp(agentId: string, assign: Assign, finished: FinishedOutcome): void {
    this.#world.note(
      agentId,
      () =>
        `ends ${assign.ref.jobId}/${fenceText(assign.ref.fence)}: ${finished.outcome} ${finished.message ?? ''}`,
    );
    // Its PC was sick: it failed before it could do any harm, and may be tried so until a person is asked for that.
    const starts = this.#startsOf.get(assign.ref.jobId);
    if (finished.failureClass === 'environment' && starts !== undefined)
      this.#startsOf.set(assign.ref.jobId, starts - 1);
  }

  /** A process tree is gone, whatever for. */
  worked(work: SimWork): void {
    this.#slotMs.set(contentOf(work.assign), work.slotMs);
  }

  /** A leader hands a job to a destination outside. */
  told(destination: DestinationName, item: OutboxItem): void {
    this.#outbox.told(destination, item);
  }

  /** Everything is over: what must hold at the end. `mayBeOpen`: its file is where nobody reaches it. */
  finish(
    results: ReadonlyMap<string, Content>,
    mayBeOpen: (stagingUnc: string) => boolean,
    outside?: Outside,
  ): void {
    if (outside !== undefined) this.#outbox.finish(outside);
    const { jobs } = this;
    for (const jobId of jobs.acked)
      if (!jobs.ended.has(jobId) && !mayBeOpen(jobs.jobs.get(jobId)?.grant?.output.stagingFolder ?? ''))
        this.#world.violated('a job never ends', `${jobId} is ${jobs.jobs.get(jobId)?.state ?? 'gone'}`);
    for (const state of jobs.ended.values()) count(this.tally.ends, state);
    const there = new Set([...results.values()].map(({ sha256 }) => sha256));
    this.#compare(results, there);
    for (const [sha256, slotMs] of this.#slotMs) {
      const [jobId = ''] = sha256.split('/');
      if (this.#planOf(jobId)?.fate !== 'good' || jobs.ended.get(jobId) === 'cancelled') continue;
      this.tally.slotMs += slotMs;
      if (there.has(sha256)) this.tally.usefulSlotMs += slotMs;
    }
    this.#countHelp();
  }

  /** What a helper rendered is useful where an attempt has taken it. */
  #countHelp(): void {
    for (const { jobId, slotMs, used, end } of this.#segments?.helped ?? []) {
      this.tally.items += 1;
      if (this.#planOf(jobId)?.fate !== 'good' || this.jobs.ended.get(jobId) === 'cancelled') continue;
      const as = used ? 'used' : end;
      this.tally.help[as] = (this.tally.help[as] ?? 0) + Math.round(slotMs);
    }
  }

  #compare(results: ReadonlyMap<string, Content>, there: ReadonlySet<string>): void {
    const { jobs } = this;
    for (const [path, { sha256 }] of results) {
      const [jobId = ''] = sha256.split('/');
      const state = jobs.ended.get(jobId) ?? 'open';
      if (state !== 'published' && !jobs.rolledBack.has(jobId))
        this.#world.violated('share and store differ', `${path} is there, its job is ${state}`);
    }
    for (const [jobId, job] of jobs.jobs) {
      if (job.state !== 'published' || jobs.rolledBack.has(jobId)) continue;
      if (!there.has(job.grant?.manifest.sha256 ?? '') || job.outputPath === undefined)
        this.#world.violated('share and store differ', `${jobId} is published, its file is not there`);
    }
  }
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}
