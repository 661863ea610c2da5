/**
 * `npm run bench -- outage [--jobs 200] [--outage-s 36] [--agents 4]`: a real controller on SQLite that tells Supabase
 * and BigQuery (stand-ins behind gates) of jobs that no-op agents publish; then both are killed for an hour, scaled to
 * `--outage-s` with the back-off of deliveries. A third of the jobs come before, during and after the outage.
 *
 * `rows_right`: jobs whose row in Supabase, with its items, and row in BigQuery are right in the end. `rows_twice`: rows
 * of a job beyond its one. `backlog_rows_max`, `backlog_bytes_max`: what waits in the store at most. The bytes are those of
 * its records: the store's files say nothing of it, since they grow in steps and are written again from their beginning.
 * `jobs_per_s_ratio`: jobs published a second during the outage over those before it.
 * The stand-ins have a process of their own, but the cores of this machine: where those are few, telling slows the farm
 * before the outage, and the ratio is above 1. `catch_up_s`: from the end of the outage until nothing waits.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, type RenderfarmClient } from '../client/renderfarm-client.ts';
import { defaultTimes } from '../controller/domain/times.ts';
import type { RecordKind } from '../controller/engine/turn/records.ts';
import { FarmUnderTest } from './farm-under-test.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { OutageStudio } from './outage-studio.ts';
import { rounded } from './statistics.ts';
import { Submitter } from './submitter.ts';

const hourS = 3_600;
const lookMs = 100;
/** Nothing that goes well takes longer. */
const patienceMs = 120_000;
/** Jobs that nobody measures: everything is opened and compiled with them. */
const warmUps = 20;
const userId = 'bench';
/** What destinations have not been told yet, as it is stored. */
const waitingKind: RecordKind = 'row';
const bytesOfKind = 'SELECT total(length(CAST(id || body AS BLOB))) AS bytes FROM records WHERE kind = ?';

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jobs: { type: 'string', default: '200' },
      'outage-s': { type: 'string', default: '36' },
      agents: { type: 'string', default: '4' },
    },
  });
  const [jobs, outageS] = [Number(values.jobs), Number(values['outage-s'])];
  await using studio = await OutageStudio.open(userId);
  await using farm = await Farm.open(studio, outageS / hourS, Number(values.agents));
  const third = Math.floor((jobs - warmUps) / 3);
  await farm.publish(warmUps);
  const before = await farm.publish(third);
  await farm.untilNothingWaits();
  process.stderr.write(`${rounded(before)} jobs/s; the outside is killed for ${outageS} s\n`);
  const backlog = farm.watchBacklog();
  await studio.kill();
  const endsAt = performance.now() + outageS * 1_000;
  const during = await farm.publish(third);
  await delay(Math.max(0, endsAt - performance.now()));
  process.stderr.write(`${rounded(during)} jobs/s during the outage; the outside comes back\n`);
  const backAt = performance.now();
  await studio.comeBack();
  await farm.untilNothingWaits();
  const catchUpS = (performance.now() - backAt) / 1_000;
  const { rows, bytes, sawAway } = await backlog.stop();
  await farm.publish(jobs - warmUps - 2 * third);
  await farm.untilNothingWaits();
  const { right, twice } = await studio.check(farm.published);
  return {
    jobs,
    outage_s: outageS,
    outage_seen: sawAway,
    rows_right: right,
    rows_twice: twice,
    backlog_rows_max: rows,
    backlog_bytes_max: bytes,
    jobs_per_s_before: rounded(before),
    jobs_per_s_during: rounded(during),
    jobs_per_s_ratio: rounded(during / before),
    catch_up_s: rounded(catchUpS),
  };
}

/** A controller that tells the studio, and agents that publish what they are given. */
class Farm implements AsyncDisposable {
  readonly #farm: FarmUnderTest;
  readonly #client: RenderfarmClient;
  readonly #submitter: Submitter;
  readonly #agents: readonly NoOpAgent[];
  readonly published: Set<string>;
  readonly #heard: { onPublished: () => void };

