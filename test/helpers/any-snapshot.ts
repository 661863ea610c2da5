import fc from 'fast-check';
import { Charges, flowOf } from '../../controller/scheduling/fair-share.ts';
import {
  defaultTuning,
  type FarmRules,
  type PlannedAgent,
  type PlannedQueue,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../controller/scheduling/snapshot.ts';
import { jobLines } from './job-lines.ts';
import { agent, attempt, forecast, job, nowMs } from './planner-parts.ts';

/** What a snapshot is made of, so that a test can leave out a part and plan again. */
export interface AnyFarm {
  readonly jobs: readonly WaitingJob[];
  readonly agents: readonly PlannedAgent[];
  readonly rules: FarmRules;
  /** Virtual time that users have had. */
  readonly servedMs: ReadonlyMap<string, number>;
}

const users = ['ann', 'ben', 'eve'] as const;
const queues = ['default_queue', 'gpu_queue', '4k_queue'] as const;
const agentIds = ['a0', 'a1', 'a2', 'a3', 'a4'] as const;
const hour = 3_600_000;

const anyUser = fc.constantFrom(...users);
const anyQueue = fc.constantFrom(...queues);
const someAgents = fc.subarray([...agentIds], { maxLength: 2 });
const seldom = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });

const anyWishes = fc.record({
  onlyOn: someAgents,
  notOn: someAgents,
  labels: fc.subarray(['rtx']),
});
const anyPromise = fc.record({
  madeAtMs: fc.constant(nowMs - hour),
  startAtMs: fc.integer({ min: nowMs - hour, max: nowMs + hour }),
  overdue: fc.boolean(),
});

const anyJob = fc
  .record({
    userId: anyUser,
    queue: anyQueue,
    priority: fc.constantFrom('low', 'normal', 'high', 'urgent'),
    workClass: fc.constantFrom('hd', 'hd', '4k'),
    outputMs: fc.integer({ min: 2_000, max: 7_200_000 }),
    sourceBytes: fc.integer({ min: 0, max: 5e10 }),
    workBytes: fc.integer({ min: 0, max: 5e10 }),
    waitedMs: fc.constantFrom(0, 1_000, hour, 5 * hour),
    deadlineInMs: seldom(fc.integer({ min: -hour, max: 5 * hour })),
    wishes: seldom(anyWishes),
    promise: seldom(anyPromise),
    refused: someAgents,
    avoided: someAgents,
    presentOn: someAgents,
  })
  .map(({ waitedMs, deadlineInMs, wishes, promise, refused, avoided, presentOn, ...rest }) => ({
    ...rest,
    submittedAtMs: nowMs - waitedMs,
    refusedBy: new Map(refused.map((id) => [id, 'declined'])),
    avoid: new Map(avoided.map((id) => [id, 'failed there'])),
    present: new Map(presentOn.map((id) => [id, { bytes: rest.sourceBytes / 2, outputMs: 1_000 }])),
    ...(deadlineInMs !== undefined && { deadlineMs: nowMs + deadlineInMs }),
    ...(wishes && { wishes: { ...wishes } }),
    ...(promise && { promise: { ...promise } }),
  }));

const anyAttempt: fc.Arbitrary<RunningAttempt> = fc
  .record({
    userId: anyUser,
    queue: anyQueue,
    outputMs: fc.integer({ min: 1, max: hour }),
    percent: fc.nat(99),
    stopping: fc.boolean(),
    etaMs: fc.nat(hour),
  })
  .map(({ etaMs, ...rest }) => attempt(etaMs, rest));

