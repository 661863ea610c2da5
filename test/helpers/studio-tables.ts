import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { type SupabaseDatabase, SupabaseServer } from './supabase-server.ts';

/** Columns as deploy/supabase/migrations makes them, without types that SQLite does not know; nothing is checked. */
const schema = `
create table profiles (id text primary key, username text);
create table jobs (
  job_id text primary key, user_id text, channel_name text, enable_4k boolean default false,
  status text not null default 'queued', progress integer not null default 0, queue_name text, worker_id text,
  created_at text, started_at text, completed_at text, output_path text, final_duration double precision,
  error_message text, revision text not null default '0', farm text, claimed_by text, claimed_at text,
  farm_state text, farm_job text
);
create table job_items (
  job_id text not null, position integer, item_type text, video_id text, path text, title text, logo_path text,
  duration double precision, text_animation_text text, resolution text, is_4k boolean, path_available boolean
);`;

/** A statement of the stand-in takes 100 values. */
const itemsAtOnce = 25;

type Row = Readonly<Record<string, unknown>>;

/** The studio's tables behind a real socket, written to as a web application would. */
export class StudioTables {
  readonly server: SupabaseServer;
  readonly #client: SupabaseClient;

  private constructor(server: SupabaseServer) {
    this.server = server;
    const client: unknown = createClient(server.url, 'service-role-key');
    this.#client = client as SupabaseClient;
  }

  static async open(t: TestContext): Promise<StudioTables> {
    return new StudioTables(await SupabaseServer.open(t, schema));
  }

  /** The tables as the migrations of deploy/ make them, with their keys; starting PostgreSQL takes some seconds. */
  static async migrated(t: TestContext, database: SupabaseDatabase): Promise<StudioTables> {
    return new StudioTables(await SupabaseServer.studio(t, database));
  }

  get access(): { readonly url: string; readonly key: string; readonly timeoutMs: number } {
    return { url: this.server.url, key: 'service-role-key', timeoutMs: 5_000 };
  }

  /** A queued row for our kind of farm, with its items; `n` is its place by age. */
  async insert(
    jobId: string,
    n: number,
    changes: Row = {},
    items: readonly Row[] = [oneItem],
  ): Promise<void> {
    const job = {
      ...{ job_id: jobId, user_id: 'ann', channel_name: 'Kids TV', status: 'queued', farm: 'renderfarm' },
      created_at: new Date(1_700_000_000_000 + n * 1_000).toISOString(),
      ...changes,
    };
    await this.#write('jobs', [job]);
    await this.insertItems(jobId, items);
  }

  async insertItems(jobId: string, items: readonly Row[]): Promise<void> {
    const rows = items.map((item) => ({ job_id: jobId, ...item }));
    for (let at = 0; at < rows.length; at += itemsAtOnce)
      await this.#write('job_items', rows.slice(at, at + itemsAtOnce));
  }

  async row(jobId: string): Promise<Row> {
    const { data, error } = await this.#client.from('jobs').select('*').eq('job_id', jobId);
    assert.equal(error, null);
    const [row] = data as readonly Row[];
    assert.ok(row, `no row ${jobId}`);
    return row;
  }

  async change(jobId: string, change: Row): Promise<void> {
    const { error } = await this.#client.from('jobs').update(change).eq('job_id', jobId);
    assert.equal(error, null);
  }

  async #write(table: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const { error } = await this.#client.from(table).insert([...rows]);
    assert.equal(error, null);
  }
}

export function rowId(n: number): string {
  return `00000000-0000-4000-8000-${String(n < 0 ? 1e9 - n : n).padStart(12, '0')}`;
}

export const oneItem: Row = { position: 0, item_type: 'video', path: '\\\\nas\\Clips\\a.mp4' };
