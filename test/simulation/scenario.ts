import type { PriorityClass } from '../../proto/agent-link.ts';
import type { ScriptedFault } from './faults/fault-kind.ts';
import { drawFaults, type Profile } from './faults/faults.ts';
import type { Fate, JobPlan } from './job-plan.ts';
import { Random } from './random.ts';
import type { AgentOptions } from './sim-agent.ts';

export interface ScriptedJob {
  readonly n: number;
  readonly atMs: number;
  readonly userId: string;
  readonly enable4k: boolean;
  readonly priority: PriorityClass;
  readonly plan: JobPlan;
}

/** What a person does. */
export interface ScriptedVerb {
  readonly atMs: number;
  readonly verb:
    | 'cancel'
    | 'retry'
    | 'hold'
    | 'release'
    | 'annul'
    | 'priority'
    | 'cordon'
    | 'uncordon'
    | 'drain'
    | 'evict'
    | 'forget';
  /** Of a verb on a job. */
  readonly job?: number;
  /** Of a verb on an agent. */
  readonly agentId?: string;
  readonly deadlineMs?: number;
}

/** All that is decided before the first moment: what is left out of it does not happen, and the rest still does. */
export interface Scenario {
  readonly seed: number;
  readonly profile: Profile;
  /** Jobs, verbs and faults come within it; what follows is calm. */
  readonly spanMs: number;
  /** All PCs share their segments, and so may help each other. */
  readonly assist: boolean;
  /** Destinations outside are told of jobs, and are away now and then. */
  readonly outbox: boolean;
  /** 1: the leadership ends with the process, as SQLite's lock. 2: it expires, as on Redis. */
  readonly controllers: readonly string[];
  readonly pcs: readonly AgentOptions[];
  readonly jobs: readonly ScriptedJob[];
  readonly verbs: readonly ScriptedVerb[];
  readonly faults: readonly ScriptedFault[];
}

const minuteMs = 60_000;
const harshMs = 120 * minuteMs;
const standardMs = 600 * minuteMs;
const assistOffset = 0x2f6b3d1;
/** Every so many seeds one is of the standard profile. */
const standardEvery = 4;
/** Every so many seeds destinations outside are told of jobs: the others stay what they were. */
const outboxEvery = 5;

const studio: readonly AgentOptions[] = [
  { machine: 'pc1', agentId: 'pc1', slots: 1, speed: 1, queues: ['4k_queue', 'gpu_queue', 'default_queue'] },
  { machine: 'pc2', agentId: 'pc2', slots: 2, speed: 0.6, queues: ['default_queue', '4k_queue'] },
  { machine: 'pc3', agentId: 'pc3', slots: 1, speed: 0.4, queues: ['default_queue'] },
];

/** The scenario of a seed, always the same. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const profile: Profile = seed % standardEvery === 0 ? 'standard' : 'harsh';
  const spanMs = profile === 'standard' ? standardMs : harshMs;
  const controllers = random.chance(0.5) ? ['c1'] : ['c1', 'c2'];
  const targets = { machines: studio.map(({ machine }) => machine), controllers };
  const count = profile === 'standard' ? random.whole(60, 100) : random.whole(8, 24);
  const jobs = Array.from({ length: count }, (_, index) => drawJob(random, index + 1, spanMs * 0.9, profile));
  return {
    ...{ seed, profile, spanMs, controllers, jobs },
    // Of a sequence of its own, so that the other half of the farms stays what it was.
    assist: new Random(seed ^ assistOffset).chance(0.5),
    outbox: seed % outboxEvery === 0,
    pcs: studio,
    verbs: drawVerbs(random, jobs, spanMs, profile),
    faults: drawFaults(random, profile, targets, spanMs),
  };
}

function drawJob(random: Random, n: number, untilMs: number, profile: Profile): ScriptedJob {
  return {
    n,
    atMs: Math.round(random.between(0, untilMs)),
    userId: random.pick(['ann', 'bob', 'eve']),
    enable4k: random.chance(0.15),
    priority: random.pick(['low', 'normal', 'normal', 'high']),
    plan: drawPlan(random, profile),
  };
}

function drawPlan(random: Random, profile: Profile): JobPlan {
  // Work in minutes as the scheduling benchmark has it: log-normal around 9, here clipped sooner.
  const minutes = Math.exp(2.0 + 0.8 * (random.next() + random.next() + random.next() - 1.5));
  return {
    workMs: Math.round(Math.min(12, Math.max(0.5, minutes)) * minuteMs),
    fetchMs: Math.round(random.between(5_000, 90_000)),
    tailMs: Math.round(random.between(2_000, 40_000)),
    segments: random.whole(2, 12),
    fate: drawFate(random, profile === 'harsh' ? 1 : 0.2),
  };
}

/** Failing, hanging and poisoned jobs; `share` of what a harsh farm has of them. */
function drawFate(random: Random, share: number): Fate {
  const dice = random.next() / share;
  if (dice < 0.03) return { fails: 'input' };
  if (dice < 0.06) return { fails: 'job' };
  if (dice < 0.1) return { failsOnce: 'job' };
  if (dice < 0.14) return { failsOnce: 'environment' };
  if (dice < 0.155) return 'hangs';
  if (dice < 0.165) return 'mute';
  if (dice < 0.18) return 'poison';
  return 'good';
}

function drawVerbs(
  random: Random,
  jobs: readonly ScriptedJob[],
  spanMs: number,
  profile: Profile,
): readonly ScriptedVerb[] {
  const verbs: ScriptedVerb[] = [];
  const often = profile === 'harsh' ? 1 : 0.1;
  const later = (atMs: number, meanMs: number) => Math.round(atMs + random.pause(meanMs));
  for (const { n, atMs } of jobs) {
    if (random.chance(0.12 * often)) verbs.push({ atMs: later(atMs, 10 * minuteMs), verb: 'cancel', job: n });
    if (random.chance(0.08 * often)) verbs.push({ atMs: later(atMs, 30 * minuteMs), verb: 'retry', job: n });
    if (random.chance(0.05 * often)) verbs.push({ atMs: later(atMs, 20 * minuteMs), verb: 'annul', job: n });
    if (random.chance(0.05 * often))
      verbs.push({ atMs: later(atMs, 5 * minuteMs), verb: 'priority', job: n });
    if (!random.chance(0.06 * often)) continue;
    const heldMs = later(atMs, 3 * minuteMs);
    verbs.push({ atMs: heldMs, verb: 'hold', job: n });
    verbs.push({ atMs: later(heldMs, 20 * minuteMs), verb: 'release', job: n });
  }
  if (profile === 'harsh') verbs.push(...drawOrders(random, spanMs));
  return verbs.sort((a, b) => a.atMs - b.atMs);
}

/** Every cordon is taken back before the calm begins. */
function drawOrders(random: Random, spanMs: number): readonly ScriptedVerb[] {
  const verbs: ScriptedVerb[] = [];
  for (let orders = random.whole(0, 4); orders > 0; orders -= 1) {
    const { agentId } = random.pick(studio);
    const atMs = Math.round(random.between(0, spanMs * 0.8));
    const untilMs = Math.round(random.between(atMs, spanMs));
    const verb = random.pick(['cordon', 'drain', 'evict'] as const);
    verbs.push({ atMs, verb, agentId, ...(verb === 'evict' && { deadlineMs: random.whole(0, 300_000) }) });
    verbs.push({ atMs: untilMs, verb: 'uncordon', agentId });
  }
  if (random.chance(0.2))
    verbs.push({ atMs: Math.round(random.between(0, spanMs)), verb: 'forget', agentId: 'pc3' });
  return verbs;
}