const anyAgent = fc
  .record({
    slots: fc.nat(3),
    speed: fc.double({ min: 0.1, max: 10, noNaN: true }),
    share4k: fc.constantFrom(0, 0.25, 0.3),
    queues: fc.subarray([...queues], { minLength: 1 }),
    labels: fc.subarray(['rtx', 'ssd']),
    concurrentSpeeds: fc.constantFrom([], [1, 0.6], [1, 0.8, 0.5]),
    scratchBytes: fc.constantFrom(2 ** 40, 6e10, 1e9),
    running: fc.array(anyAttempt, { maxLength: 3 }),
    liveness: fc.constantFrom('attached', 'attached', 'attached', 'suspect', 'detached'),
    closed: fc.constantFrom([], [], [], ['cordoned']),
    announcedForMs: fc.constantFrom(0, 60_000, 600_000),
    announced: fc.subarray(['j0', 'j1', 'j2'], { maxLength: 1 }),
  })
  .map(({ speed, share4k, running, announced, announcedForMs, ...rest }) => ({
    ...rest,
    running: running.slice(0, rest.slots),
    classes: new Map([
      ['hd', forecast(speed, { p90: 1.3 })],
      ['4k', forecast(speed * share4k)],
    ]),
    announced: new Map(announced.map((id) => [id, announcedForMs])),
  }));

const anyQueueRules: fc.Arbitrary<PlannedQueue> = fc
  .record({
    weight: seldom(fc.constantFrom(0.5, 2, 3)),
    runningMax: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    softRunMs: fc.constantFrom(1e12, 2 * hour),
    paused: fc.option(fc.constant('paused by ops'), { nil: undefined, freq: 6 }),
  })
  .map(({ softRunMs, weight, runningMax, paused }) => ({
    softRunMs,
    ...(weight !== undefined && { weight }),
    ...(runningMax !== undefined && { runningMax }),
    ...(paused !== undefined && { paused }),
  }));

const anyRules: fc.Arbitrary<FarmRules> = fc
  .record({
    ofQueues: fc.tuple(...queues.map((name) => fc.tuple(fc.constant(name), anyQueueRules))),
    farm: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    user: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    weight: fc.constantFrom(1, 2, 0.5),
  })
  .map(({ ofQueues, farm, user, weight }) => ({
    queues: new Map(ofQueues),
    userWeights: new Map([['ann', weight]]),
    ...(farm !== undefined && { runningMax: farm }),
    ...(user !== undefined && { runningPerUserMax: user }),
  }));

/** No two agents are equally fast: which is better never depends on which comes first. */
function unlike(classes: PlannedAgent['classes'], n: number): PlannedAgent['classes'] {
  const faster = 1 + n * 0.000_137;
  return new Map([...classes].map(([name, each]) => [name, { ...each, speed: each.speed * faster }]));
}

/** A farm of three users, three queues and up to five unequal agents, with everything that bounds and bends a plan. */
export const anyFarm: fc.Arbitrary<AnyFarm> = fc.record({
  jobs: fc
    .array(anyJob, { maxLength: 25 })
    .map((parts) => parts.map((part, n) => job(`j${n}`, { ...part, sequence: n % 3 }))),
  agents: fc
    .array(anyAgent, { minLength: 1, maxLength: agentIds.length })
    .map((parts) => parts.map((part, n) => agent(`a${n}`, 1, { ...part, classes: unlike(part.classes, n) }))),
  rules: anyRules,
  servedMs: fc
    .array(fc.tuple(anyUser, fc.nat(5 * hour)), { maxLength: 3 })
    .map((served) => new Map<string, number>(served)),
});

export function snapshotOf(farm: AnyFarm, changes: Partial<Snapshot> = {}): Snapshot {
  const charges = new Charges();
  const flows = [...farm.servedMs].flatMap(([userId, servedMs]) =>
    queues.map((queue) => ({ ...flowOf({ userId, queue }, farm.rules), servedMs })),
  );
  for (const flow of flows) charges.arrived(flow);
  for (const flow of new Map(flows.map((each) => [each.key, each])).values())
    charges.charge(flow, flow.servedMs * flow.weight);
  return {
    ...{ nowMs, agents: farm.agents, rules: farm.rules, charges, tuning: defaultTuning },
    lines: jobLines(farm.jobs),
    ...changes,
  };
}
