import { hasEnded } from '../../controller/domain/job-states.ts';
import type { JobRef } from '../../proto/agent-link.ts';
import type { Clients } from './clients.ts';
import type { Victims } from './faults/fault-kind.ts';
import { heal } from './faults/faults.ts';
import type { Referee } from './referee.ts';
import type { Scenario } from './scenario.ts';
import type { SimAgent } from './sim-agent.ts';
import type { SimOutside } from './sim-outside.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;
/** After the last fault every job ends within this time: the longest work, three tries, back-offs. */
const quietMaxMs = 8 * 60 * minuteMs;
/** A job does not wait beside an idle agent for longer: a host that was sick is probed within 15 min. */
const deafMaxMs = 20 * minuteMs;
/** Nor for longer beside one that is well: what it declines it is asked again after 5 min. */
const deafSoonMs = 10 * minuteMs;
/** Or for so many times what it takes there, while a faster one hangs and says all the while that it is done soon. */
const givenUpAfter = 4;

export interface SimFarm extends Victims {
  readonly referee: Referee;
  readonly clients: Clients;
  readonly outside?: SimOutside;
}

/** The calm after the faults: is everything over, does a job wait for nothing, does it take too long? */
export class Calm {
  readonly #world: World;
  readonly #farm: SimFarm;
  readonly #scenario: Pick<Scenario, 'assist'>;
  readonly #sinceMs: number;
  readonly #waitsSince = new Map<string, number>();
  isOver = false;

  constructor(world: World, farm: SimFarm, scenario: Pick<Scenario, 'assist'>) {
    this.#world = world;
    this.#scenario = scenario;
    this.#farm = farm;
    this.#sinceMs = world.nowMs;
  }

  /** Looks once a minute until it is over. */
  watch(): void {
    heal(this.#world, this.#farm);
    const { clients, agents, outside } = this.#farm;
    outside?.calmDown();
    const open = [...clients.plans.keys()].filter((jobId) => this.#isOpen(jobId));
    const busy = agents.some((agent) => agent.works.size > 0 || this.#holdsWork(agent));
    const isTold = outside === undefined || this.#hasNoRows();
    this.isOver = open.length === 0 && !busy && isTold;
    if (this.#world.nowMs - this.#sinceMs > quietMaxMs) {
      if (!isTold) this.#world.violated('a row is never told', 'the outbox is not empty');
      this.#world.violated('a job never ends', open.length > 0 ? open.join(', ') : 'agents hold attempts');
    }
    for (const jobId of clients.plans.keys()) this.#checkDeafness(jobId);
    if (!this.isOver) this.#world.after(minuteMs, () => this.watch());
  }

  #hasNoRows(): boolean {
    for (const { kind } of this.#farm.disk.records()) if (kind === 'row') return false;
    return true;
  }

  #holdsWork({ state }: SimAgent): boolean {
    return [...(state?.attempts ?? [])].some(([key, live]) => {
      const folder = state?.journal.attempts.get(key)?.assign.output.stagingFolder ?? '';
      return live.state !== 'publishing' || !this.#farm.share.isElsewhere(folder);
    });
  }

  /** What is staged on a share that nobody reaches any more stays `publishing`, and is not rendered again (rule 8e). */
  #isOpen(jobId: string): boolean {
    const { jobs } = this.#farm.referee;
    const job = jobs.jobs.get(jobId);
    if (job?.state === 'publishing' && this.#farm.share.isElsewhere(job.grant?.output.stagingFolder ?? ''))
      return false;
    const state = jobs.ended.get(jobId) ?? jobs.jobs.get(jobId)?.state;
    return state === undefined ? !jobs.excused.has(jobId) : !hasEnded(state);
  }

  #checkDeafness(jobId: string): void {
    const { referee, agents, controllers } = this.#farm;
    const job = referee.jobs.jobs.get(jobId);
    const idle =
      job?.state === 'waiting' && controllers.some(({ isServing }) => isServing)
        ? agents.filter(
            ({ works, options: { agentId, queues } }) =>
              works.size === 0 && queues.includes(job.queue) && !referee.jobs.hadBadLuck(jobId, agentId),
          )
        : [];
    const sinceMs = idle.length > 0 ? (this.#waitsSince.get(jobId) ?? this.#world.nowMs) : undefined;
    if (sinceMs === undefined) this.#waitsSince.delete(jobId);
    else this.#waitsSince.set(jobId, sinceMs);
    if (sinceMs !== undefined && this.#world.nowMs - sinceMs > this.#deafMaxMs(jobId, idle))
      this.#world.violated(
        'connected but deaf',
        `${jobId} waits beside an idle agent since ${(sinceMs - this.#world.startedMs) / 1000} s`,
      );
  }

  /** Longer while all that is idle is slower than an agent whose job hangs: it is worth waiting for, by its own word. */
  #deafMaxMs(jobId: string, idle: readonly SimAgent[]): number {
    const { clients, agents } = this.#farm;
    const isWell = ({ sickUntilMs }: SimAgent): boolean => sickUntilMs + deafMaxMs < this.#world.nowMs;
    const maxMs = idle.some(isWell) ? deafSoonMs : deafMaxMs;
    // Only where they help each other do agents tell how fast they are: else all are alike.
    if (!this.#scenario.assist) return maxMs;
    const hangs = ({ ref }: { readonly ref: JobRef }): boolean => {
      const fate = clients.plans.get(ref.jobId)?.fate;
      return fate === 'hangs' || fate === 'mute';
    };
    const speedMax = Math.max(...idle.map(({ options }) => options.speed));
    const isWorthIt = agents.some(
      ({ works, options: { speed } }) => speed > speedMax && [...works.values()].some(hangs),
    );
    const thereMs = (clients.plans.get(jobId)?.workMs ?? 0) / speedMax;
    return isWorthIt ? Math.max(deafMaxMs, givenUpAfter * thereMs) : maxMs;
  }
}
