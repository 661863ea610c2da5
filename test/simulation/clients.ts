import type { Reply } from '../../controller/engine/turn/inputs.ts';
import { jobSpec } from '../helpers/turn-farm.ts';
import type { Referee } from './referee.ts';
import type { SimController } from './sim-controller.ts';
import type { JobPlan } from './sim-work.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;
/** A caller asks again when nothing came back for this long. */
const askAgainMs = 8_000;

/** Callers that submit and cancel, and ask again with the same request id until they are answered. */
export class Clients {
  readonly #world: World;
  readonly #controller: SimController;
  readonly #referee: Referee;
  readonly plans = new Map<string, JobPlan>();
  readonly acked = new Set<string>();

  constructor(world: World, controller: SimController, referee: Referee) {
    this.#world = world;
    this.#controller = controller;
    this.#referee = referee;
  }

  /** Jobs at random times within this span. */
  begin(jobs: number, spanMs: number): void {
    for (let n = 1; n <= jobs; n += 1)
      this.#world.after(this.#world.random.between(0, spanMs), () => this.#submit(n));
  }

  #submit(n: number): void {
    const { random } = this.#world;
    const spec = jobSpec(n, {
      userId: random.pick(['ann', 'bob', 'eve']),
      enable4k: random.chance(0.15),
      priority: random.pick(['low', 'normal', 'normal', 'high']),
    });
    const plan = this.#plan();
    this.plans.set(spec.jobId, plan);
    this.#world.note('client', () => `submits ${spec.jobId} ${JSON.stringify(plan)}`);
    this.#ask(
      (replyId) => ({
        kind: 'submit',
        replyId,
        requestId: `submit-${n}`,
        bodyHash: spec.jobId,
        spec,
        username: spec.userId,
        resolved: spec.items.map(({ position, itemType, path }) => ({
          position,
          itemType,
          path: path ?? '',
        })),
        resolution: { queryMs: 1, found: 0, missing: [], resolvedAtMs: this.#world.nowMs },
        shares: ['clips'],
      }),
      (reply) => {
        if (reply.kind !== 'submitted') this.#world.violated('a good job is taken', JSON.stringify(reply));
        this.acked.add(spec.jobId);
        this.#referee.jobAcked(spec.jobId);
        if (random.chance(0.15))
          this.#world.after(random.pause(10 * minuteMs), () => this.#cancel(spec.jobId));
      },
    );
  }

  #cancel(jobId: string): void {
    this.#world.note('client', () => `cancels ${jobId}`);
    this.#ask(
      (replyId) => ({
        kind: 'cancel',
        replyId,
        requestId: `cancel-${jobId}`,
        bodyHash: jobId,
        jobId,
        reason: '',
      }),
      (reply) => {
        if (reply.kind === 'cancelled') this.#referee.cancelAcked(jobId);
        else if (
          reply.kind !== 'refused' ||
          (reply.code !== 'JOB_PUBLISHING' && reply.code !== 'JOB_ENDED' && reply.code !== 'JOB_NOT_FOUND')
        )
          this.#world.violated('a cancel is answered', JSON.stringify(reply));
      },
    );
  }

  #ask(input: Parameters<SimController['ask']>[0], answered: (reply: Reply) => void): void {
    const { random } = this.#world;
    let isAnswered = false;
    const tryOnce = () => {
      if (isAnswered) return;
      this.#world.after(random.between(0.2, 5), () =>
        this.#controller.ask(input, (reply) =>
          this.#world.after(random.between(0.2, 5), () => {
            if (isAnswered) return;
            isAnswered = true;
            answered(reply);
          }),
        ),
      );
      this.#world.after(askAgainMs, tryOnce);
    };
    tryOnce();
  }

  #plan(): JobPlan {
    const { random } = this.#world;
    // Work in minutes as the scheduling benchmark has it: log-normal around 9, here clipped sooner.
    const workMs =
      Math.min(
        12,
        Math.max(0.5, Math.exp(2.0 + 0.8 * (random.next() + random.next() + random.next() - 1.5))),
      ) * minuteMs;
    return {
      workMs,
      fetchMs: random.between(5_000, 90_000),
      tailMs: random.between(2_000, 40_000),
      segments: random.whole(2, 12),
      fate: this.#fate(),
    };
  }

  #fate(): JobPlan['fate'] {
    const { random } = this.#world;
    const dice = random.next();
    if (dice < 0.03) return { fails: 'input' };
    if (dice < 0.06) return { fails: 'job' };
    if (dice < 0.1) return { failsOnce: 'job' };
    if (dice < 0.14) return { failsOnce: 'environment' };
    if (dice < 0.16) return 'hangs';
    return 'good';
  }
}
