/**
 * `npm run bench -- failover [--leases 1000] [--agents 1000]`: two real controllers on one Redis (appendfsync always),
 * agents that each hold a job and know both addresses; then kill -9 of the leader. All times are those of production.
 *
 * `takeover_s`: from the kill to the standby's word that it leads. `all_attached_s`: to the Welcome of the last agent.
 * `restarted`: jobs that were assigned again, to anybody, from the kill until 20 s after the last Welcome. `lost`: jobs
 * that the new leader does not show as running then, or whose agent was told to stop.
 */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '../client/renderfarm-client.ts';
import { fenceText, type Welcome } from '../proto/agent-link.ts';
import { FarmUnderTest } from './farm-under-test.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { rounded } from './statistics.ts';
import { Submitter } from './submitter.ts';

/** What still goes wrong would show by then: a second assignment, an end of a lease. */
const watchedMs = 20_000;
const connectingMax = 50;

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      leases: { type: 'string', default: '1000' },
      agents: { type: 'string', default: '1000' },
    },
  });
  const [leases, count] = [Number(values.leases), Number(values.agents)];
  const farm = await FarmUnderTest.open('redis-always');
  const fleet = new Fleet();
  try {
    const standbyLeads = Promise.withResolvers<number>();
    const leader = await farm.startController();
    const standby = await farm.startController({}, (line) => {
      if (line.includes('leading the farm')) standbyLeads.resolve(performance.now());
    });
    const addresses = [leader.address, standby.address];
    await fleet.attach(count, Math.ceil(leases / count), addresses);
    await fleet.giveJobs(leader.address, leases);
    process.stderr.write(`${fleet.leased} jobs are leased; the leader is killed\n`);
    const attached = fleet.allWelcomed();
    const killedAt = performance.now();
    leader.process.signal('SIGKILL');
    const takeoverAt = await standbyLeads.promise;
    process.stderr.write(`the standby leads after ${rounded((takeoverAt - killedAt) / 1000)} s\n`);
    const attachedAt = await attached;
    await delay(watchedMs);
    const running = await countRunning(standby.address);
    return {
      leased_jobs: leases,
      takeover_s: rounded((takeoverAt - killedAt) / 1000),
      all_attached_s: rounded((attachedAt - killedAt) / 1000),
      restarted: fleet.restarted,
      lost: Math.max(leases - running, fleet.stopped),
    };
  } finally {
    await fleet.stop();
    await farm.stop();
  }
}

/** The agents, and what happens to them. */
class Fleet {
  readonly #agents: NoOpAgent[] = [];
  /** By job: the fence of its one assignment. */
  readonly #fences = new Map<string, string>();
  #onLeased = (): void => undefined;
  #onWelcome = (): void => undefined;
  restarted = 0;
  stopped = 0;

  get leased(): number {
    return this.#fences.size;
  }

  async attach(count: number, slots: number, controllers: readonly string[]): Promise<void> {
    const attachSome = async (): Promise<void> => {
      while (this.#agents.length < count) {
        const agent = new NoOpAgent({
          agentId: `bench-${this.#agents.length}`,
          controllers,
          slots,
          plan: 'hold',
          progressMs: 5_000,
          onAssign: ({ ref }) => this.#assigned(ref.jobId, fenceText(ref.fence)),
          onWelcome: (welcome) => this.#welcomed(welcome),
        });
        this.#agents.push(agent);
        await agent.ready;
      }
    };
    await Promise.all(Array.from({ length: connectingMax }, attachSome));
  }

  /** Resolves when every job has its agent. */
  async giveJobs(address: string, jobs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#onLeased = () => {
      if (this.leased === jobs) resolve(undefined);
    };
    const submitter = new Submitter(address, connectingMax);
    let begun = 0;
    const submitSome = async (): Promise<void> => {
      while (begun < jobs) {
        begun += 1;
        await submitter.submit({ userId: 'bench' });
      }
    };
    await Promise.all(Array.from({ length: connectingMax }, submitSome));
    submitter.close();
    await promise;
    // What the agents said of the last jobs becomes durable too.
    await delay(2_000);
  }

  /** When the last agent is welcomed, from now on. */
  allWelcomed(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    let welcomed = 0;
    this.#onWelcome = () => {
      welcomed += 1;
      if (welcomed === this.#agents.length) resolve(performance.now());
    };
    return promise;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
  }

  #assigned(jobId: string, fence: string): void {
    const before = this.#fences.get(jobId);
    this.#fences.set(jobId, fence);
    if (before !== undefined && before !== fence) this.restarted += 1;
    this.#onLeased();
  }

  #welcomed({ verdicts }: Welcome): void {
    for (const { decision } of verdicts) {
      if (decision.verdict !== 'keep' && decision.verdict !== 'adopt') this.stopped += 1;
    }
    this.#onWelcome();
  }
}

async function countRunning(address: string): Promise<number> {
  const client = connect({ addresses: [address] });
  let running = 0;
  for await (const job of client.list({ states: ['running'] })) {
    if (job.state === 'running') running += 1;
  }
  client.close();
  return running;
}
