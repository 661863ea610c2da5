import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { StoreIncompatible, StoreUnavailable } from '../../../controller/store/port.ts';
import { openSqliteStore } from '../../../controller/store/sqlite/sqlite-store.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { runConformance } from './conformance.ts';
import { batch, lead, record } from './store-harness.ts';

runConformance('SQLite', async (t) => {
  const file = join(await tempFolder(t), 'data', 'farm.sqlite');
  return {
    open: () => openSqliteStore({ file, leadRetryMs: 5 }),
    failAt: (recordId) => failAt(file, recordId),
    // An answer that is lost is what kill -9 does (below).
    faults: ['before'],
    failWrites: (fault) => failFarm(file, fault !== undefined),
    save: async () => await saveFile(file),
    losesTailWhileOpen: false,
  };
});

/** As `failAt`, for the row that every call that writes changes. */
function failFarm(file: string, fails: boolean): void {
  const db = new DatabaseSync(file, { timeout: 2_000 });
  db.exec('DROP TRIGGER IF EXISTS fail_farm');
  if (fails)
    db.exec("CREATE TRIGGER fail_farm BEFORE UPDATE ON farm BEGIN SELECT RAISE(ABORT, 'planned'); END");
  db.close();
}

/** A copy that can be put back while no store is open: what a machine has after it lost its newest writes. */
async function saveFile(file: string): Promise<() => Promise<void>> {
  const copy = `${file}.saved`;
  await rm(copy, { force: true });
  const db = new DatabaseSync(file, { timeout: 2_000 });
  db.exec(`VACUUM INTO '${copy}'`);
  db.close();
  return async () => {
    for (const end of ['-wal', '-shm']) await rm(file + end, { force: true });
    await copyFile(copy, file);
  };
}

/** A trigger that stands for a write that fails: SQLite itself gives up the statement, in the middle of the batch. */
function failAt(file: string, recordId: string | undefined): void {
  const db = new DatabaseSync(file, { timeout: 2_000 });
  for (const [what, row] of [
    ['INSERT', 'new'],
    ['UPDATE', 'new'],
    ['DELETE', 'old'],
  ] as const) {
    db.exec(`DROP TRIGGER IF EXISTS fail_${what}`);
    if (recordId === undefined) continue;
    db.exec(`CREATE TRIGGER fail_${what} BEFORE ${what} ON records WHEN ${row}.id = '${recordId}'
      BEGIN SELECT RAISE(ABORT, 'planned'); END`);
  }
  db.close();
}

/** Starts the child and kills it with SIGKILL as soon as it has acknowledged so many batches; gives the last one. */
async function commitUntilKilled(file: string, batches: number): Promise<number> {
  const program = join(import.meta.dirname, 'commit-main.ts');
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const last = await lastAcknowledged(child, batches);
  await closed;
  return last;
}

async function lastAcknowledged(child: ChildProcess, batches: number): Promise<number> {
  let last = 0;
  let seen = 0;
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    seen += 1;
    if (seen === batches) child.kill('SIGKILL');
  }
  return last;
}

test('SQLite: kill -9 in the middle of commits loses no acknowledged batch and leaves no half of one', async (t) => {
  const file = join(await tempFolder(t), 'farm.sqlite');
  for (const batches of [1, 7, 40, 90]) {
    const acknowledged = await commitUntilKilled(file, batches);
    const store = openSqliteStore({ file });
    const { lastBatch, records } = await store.load();
    await store.close();
    assert.ok(lastBatch >= acknowledged, `batch ${acknowledged} was acknowledged, ${lastBatch} is the last`);
    const bodies = new Map(records.map((each) => [each.id, each.body]));
    assert.equal(bodies.get('a'), lastBatch);
    assert.equal(bodies.get('b'), lastBatch);
    assert.equal(records.length, lastBatch + 2);
  }
});

