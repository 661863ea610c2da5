import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient } from '@supabase/supabase-js';
import {
  type SupabaseDirectoryOptions,
  supabaseDirectory,
} from '../../../controller/directory/supabase-directory.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { SupabaseServer } from '../../helpers/supabase-server.ts';

const never = new AbortController().signal;
const ann = '0b7c2f0e-6f2b-4b5e-9d5e-3f6f1d2c4a10';

async function open(t: TestContext, changes: Partial<SupabaseDirectoryOptions> = {}) {
  const server = await SupabaseServer.open(t, 'create table profiles (id text primary key, username text);');
  const rows = [
    { id: ann, username: ' ann ' },
    { id: 'nobody', username: null },
    { id: 'line', username: 'a\nb' },
  ];
  const { error } = await createClient(server.url, 'key').from('profiles').insert(rows);
  assert.equal(error, null);
  const troubles: string[] = [];
  const clock = new ManualClock();
  const directory = supabaseDirectory({
    url: server.url,
    key: 'service-role-key',
    timeoutMs: 5_000,
    cacheMs: 600_000,
    nowMs: () => clock.nowMs(),
    onTrouble: ({ message }) => troubles.push(message),
    ...changes,
  });
  server.asked.length = 0;
  return { server, directory, troubles, clock };
}

test('A name comes from the profile, and is asked for once', async (t) => {
  const { server, directory } = await open(t);
  assert.equal(await directory.username(ann, never), 'ann');
  assert.equal(await directory.username(ann, never), 'ann');
  assert.equal(server.asked.length, 1);
});

test('Who has no row, no name or none that can be shown is unknown', async (t) => {
  const { directory, troubles } = await open(t);
  for (const userId of ['nobody', 'line', 'gone', "x' or true; --", 'a,b.eq.c)'])
    assert.equal(await directory.username(userId, never), 'unknown', userId);
  assert.deepEqual(troubles, []);
});

test('Who is unknown is asked for again: the profile of a new user can come a moment later', async (t) => {
  const { server, directory } = await open(t);
  assert.equal(await directory.username('new', never), 'unknown');
  const { error } = await createClient(server.url, 'key')
    .from('profiles')
    .insert([{ id: 'new', username: 'eve' }]);
  assert.equal(error, null);
  assert.equal(await directory.username('new', never), 'eve');
});

test('Away, slow or refusing, Supabase keeps no job back: names that were heard stay', async (t) => {
  const { server, directory, troubles, clock } = await open(t, { timeoutMs: 1_000, cacheMs: 1 });
  assert.equal(await directory.username(ann, never), 'ann');
  for (const fault of [{ status: 500 }, { status: 429 }, 'hang'] as const) {
    server.fault = () => fault;
    await clock.pass(5_000);
    assert.equal(await directory.username(ann, never), 'ann');
    await clock.pass(5_000);
    const before = troubles.length;
    assert.equal(await directory.username(`new-${JSON.stringify(fault)}`, never), 'unknown');
    assert.equal(troubles.length, before + 1);
  }
  const askedOfAnn = server.asked.filter((path) => path.includes(ann)).length;
  assert.ok(askedOfAnn > 1, 'what was heard had run out');
});

test('While Supabase is away, one asks now and then, and nobody else waits for it', async (t) => {
  const { server, directory, troubles, clock } = await open(t, { timeoutMs: 1_000 });
  const held: (() => void)[] = [];
  const name = (userId: string) => directory.username(userId, never);
  server.fault = () => 'hang';
  assert.equal(await name('first'), 'unknown');
  const { length } = server.asked;
  assert.deepEqual(await Promise.all([ann, 'first', 'second'].map(name)), ['unknown', 'unknown', 'unknown']);
  await clock.pass(4_999);
  assert.equal(await name('third'), 'unknown');
  assert.equal(server.asked.length, length, 'it is left alone');

  await clock.pass(1);
  server.fault = () => 'none';
  const asked = new Promise<void>((resolve) => {
    server.before = () => {
      resolve();
      return new Promise((go) => void held.push(go));
    };
  });
  const one = name('nobody');
  await asked;
  assert.equal(await name('others'), 'unknown', 'they do not wait for the one that asks');
  assert.deepEqual([held.length, troubles.length], [1, 1]);
  server.before = () => Promise.resolve();
  held[0]?.();
  assert.equal(await one, 'unknown');
  assert.equal(await name(ann), 'ann', 'it is back for all');

  server.fault = () => ({ status: 500 });
  assert.equal(await name('again'), 'unknown');
  await clock.pass(5_000);
  assert.equal(await name('again'), 'unknown');
  server.fault = () => 'none';
  await clock.pass(4_999);
  assert.equal(await name('nobody'), 'unknown');
  assert.equal(troubles.length, 3, 'asked in vain, it is away for as long again');
});

test('What Supabase does not like about one user is no trouble for the others', async (t) => {
  const { server, directory, troubles } = await open(t);
  server.fault = ({ url }) => (url?.includes('odd') === true ? { status: 400 } : 'none');
  assert.equal(await directory.username('odd', never), 'unknown');
  assert.equal(troubles.length, 1);
  assert.equal(await directory.username(ann, never), 'ann');
});

test('Who gives up is told so', async (t) => {
  const { directory } = await open(t);
  const reason = new Error('no longer wanted');
  await assert.rejects(directory.username(ann, AbortSignal.abort(reason)), reason);
});