  private constructor(parts: {
    readonly farm: FarmUnderTest;
    readonly address: string;
    readonly agents: readonly NoOpAgent[];
    readonly published: Set<string>;
    readonly heard: { onPublished: () => void };
  }) {
    this.#farm = parts.farm;
    this.#client = connect({ addresses: [parts.address] });
    this.#submitter = new Submitter(parts.address, 16);
    this.#agents = parts.agents;
    this.published = parts.published;
    this.#heard = parts.heard;
  }

  static async open(studio: OutageStudio, scale: number, count: number): Promise<Farm> {
    const farm = await FarmUnderTest.open('sqlite');
    const { address } = await farm.startController(await settingsOf(farm, studio, scale));
    const published = new Set<string>();
    const heard = { onPublished: (): void => undefined };
    const onPublished = (jobId: string): void => {
      published.add(jobId);
      heard.onPublished();
    };
    const agents = Array.from(
      { length: count },
      (_, index) => new NoOpAgent({ agentId: `pc${index + 1}`, controllers: [address], onPublished }),
    );
    await Promise.all(agents.map(({ ready }) => ready));
    return new Farm({ farm, address, agents, published, heard });
  }

  /** Submits so many; resolves when all are published, with how many a second that were. */
  async publish(count: number): Promise<number> {
    const target = this.published.size + count;
    const done = Promise.withResolvers<undefined>();
    this.#heard.onPublished = () => {
      if (this.published.size >= target) done.resolve(undefined);
    };
    const startedAt = performance.now();
    const submits = Array.from({ length: count }, () => this.#submitter.submit({ userId }));
    await Promise.all([...submits, done.promise]);
    return count / ((performance.now() - startedAt) / 1_000);
  }

  async untilNothingWaits(): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while ((await this.#outbox()).some(({ rows }) => rows > 0)) {
      if (performance.now() > deadline) throw new Error(JSON.stringify(await this.#outbox()));
      await delay(lookMs);
    }
  }

  /** Looks at the backlog until it is stopped. */
  watchBacklog() {
    const most = { rows: 0, bytes: 0, sawAway: false };
    const over = new AbortController();
    const watching = this.#look(most, over.signal);
    return {
      stop: async () => {
        over.abort();
        await watching;
        return most;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#submitter.close();
    this.#client.close();
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    await this.#farm.stop();
  }

  async #look(most: { rows: number; bytes: number; sawAway: boolean }, over: AbortSignal): Promise<void> {
    using db = new DatabaseSync(join(this.#farm.folder, 'data', 'farm.sqlite'), { readOnly: true });
    const waiting = db.prepare(bytesOfKind);
    while (!over.aborted) {
      const outbox = await this.#outbox();
      most.rows = Math.max(
        most.rows,
        outbox.reduce((sum, { rows }) => sum + rows, 0),
      );
      most.sawAway ||= outbox.filter(({ awaySince }) => awaySince !== undefined).length >= 2;
      most.bytes = Math.max(most.bytes, Number(waiting.get(waitingKind)?.['bytes']));
      await delay(lookMs);
    }
  }

  async #outbox() {
    return (await this.#client.operator.status()).outbox;
  }
}

/** Only what delivers is scaled: leases and planning are not measured here. */
async function settingsOf(farm: FarmUnderTest, { urls }: OutageStudio, scale: number) {
  const keyFile = join(farm.folder, 'supabase-key');
  await writeFile(keyFile, 'service-role-key');
  const scaled = (ms: number): number => Math.max(10, Math.round(ms * scale));
  return {
    supabase: { url: urls.supabase, keyFile, mirror: {} },
    bigQuery: {
      projectId: 'studio',
      table: 'studio.media.videos',
      resultsTable: 'studio.media.results',
      location: 'EU',
      apiEndpoint: urls.bigQuery,
    },
    times: {
      deliveryRetryMinMs: scaled(defaultTimes.deliveryRetryMinMs),
      deliveryRetryMaxMs: scaled(defaultTimes.deliveryRetryMaxMs),
    },
  };
}
