import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DestinationAway } from '../../../controller/outbox/destination.ts';
import { MirrorStudio } from '../../helpers/mirror-studio.ts';
import { later, oneItem, outboxItem, ran, revision } from '../../helpers/mirrored-job.ts';
import { migrations, SupabaseServer } from '../../helpers/supabase-server.ts';

/** As a studio may have them: older than us, narrower, with rules of its own. */
const oldTables = `
  create table profiles (id uuid primary key, username text);
  create table jobs (
    id serial, job_id uuid primary key, user_id text not null, channel_name varchar(20) not null,
    enable_4k boolean default false, status text not null default 'queued',
    progress integer not null default 0, queue_name text, worker_id text,
    created_at timestamptz not null default now(), started_at timestamptz, completed_at timestamptz, output_path text,
    final_duration integer, error_message text
  );
  create table job_items (
    id serial primary key, job_id uuid not null references jobs (job_id), position integer not null,
    item_type text not null, video_id text, path text, title varchar(10), logo_path text, duration numeric,
    text_animation_text text, resolution text, is_4k boolean, path_available boolean
  );
  insert into jobs (job_id, user_id, channel_name)
    values ('00000000-0000-4000-8000-000000000001', 'old', 'Old');
`;

const supabaseWords = `
  create schema if not exists auth;
  create or replace function auth.uid() returns uuid language sql as 'select null::uuid';
  do $$ begin create role anon; create role authenticated; exception when duplicate_object then null; end $$;
`;

function reasonOf(answers: readonly { readonly result: string; readonly reason?: string }[]): string {
  const [first] = answers;
  assert.equal(first?.result, 'refused');
  return first.reason ?? '';
}

test('What PostgreSQL refuses for good', { timeout: 240_000 }, async (t) => {
  const studio = new MirrorStudio(await SupabaseServer.postgres(t), 60_000);

  const awayText = async (): Promise<string> => {
    const error = await studio.tell(outboxItem()).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof DestinationAway, String(error));
    assert.match(error.message, /have the migrations of deploy\/supabase been run/u);
    return error.message;
  };

  await t.test('Without tables it is away: nothing can be told at all', async () => {
    await awayText();
  });

  await t.test('Without our columns too, and one is named: no job is set aside for it', async () => {
    await studio.server.sql(oldTables);
    assert.match(await awayText(), /claimed_by|farm_state|revision/u);
  });

  await t.test('The migrations change nothing of what is there, and may be run twice', async () => {
    const all = 'select job_id, user_id, channel_name, status, progress from jobs';
    const before = await studio.server.sql(all);
    await studio.server.sql(await migrations());
    await studio.server.sql(await migrations());
    assert.deepEqual(await studio.server.sql(all), before);
    const [counted] = await studio.server.sql('select count(*)::int as n from job_items');
    assert.deepEqual(counted, { n: 0 });
  });

  await t.test('Revisions of 19 digits and more are ordered as numbers', async () => {
    await studio.server.sql(`update jobs set revision = ${revision(9)}`);
    const behind = (than: string): string => `select job_id from jobs where revision < '${than}'`;
    assert.equal((await studio.server.sql(behind(revision(9)))).length, 0);
    assert.equal((await studio.server.sql(behind(revision(10)))).length, 1);
    assert.equal((await studio.server.sql(behind(revision(1, 10)))).length, 1);
    assert.equal((await studio.server.sql(behind(revision(999, 0)))).length, 0);
  });

  await t.test('A text that is too long names its column; other jobs of the call are told', async () => {
    const long = outboxItem({ job: { channelName: 'x'.repeat(21) } });
    const titled = outboxItem({ items: [{ ...oneItem, title: 'a long title' }] });
    const good = outboxItem();
    const [first, second, third] = await studio.tell(long, good, titled);
    assert.match(JSON.stringify(first), /too long.*channel_name has 21 characters/u);
    assert.deepEqual(second, { result: 'delivered' });
    assert.match(JSON.stringify(third), /too long.*title has 12 characters/u);
    assert.equal((await studio.items(good.job.jobId)).length, 1);
  });

  await t.test('A value that is not of its column names it, and what comes later is told', async () => {
    const item = outboxItem();
    await studio.tell(item);
    const half = later(item, 2, { finalDurationMs: 120_500 });
    assert.match(reasonOf(await studio.tell(half)), /integer: "120.5" \(22P02\): final_duration is 120.5/u);
    assert.deepEqual(await studio.tell(later(item, 4, ran, 50)), [{ result: 'delivered' }]);
  });

  await t.test('The policies that the README gives are SQL', async () => {
    const readme = await readFile(new URL('../../../deploy/supabase/README.md', import.meta.url), 'utf8');
    const blocks = [...readme.matchAll(/```sql\n(.*?)```/gsu)].map(([, sql]) => sql ?? '');
    assert.equal(blocks.length, 2);
    await studio.server.sql(supabaseWords + blocks.join('\n'));
  });
});
