import type { OutputShare } from '../../agent/attempt/output-share.ts';
import { noUsage, plainOutcome } from '../../agent/core/endings.ts';
import type { AttemptReport } from '../../agent/core/inputs.ts';
import type { Assign, FinishedOutcome, JobRef, Manifest } from '../../proto/agent-link.ts';
import { fenceText } from '../../proto/agent-link.ts';
import type { ItemAssigned, ItemEnded, ReleasedItem, ReleaseItems } from '../../proto/item-link.ts';
import type { JobPlan } from './job-plan.ts';
import { framesOf, SimBoard, type SimSegments, segmentKeyOf } from './sim-segments.ts';
import type { Content } from './sim-share.ts';
import type { World } from './world.ts';

export interface WorkOptions {
  readonly world: World;
  readonly assign: Assign;
  readonly plan: JobPlan;
  readonly speed: number;
  readonly share: OutputShare;
  readonly made: Map<string, Content>;
  /** Runs while the agent's process lives. */
  readonly later: (ms: number, run: () => void) => void;
  readonly report: (report: AttemptReport, ref: JobRef) => void;
  /** The segments that all PCs share; absent: each renders its own. */
  readonly segments?: SimSegments;
  /** Items that it had given up are its own again. */
  readonly reclaimed: (ref: JobRef, positions: readonly number[], why: 'own-turn' | 'not-in-cache') => void;
  /** Its files were fetched ahead. */
  readonly isFetched: boolean;
  /** The PC cannot encode at present. */
  readonly isSick: () => boolean;
  /** It takes its agent with it. */
  readonly kill: () => void;
}

const progressMs = 25_000;
const uploadRetryMs = 10_000;
const neverAborted = new AbortController().signal;
const sickOutcome: FinishedOutcome = {
  ...plainOutcome('failed', 'the encoder is gone', noUsage),
  failureClass: 'environment',
  problems: [{ code: 'ENCODER_UNAVAILABLE', message: 'the encoder is gone' }],
};

/** The work of one attempt as agent/attempt does it, with time in place of files and frames. */
export class SimWork {
  readonly assign: Assign;
  readonly #options: WorkOptions;
  readonly #startedMs: number;
  /** What it is called now; the first name is that of its files. */
  ref: JobRef;
  #stage: 'fetching' | 'encoding' | 'tail' | 'over' = 'fetching';
  readonly #board: SimBoard;
  /** Items that helpers are said to have done. */
  readonly #toldDone = new Set<number>();
  #encodedMs: number | undefined;
  #stopping = false;

  constructor(options: WorkOptions) {
    this.assign = options.assign;
    this.ref = options.assign.ref;
    this.#options = options;
    this.#startedMs = options.world.nowMs;
    this.#board = new SimBoard(options.assign.ref.jobId, options.plan);
  }

  /** Its process tree runs and uses a slot. */
  get holdsSlot(): boolean {
    return this.#stage === 'fetching' || this.#stage === 'encoding';
  }

  get isOver(): boolean {
    return this.#stage === 'over';
  }

