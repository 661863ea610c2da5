import { hasEnded } from '../../controller/domain/job-states.ts';
import { defaultTimes } from '../../controller/domain/times.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { Clients } from './clients.ts';
import { Connection } from './connection.ts';
import { beginFaults, heal, type Victims } from './faults.ts';
import { type Parts, realParts } from './parts.ts';
import { Random } from './random.ts';
import { Referee, type Tally } from './referee.ts';
import { SimAgent } from './sim-agent.ts';
import { SimController } from './sim-controller.ts';
import { SimShare } from './sim-share.ts';
import { SimStore } from './sim-store.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Violation, World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** @default the real code */
  readonly parts?: Parts;
  /** Keeps what happens, for people. @default false */
  readonly tracing?: boolean;
}

export interface SimulationReport {
  readonly seed: number;
  readonly virtualHours: number;
  readonly jobs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly tally: Tally;
  readonly violation?: { readonly invariant: string; readonly message: string; readonly atS: number };
  readonly trace: readonly string[];
}

const minuteMs = 60_000;
const faultsMs = 120 * minuteMs;
/** After the last fault every job ends within this time: the longest work, three tries, back-offs. */
const quietMaxMs = 12 * 60 * minuteMs;
/** A job does not wait beside an idle agent for longer: a declined job is offered again after 5 min. */
const deafMaxMs = 8 * minuteMs;
const startStepsMax = 20_000_000;

const pcs = [
  { agentId: 'pc1', slots: 1, speed: 1, queues: ['4k_queue', 'gpu_queue', 'default_queue'] },
  { agentId: 'pc2', slots: 2, speed: 0.6, queues: ['default_queue', '4k_queue'] },
  { agentId: 'pc3', slots: 1, speed: 0.4, queues: ['default_queue'] },
];

/** Runs a farm under one seed: two hours of faults, then calm until every job has ended. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, parts = realParts, tracing = false } = options;
  const world = new World(new VirtualClock(), new Random(seed), parts, tracing);
  const farm = build(world);
  let violation: SimulationReport['violation'];
  try {
    await live(world, farm);
  } catch (error) {
    const known = error instanceof Violation;
    violation = {
      // What the real code throws is a broken assumption: as bad as a broken property.
      invariant: known ? error.invariant : 'no broken assumption',
      message: known
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error),
      atS: (world.nowMs - world.startedMs) / 1000,
    };
  }
  return {
    seed,
    virtualHours: (world.nowMs - world.startedMs) / 3_600_000,
    jobs: farm.clients.acked.size,
    faults: world.faults,
    tally: farm.referee.tally,
    ...(violation && { violation }),
    trace: world.trace,
  };
}

interface SimFarm extends Victims {
  readonly referee: Referee;
  readonly clients: Clients;
}

function build(world: World): SimFarm {
  const referee = new Referee(world, (agentId) => pcs.find((pc) => pc.agentId === agentId)?.slots ?? 0);
  const store = new SimStore(world, (change) => referee.committed(change));
  const share = new SimShare(world, (...args) => referee.published(...args));
  const settings = settingsOf();
  const controller = new SimController(world, settings, store, referee);
  const clients = new Clients(world, controller, referee);
  const stalledUntilMs = new Map<string, number>();
  const agents = pcs.map(
    (pc) =>
      new SimAgent(pc, {
        world,
        share,
        referee,
        planOf: (jobId) =>
          clients.plans.get(jobId) ?? world.violated('no broken assumption', `unknown job ${jobId}`),
        dial: (agent, end) => {
          if (!controller.isUp || (stalledUntilMs.get(agent.options.agentId) ?? 0) > world.nowMs)
            return undefined;
          const connection: Connection = new Connection(world, agent.options.agentId, {
            agent: end,
            controller: controller.accept(() => connection),
          });
          return connection;
        },
      }),
  );
  const stall: SimFarm['stall'] = (agent, untilMs) => {
    stalledUntilMs.set(agent.options.agentId, untilMs);
    agent.connection?.stall(untilMs);
  };
  return { referee, store, share, controller, clients, agents, stall };
}

function settingsOf() {
  const times = { ...defaultTimes, endedJobsMs: 30 * minuteMs, progressMinMs: 5_000 };
  const plain = farmSettings({ times });
  return {
    ...plain,
    // Nothing here takes longer than 12 minutes on the fastest PC and 30 on the slowest: what does, hangs.
    queues: plain.queues.map((queue) => ({ ...queue, softRunMs: 40 * minuteMs, hardRunMs: 45 * minuteMs })),
  };
}

async function live(world: World, farm: SimFarm): Promise<void> {
  const { controller, clients, agents, referee, share } = farm;
  const calmMs = world.startedMs + faultsMs;
  controller.start();
  for (const agent of agents) world.after(world.random.between(0, 5_000), () => agent.boot());
  clients.begin(world.random.whole(8, 24), faultsMs * 0.9);
  beginFaults(world, farm, calmMs);
  const quiet = { since: new Map<string, number>(), over: false };
  world.after(faultsMs, () => {
    heal(farm);
    watchCalm(world, farm, quiet);
  });
  for (let steps = 0; !quiet.over; steps += 1) {
    if (!world.clock.step() || steps > startStepsMax) world.violated('time goes on', `${steps} steps`);
    if (world.promisesAreDue) {
      world.promisesAreDue = false;
      await settled();
    }
  }
  referee.finish(share.results(), (jobId) => clients.plans.get(jobId)?.fate === 'good');
}

/** Once a minute: is everything over, does a job wait for nothing, does it take too long? */
function watchCalm(world: World, farm: SimFarm, quiet: { since: Map<string, number>; over: boolean }): void {
  const { referee, clients, agents, controller } = farm;
  heal(farm);
  const open = [...clients.plans.keys()].filter((jobId) => {
    const job = referee.jobs.get(jobId);
    return job === undefined || !hasEnded(job.state);
  });
  const busy = agents.some((agent) => (agent.state?.attempts.size ?? 1) > 0 || agent.works.size > 0);
  quiet.over = open.length === 0 && !busy;
  const calmForMs = world.nowMs - world.startedMs - faultsMs;
  if (calmForMs > quietMaxMs)
    world.violated('a job never ends', open.length > 0 ? open.join(', ') : 'agents hold attempts for ever');
  const idle = agents.filter((agent) => agent.works.size === 0);
  for (const jobId of clients.plans.keys()) {
    const job = referee.jobs.get(jobId);
    const waits =
      job?.state === 'waiting' &&
      controller.isUp &&
      idle.some(
        ({ options: { agentId, queues } }) =>
          queues.includes(job.queue) && !referee.hadBadLuck(jobId, agentId),
      );
    const sinceMs = waits ? (quiet.since.get(jobId) ?? world.nowMs) : undefined;
    if (sinceMs === undefined) quiet.since.delete(jobId);
    else quiet.since.set(jobId, sinceMs);
    if (sinceMs !== undefined && world.nowMs - sinceMs > deafMaxMs)
      world.violated(
        'connected but deaf',
        `${jobId} waits beside an idle agent since ${(sinceMs - world.startedMs) / 1000} s`,
      );
  }
  if (!quiet.over) world.after(minuteMs, () => watchCalm(world, farm, quiet));
}

/** Everything that real code does with promises without waiting for time has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