test('SQLite: another process that leads keeps us waiting, and its kill lets us lead', async (t) => {
  const file = join(await tempFolder(t), 'farm.sqlite');
  const program = join(import.meta.dirname, 'commit-main.ts');
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.stdout.resume();
  const store = openSqliteStore({ file, leadRetryMs: 5 });
  t.after(() => store.close());
  let leads = false;
  const waiting = lead(store).finally(() => {
    leads = true;
  });
  await store.load();
  assert.equal(leads, false);
  child.kill('SIGKILL');
  await closed;
  assert.equal((await waiting).term, 2);
});

test('SQLite: a file that may not grow refuses the batch, and takes it when there is room', async (t) => {
  const file = join(await tempFolder(t), 'farm.sqlite');
  const large = batch(1, [record('small'), record('large', 'x'.repeat(2_000_000))]);
  const small = openSqliteStore({ file, fileBytesMax: 1_000_000 });
  const epoch = await lead(small);
  await assert.rejects(small.commit(large, epoch), { code: 'STORE_UNAVAILABLE', message: /full/u });
  assert.equal((await small.load()).records.length, 0);
  assert.deepEqual(await small.commit(batch(1, [record('small')]), epoch), { result: 'committed' });
  await small.close();
  const roomy = openSqliteStore({ file });
  t.after(() => roomy.close());
  const next = { ...large, number: 2, previous: 1 };
  assert.deepEqual(await roomy.commit(next, await lead(roomy)), { result: 'committed' });
});

test('SQLite: a database that somebody else keeps locked is unavailable, and available again', async (t) => {
  const file = join(await tempFolder(t), 'farm.sqlite');
  const store = openSqliteStore({ file });
  t.after(() => store.close());
  const epoch = await lead(store);
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(store.commit(batch(1, [record('a')]), epoch), StoreUnavailable);
  other.close();
  assert.deepEqual(await store.commit(batch(1, [record('a')]), epoch), { result: 'committed' });
});

test('SQLite: a folder that cannot be made is named', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), '');
  const file = join(folder, 'file', 'farm.sqlite');
  const store = openSqliteStore({ file });
  t.after(() => store.close());
  await assert.rejects(lead(store), (error: Error) => {
    assert.ok(error instanceof StoreUnavailable);
    assert.ok(error.message.includes(file), error.message);
    return true;
  });
});

test('SQLite: a database of a later release or of another program is refused untouched', async (t) => {
  const folder = await tempFolder(t);
  const later = join(folder, 'later.sqlite');
  const first = openSqliteStore({ file: later });
  await lead(first);
  await first.close();
  const db = new DatabaseSync(later);
  db.exec('PRAGMA user_version = 99');
  db.close();
  const foreign = join(folder, 'foreign.sqlite');
  const other = new DatabaseSync(foreign);
  other.exec('CREATE TABLE mine (x)');
  other.close();
  for (const [file, message] of [
    [later, /schema 99; this release knows 2/u],
    [foreign, /another program/u],
  ] as const) {
    const store = openSqliteStore({ file });
    await assert.rejects(lead(store), (error: Error) => {
      assert.ok(error instanceof StoreIncompatible);
      assert.match(error.message, message);
      return true;
    });
    await store.close();
  }
});

test('SQLite: a file that is no database is none of ours', async (t) => {
  const folder = join(await tempFolder(t), 'data');
  await mkdir(folder);
  const file = join(folder, 'farm.sqlite');
  await writeFile(file, 'this is no database, but a text that is long enough to be taken for one'.repeat(30));
  const store = openSqliteStore({ file });
  t.after(() => store.close());
  await assert.rejects(lead(store), StoreIncompatible);
});

test('SQLite: it says how durable it is', async (t) => {
  const store = openSqliteStore({ file: join(await tempFolder(t), 'farm.sqlite') });
  t.after(() => store.close());
  assert.match((await store.durability()).description, /WAL, synchronous=FULL/u);
});
