import { FarmError, type FarmErrorCode } from '../../controller/domain/errors.ts';
import type { Engine } from '../../controller/engine/engine.ts';
import { manyItems } from '../helpers/assist-farm.ts';
import { jobId as idOf, jobSpec } from '../helpers/turn-farm.ts';
import type { JobPlan } from './job-plan.ts';
import type { Referee } from './referee.ts';
import type { Scenario, ScriptedJob, ScriptedVerb } from './scenario.ts';
import type { SimController } from './sim-controller.ts';
import type { World } from './world.ts';

/** A caller asks again when nothing came back for this long. */
const askAgainMs = 8_000;
/** Grants are short: whoever wants to take one back looks this often, for an hour. */
const annulLookMs = 500;
const annulTriesMax = 7_200;

/** After the last fault every agent is back by then. */
const backMs = 120_000;

/**
 * A share that the farm knows under the identity of another one (it was mounted there first) keeps jobs waiting until
 * a person reads the alarm, looks at what every agent sees, and says so.
 */
async function declareShare(engine: Engine): Promise<void> {
  const { alarms } = await engine.summary();
  const expected = alarms.find(({ event }) => event === 'other-share')?.fields['expected'];
  const agents = (await engine.agents({ size: 50, token: '' })).entries;
  const seen = agents.flatMap(({ inventory }) => inventory?.shareIds ?? []).map(({ id }) => id);
  if (expected === undefined || seen.length === 0 || seen.some((id) => id === expected)) return;
  const order = {
    requestId: 'share',
    reason: 'by the script',
    kind: 'share-replaced',
    share: 'results',
  } as const;
  await engine.orderShare(order);
}

/** What a caller is told when somebody else must be asked, or the same one later. */
const tryElsewhere: ReadonlySet<FarmErrorCode> = new Set([
  'NOT_LEADING',
  'SHUTTING_DOWN',
  'STORAGE_UNAVAILABLE',
]);

/** Answers that a person may get, because the farm has moved on meanwhile. */
const refusals: ReadonlySet<FarmErrorCode> = new Set([
  'JOB_PUBLISHING',
  'JOB_NOT_PUBLISHING',
  'JOB_ENDED',
  'JOB_NOT_ENDED',
  'JOB_NOT_FOUND',
  'JOB_NOT_HELD',
  'JOB_PROCESSING',
  'JOB_ARCHIVED',
  'AGENT_NOT_FOUND',
  'AGENT_IN_USE',
]);

/** Callers that submit and order, and ask again with the same request id until they are answered. */
export class Clients {
  readonly #world: World;
  readonly #controllers: readonly SimController[];
  readonly #referee: Referee;
  readonly plans = new Map<string, JobPlan>();

  constructor(world: World, controllers: readonly SimController[], referee: Referee) {
    this.#world = world;
    this.#controllers = controllers;
    this.#referee = referee;
  }

  begin({ jobs, verbs, pcs, spanMs, assist }: Scenario): void {
    for (const job of jobs) this.#world.after(job.atMs, () => this.#submit(job, assist));
    for (const [index, verb] of verbs.entries())
      this.#world.after(verb.atMs, () => this.#when(verb, `${verb.verb}-${index}`, annulTriesMax));
    // The calm begins with a person who takes back whatever keeps jobs waiting.
    this.#world.after(spanMs, () => {
      for (const { agentId } of pcs) this.#order({ atMs: 0, verb: 'uncordon', agentId }, `free-${agentId}`);
      for (const { n } of jobs) this.#order({ atMs: 0, verb: 'release', job: n }, `free-${n}`);
    });
    this.#world.after(spanMs + backMs, () => this.#ask(declareShare, () => undefined, new Set()));
  }

  /** A grant is taken back while there is one: a person who wants that waits for it. */
  #when(order: ScriptedVerb, requestId: string, triesLeft: number): void {
    const granted = this.#referee.jobs.jobs.get(idOf(order.job ?? 0))?.state === 'publishing';
    if (order.verb !== 'annul' || granted) this.#order(order, requestId);
    else if (triesLeft > 0) this.#world.after(annulLookMs, () => this.#when(order, requestId, triesLeft - 1));
  }

  #submit({ n, userId, enable4k, priority, plan }: ScriptedJob, hasItems: boolean): void {
    const items = hasItems ? manyItems(n, plan.segments).items : jobSpec(n).items;
    const spec = jobSpec(n, { userId, enable4k, priority, items });
    this.plans.set(spec.jobId, plan);
    this.#world.note('client', () => `submits ${spec.jobId} ${JSON.stringify(plan)}`);
    this.#ask(
      (engine) => engine.submit({ requestId: `submit-${n}`, spec, validateOnly: false, jobIdMade: false }),
      () => this.#referee.jobs.jobAcked(spec.jobId),
      new Set(),
    );
  }

  #order(order: ScriptedVerb, requestId: string): void {
    const { verb, job, agentId, deadlineMs = 0 } = order;
    const jobId = idOf(job ?? 0);
    const common = { requestId, reason: 'by the script' };
    this.#world.note('operator', () => JSON.stringify(order));
    if (verb === 'retry' || verb === 'release') this.#referee.jobs.reopenAsked(jobId);
    const run = (engine: Engine): Promise<unknown> => {
      switch (verb) {
        case 'cancel':
        case 'retry':
        case 'hold':
        case 'release':
        case 'annul':
          return engine.orderJob({ ...common, kind: verb, jobId });
        case 'priority':
          return engine.orderJob({ ...common, kind: verb, jobId, priority: 'urgent' });
        case 'cordon':
        case 'uncordon':
        case 'drain':
        case 'forget':
          return engine.orderAgent({ ...common, kind: verb, agentId: agentId ?? '', by: 'operator' });
        case 'evict':
          return engine.orderAgent({
            ...common,
            kind: verb,
            agentId: agentId ?? '',
            by: 'operator',
            deadlineMs,
          });
      }
    };
    const answered = () => {
      if (verb === 'cancel') this.#referee.jobs.cancelAcked(jobId);
    };
    this.#ask(run, answered, refusals);
  }

  #ask<T>(
    run: (engine: Engine) => Promise<T>,
    answered: () => void,
    mayRefuse: ReadonlySet<FarmErrorCode>,
  ): void {
    const { random } = this.#world;
    let isAnswered = false;
    let turn = random.whole(0, this.#controllers.length - 1);
    const heard = (answer: { readonly value: T } | { readonly error: unknown }): void => {
      if (isAnswered) return;
      const code = 'error' in answer && answer.error instanceof FarmError ? answer.error.code : undefined;
      if (code !== undefined && tryElsewhere.has(code)) return;
      isAnswered = true;
      if (!('error' in answer)) answered();
      else if (code === undefined || !mayRefuse.has(code))
        this.#world.violated('a caller is answered', String(answer.error));
    };
    const tryOnce = (): void => {
      if (isAnswered) return;
      const controller = this.#controllers[turn % this.#controllers.length];
      turn += 1;
      this.#world.after(random.between(0.2, 5), () =>
        controller?.call(run, (answer) => {
          this.#world.after(random.between(0.2, 5), () => heard(answer));
        }),
      );
      this.#world.after(askAgainMs, tryOnce);
    };
    tryOnce();
  }
}
