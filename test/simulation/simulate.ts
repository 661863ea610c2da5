import { destinations } from '../../controller/domain/outbox.ts';
import { defaultTimes } from '../../controller/domain/times.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { Calm, type SimFarm } from './calm.ts';
import { Clients } from './clients.ts';
import { Connection, type End } from './connection.ts';
import { scheduleFaults } from './faults/faults.ts';
import { type Parts, realParts } from './parts.ts';
import { Random } from './random.ts';
import { Referee, type Tally } from './referee.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { SimAgent, type Surroundings } from './sim-agent.ts';
import { SimController } from './sim-controller.ts';
import { SimDisk } from './sim-disk.ts';
import { SimOutside } from './sim-outside.ts';
import { SimSegments } from './sim-segments.ts';
import { SimShare } from './sim-share.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Violation, World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** @default the seed's */
  readonly scenario?: Scenario;
  /** @default the real code */
  readonly parts?: Parts;
  /** Keeps what happens, for people. @default false */
  readonly tracing?: boolean;
}

export interface SimulationReport {
  readonly seed: number;
  readonly profile: Scenario['profile'];
  readonly virtualHours: number;
  readonly jobs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly tally: Tally;
  readonly violation?: { readonly invariant: string; readonly message: string; readonly atS: number };
  readonly trace: readonly string[];
}

const minuteMs = 60_000;
const stepsMax = 3_000_000;
/** How often a store's leadership expires without renewal (architecture.md, Storage). */
const leaseTtlMs = 6_000;
/** The noise of a seed is another sequence than its scenario: what is left out of one changes nothing in the other. */
const noiseOffset = 0x5bd1e995;
const outsideOffset = 0x3c6ef37;

/** Runs a farm under one scenario: some hours of faults, then calm until every job has ended. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, scenario = scenarioOf(seed), parts = realParts, tracing = false } = options;
  const random = new Random(scenario.seed ^ noiseOffset);
  const world = new World({ clock: new VirtualClock(), random, parts, tracing });
  const farm = build(world, scenario);
  let violation: SimulationReport['violation'];
  try {
    await live(world, farm, scenario);
  } catch (error) {
    violation = { ...described(error), atS: world.secondsIn };
  }
  return {
    seed,
    profile: scenario.profile,
    virtualHours: world.secondsIn / 3_600,
    jobs: farm.referee.jobs.acked.size,
    faults: world.faults,
    tally: farm.referee.tally,
    ...(violation && { violation }),
    trace: world.trace,
  };
}

/** What the real code throws is a broken assumption: as bad as a broken property. */
function described(error: unknown): { readonly invariant: string; readonly message: string } {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: 'no broken assumption', message };
}

function build(world: World, scenario: Scenario): SimFarm {
  const settings = settingsOf(scenario);
  const share = new SimShare(world, (published) => referee.published(published));
  // A farm that may meet another share knows its own: it was used before.
  if (scenario.faults.some(({ kind }) => kind === 'share-other')) share.useOnce();
  const segments = scenario.assist ? new SimSegments() : undefined;
  const referee = new Referee({
    ...{ world, settings },
    slotsOf: (agentId) => scenario.pcs.find((pc) => pc.agentId === agentId)?.slots ?? 0,
    hasStaging: (folder) => share.hasStaging(folder),
    planOf: (jobId) => clients.plans.get(jobId),
    ...(segments !== undefined && { segments }),
  });
  const ttlMs = scenario.controllers.length > 1 ? leaseTtlMs : Number.POSITIVE_INFINITY;
  const disk = new SimDisk(world, referee, ttlMs);
  const outside = scenario.outbox
    ? new SimOutside(world, new Random(scenario.seed ^ outsideOffset), (name, item) =>
        referee.told(name, item),
      )
    : undefined;
  const controllers = scenario.controllers.map(
    (name) =>
      new SimController({ world, name, settings, disk, referee, ...(outside !== undefined && { outside }) }),
  );
  const clients: Clients = new Clients(world, controllers, referee);
  const around: Surroundings = {
    ...{ world, share, referee },
    controllers: scenario.controllers,
    ...(segments !== undefined && { segments }),
    planOf: (jobId) =>
      clients.plans.get(jobId) ?? world.violated('no broken assumption', `unknown job ${jobId}`),
    dial: (agent, address, end) => dial(world, controllers, agent, address, end),
  };
  const agents = scenario.pcs.map((pc) => new SimAgent(pc, around));
  const [first] = scenario.pcs;
  if (first === undefined) throw new Error('a farm has a PC');
  const clone = new SimAgent({ ...first, machine: 'clone' }, around);
  clone.offUntilMs = Number.POSITIVE_INFINITY;
  const farm = { referee, disk, share, controllers, clients, agents, clone };
  return outside === undefined ? farm : { ...farm, outside };
}

function dial(
  world: World,
  controllers: readonly SimController[],
  agent: SimAgent,
  address: string,
  end: End<Parameters<Connection['toAgent']>[0]>,
): ReturnType<Surroundings['dial']> {
  const controller = controllers.find(({ name }) => name === address);
  const { upStalledUntilMs, downStalledUntilMs } = agent.cable;
  if (Math.max(upStalledUntilMs, downStalledUntilMs) > world.nowMs) return 'pending';
  if (controller?.isUp !== true) return 'refused';
  // A frozen process' kernel still takes connections; nobody reads from them.
  const connection: Connection = new Connection(world, agent.cable, {
    agent: end,
    controller: controller.accept(() => connection),
  });
  return connection;
}

function settingsOf({ outbox }: Scenario) {
  const mirrored = { progressMirrorMs: minuteMs };
  const times = { ...defaultTimes, ...mirrored, endedJobsMs: 30 * minuteMs, progressMinMs: 5_000 };
  const plain = farmSettings({ times, ...(outbox && { destinations }) });
  return {
    ...plain,
    // Nothing here takes longer than 12 minutes on the fastest PC and 30 on the slowest: what does, hangs.
    queues: plain.queues.map((queue) => ({ ...queue, softRunMs: 40 * minuteMs, hardRunMs: 45 * minuteMs })),
  };
}

async function live(world: World, farm: SimFarm, scenario: Scenario): Promise<void> {
  const { controllers, clients, agents, referee, share } = farm;
  for (const controller of controllers) world.after(world.random.between(0, 2_000), () => controller.start());
  for (const agent of agents) world.after(world.random.between(0, 5_000), () => agent.boot());
  clients.begin(scenario);
  scheduleFaults(world, farm, scenario.faults);
  lookNowAndThen(world, farm);
  let calm: Calm | undefined;
  world.after(scenario.spanMs, () => {
    calm = new Calm(world, farm, scenario);
    calm.watch();
  });
  for (let steps = 0; calm?.isOver !== true; steps += 1) {
    if (!world.clock.step() || steps > stepsMax) world.violated('time goes on', `${steps} steps`);
    if (world.promisesAreDue) {
      world.promisesAreDue = false;
      await settled();
      world.check();
    }
  }
  referee.finish(share.results(), (folder) => share.isElsewhere(folder), farm.outside);
}

function lookNowAndThen(world: World, farm: SimFarm): void {
  for (const { state, isServing } of farm.controllers)
    if (state !== undefined && isServing) farm.referee.look(state);
  for (const agent of farm.agents) farm.referee.lookAtAgent(agent);
  world.after(minuteMs, () => lookNowAndThen(world, farm));
}

/** Everything that real code does with promises without waiting for time has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
