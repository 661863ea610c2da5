import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import { supabaseMirror } from '../../controller/directory/supabase-mirror.ts';
import type { Delivery, Destination, OutboxItem } from '../../controller/outbox/destination.ts';
import { type Fault, type SupabaseDatabase, SupabaseServer } from './supabase-server.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The studio's tables, the farm's mirror of jobs in them, and somebody else who writes to them. */
export class MirrorStudio {
  readonly server: SupabaseServer;
  readonly mirror: Destination;
  readonly access: { readonly url: string; readonly key: string; readonly requestMs: number };

  constructor(server: SupabaseServer, requestMs = 10_000) {
    this.server = server;
    this.access = { url: server.url, key: 'service-role-key', requestMs };
    this.mirror = supabaseMirror({ ...this.access, farmName: 'farm' });
  }

  async tell(...items: readonly OutboxItem[]): Promise<readonly Delivery[]> {
    return await this.mirror.deliver(items, new AbortController().signal);
  }

  async row(jobId: string): Promise<Row> {
    const [row] = await this.#rows('jobs', jobId, 'job_id');
    assert.ok(row, `there is no row ${jobId}`);
    return row;
  }

  async items(jobId: string): Promise<readonly Row[]> {
    return await this.#rows('job_items', jobId, 'position');
  }

  async insert(table: 'jobs' | 'job_items', ...rows: readonly Row[]): Promise<void> {
    const { error } = await createClient(this.server.url, 'key')
      .from(table)
      .insert([...rows]);
    assert.equal(error, null);
  }

  async change(jobId: string, change: Row): Promise<void> {
    const { error } = await createClient(this.server.url, 'key')
      .from('jobs')
      .update(change)
      .eq('job_id', jobId);
    assert.equal(error, null);
  }

  /** Faults of the requests that come, one each; then none. */
  faults(...faults: readonly Fault[]): void {
    const left = [...faults];
    this.server.fault = () => left.shift() ?? 'none';
  }

  async #rows(table: string, jobId: string, orderedBy: string): Promise<readonly Row[]> {
    const found = await createClient(this.server.url, 'key')
      .from(table)
      .select('*')
      .eq('job_id', jobId)
      .order(orderedBy);
    assert.equal(found.error, null);
    return found.data as readonly Row[];
  }
}

type Each = (name: string, run: (studio: MirrorStudio, t: TestContext) => Promise<void>) => Promise<void>;

/** The same tests on both databases, each after the other with one server: PostgreSQL takes seconds to start. */
export function onBoth(
  tester: (name: string, options: object, run: (t: TestContext) => Promise<void>) => unknown,
  what: string,
  tests: (each: Each, database: SupabaseDatabase) => Promise<void>,
): void {
  for (const database of ['sqlite', 'pglite'] as const) {
    tester(`${what}, on ${database}`, { timeout: 240_000 }, async (t) => {
      const studio = new MirrorStudio(await SupabaseServer.studio(t, database));
      await tests(async (name, run) => {
        await t.test(name, async (subtest) => {
          studio.server.fault = () => 'none';
          studio.server.before = () => Promise.resolve();
          studio.server.asked.length = 0;
          await run(studio, subtest);
        });
      }, database);
    });
  }
}

/** A time as the databases write it. */
export function timeOf(value: unknown): number {
  return Date.parse(String(value).replace(' ', 'T').replace(/\+00$/u, 'Z'));
}