  /** Time of a slot that it has used so far. */
  get slotMs(): number {
    return (this.#encodedMs ?? this.#options.world.nowMs) - this.#startedMs;
  }

  start(): void {
    const { plan, world, isFetched } = this.#options;
    const fetchMs = isFetched ? 500 : plan.fetchMs * world.random.between(0.8, 1.2);
    this.#then(fetchMs, () => {
      if (this.#fails(0.3)) return;
      this.#stage = 'encoding';
      this.#report({
        type: 'prepared',
        copiedBytes: 1,
        reusedBytes: 0,
        totalFrames: plan.segments * this.#frames,
      });
      this.#encode();
      if (plan.fate !== 'mute') this.#tell();
    });
  }

  stop(mode: 'graceful' | 'kill', graceMs: number): void {
    if (this.#stopping || this.isOver) return;
    this.#stopping = true;
    const { random } = this.#options.world;
    const ms = mode === 'kill' ? random.between(10, 800) : random.between(50, graceMs);
    this.#options.later(ms, () => this.#end(plainOutcome('returned', 'stopped', noUsage)));
  }

  /** What it gives up: only of what it renders. */
  release({ itemsMax, outputMaxMs }: ReleaseItems): readonly ReleasedItem[] {
    const { segments, assign } = this.#options;
    if (segments === undefined || this.#stage !== 'encoding' || this.#stopping) return [];
    return this.#board.release(itemsMax, outputMaxMs, (position) =>
      segments.has(segmentKeyOf(assign.ref.jobId, position)),
    );
  }

  told(told: ItemAssigned | ItemEnded): void {
    const { position } = told.item;
    if (told.kind === 'item-assigned') this.#board.given(position, this.#options.world.nowMs + told.endsInMs);
    else {
      if (told.isDone) this.#toldDone.add(position);
      this.#board.ended(position);
    }
  }

  /** Behind a new stream nobody knows of what was given to nobody. */
  takeLooseBack(): void {
    this.#board.takeLooseBack();
  }

  /** It goes on under a new fence: nothing of it is anybody else's. */
  adopted(ref: JobRef): void {
    this.ref = ref;
    this.#board.reclaimAll();
  }

  /** As the controller can believe them, where it has to. */
  get #frames(): number {
    const { segments, plan } = this.#options;
    return segments === undefined ? 100 : framesOf(plan);
  }

  #encode(): void {
    const { plan, speed, world, isSick, kill } = this.#options;
    const isBehindFirst = this.#board.doneCount > 0;
    if ((plan.fate === 'hangs' || plan.fate === 'mute') && isBehindFirst) return;
    if (plan.fate === 'poison' && isBehindFirst) {
      kill();
      return;
    }
    if (isSick()) {
      this.#end(sickOutcome);
      return;
    }
    const ownMs = plan.workMs / plan.segments / speed;
    const next = this.#board.next(world.nowMs, ownMs);
    if ('waitMs' in next) {
      this.#then(next.waitMs, () => this.#encode());
      return;
    }
    const { position, wasReleased } = next;
    if (this.#isHere(position, wasReleased)) {
      this.#made(position, true);
      return;
    }
    this.#then(ownMs * world.random.between(0.9, 1.1), () => this.#made(position, false));
  }

  #isHere(position: number, wasReleased: boolean): boolean {
    const { segments, assign } = this.#options;
    const isHere = segments?.take(segmentKeyOf(assign.ref.jobId, position)) === true;
    if (!isHere && this.#toldDone.has(position))
      this.#options.reclaimed(this.ref, [position], 'not-in-cache');
    else if (wasReleased && !this.#toldDone.has(position))
      this.#options.reclaimed(this.ref, [position], 'own-turn');
    return isHere;
  }

  #made(position: number, reused: boolean): void {
    const { plan, world, segments, assign } = this.#options;
    this.#report({ type: 'segment', position, reused, frames: this.#frames });
    this.#board.done(position);
    // What it made itself is of use, or not, with the attempt.
    const { jobId } = assign.ref;
    if (!reused) segments?.put(segmentKeyOf(jobId, position), { jobId, slotMs: 0, used: true, end: 'done' });
    if (!this.#board.isComplete) {
      if (segments !== undefined && plan.fate !== 'mute') this.#say();
      this.#encode();
      return;
    }
    if (this.#fails(1)) return;
    this.#encodedMs = world.nowMs;
    this.#stage = 'tail';
    this.#report({ type: 'encoded' });
    this.#then(plan.tailMs * world.random.between(0.8, 1.2), () => this.#upload());
  }

  #tell(): void {
    this.#then(progressMs, () => {
      this.#say();
      this.#tell();
    });
  }

  #say(): void {
    const { plan, speed, segments } = this.#options;
    const { doneCount } = this.#board;
    const left = plan.segments - doneCount;
    this.#report({
      type: 'progress',
      percent: (doneCount / plan.segments) * 88,
      framesDone: doneCount * this.#frames,
      framesTotal: plan.segments * this.#frames,
      // Who helps must know when the owner is done.
      ...(segments !== undefined && { etaMs: Math.round((left * plan.workMs) / plan.segments / speed) }),
      waitedForSharesMs: 0,
    });
  }

  /** As agent/attempt/stage-step.ts: a share that is away is waited for. */
  #upload(): void {
    const { share, assign, made, world } = this.#options;
    const from = `/scratch/${assign.ref.jobId}-${fenceText(assign.ref.fence)}/result.mp4`;
    made.set(from, { sizeBytes: 1_000 + assign.ref.fence.counter, sha256: contentOf(assign) });
    const staging = share.locate(assign.output.stagingFolder);
    const target = `${staging.localPath}/${assign.output.finalName}`;
    const stage = async () => {
      await share.makeStaging(staging);
      const facts = await share.upload(from, target, neverAborted);
      return { facts, shareId: await share.identity(share.locate(assign.output.folder).localPath) };
    };
    stage().then(
      ({ facts, shareId }) =>
        this.#then(world.random.between(500, 5_000), () => this.#staged(facts, shareId)),
      () => this.#then(uploadRetryMs, () => this.#upload()),
    );
  }

  #staged(facts: Content, shareId: string | undefined): void {
    const { plan, assign } = this.#options;
    const manifest: Manifest = {
      fileName: assign.output.finalName,
      ...facts,
      durationMs: plan.workMs,
      frames: plan.segments * 100,
      features: [],
    };
    this.#stage = 'over';
    this.#report({ type: 'staged', manifest, usage: noUsage, ...(shareId !== undefined && { shareId }) });
  }

  /** Fails where the job's fate says so; `chance`: here, or later. */
  #fails(chance: number): boolean {
    const { plan, assign, world } = this.#options;
    if (typeof plan.fate === 'string') return false;
    const failureClass =
      'fails' in plan.fate ? plan.fate.fails : assign.attemptNumber === 1 ? plan.fate.failsOnce : undefined;
    if (failureClass === undefined || !world.random.chance(chance)) return false;
    this.#end({ ...plainOutcome('failed', `fails by its fate: ${failureClass}`, noUsage), failureClass });
    return true;
  }

  #end(finished: FinishedOutcome): void {
    if (this.isOver) return;
    this.#encodedMs ??= this.#options.world.nowMs;
    this.#stage = 'over';
    this.#report({ type: 'ended', finished });
  }

  #report(report: AttemptReport): void {
    this.#options.report(report, this.ref);
  }

  #then(ms: number, run: () => void): void {
    this.#options.later(ms, () => {
      if (!this.#stopping && !this.isOver) run();
    });
  }
}

/** Every attempt makes a file of its own: two of them can be told apart. */
export function contentOf({ ref }: Assign): string {
  return `${ref.jobId}/${fenceText(ref.fence)}`;
}
