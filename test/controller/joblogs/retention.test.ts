import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FarmError } from '../../../controller/domain/errors.ts';
import { logFolder } from '../../../controller/domain/names.ts';
import type { LogStanding } from '../../../controller/engine/farm.ts';
import { openLogIndex } from '../../../controller/joblogs/log-index.ts';
import { startLogRetention } from '../../../controller/joblogs/retention.ts';
import { Turns } from '../../../controller/joblogs/turns.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 10, 22, 12);

/** A small logs folder, a clock that stands still, and a farm that knows what it is told. */
async function open(t: TestContext, keep: { keepDays?: number; keepBytes?: number } = {}) {
  const root = await tempFolder(t);
  const clock = new ManualClock(startMs);
  const index = openLogIndex(root);
  const turns = new Turns();
  const standings = new Map<string, LogStanding>();
  const strange: string[] = [];
  const removed: { folders: number; bytes: number }[] = [];
  const troubles: { message: string; error: unknown }[] = [];
  const farm = { isServing: true, isHistoryAway: false, asked: 0 };
  const retention = startLogRetention({
    ...{ root, index, clock, turns, timeZone: 'UTC', keepDays: 10, keepBytes: 2 ** 40, ...keep },
    farm: {
      logOf(jobId) {
        farm.asked += 1;
        if (farm.isHistoryAway && !standings.has(jobId))
          return Promise.reject(new FarmError('HISTORY_UNAVAILABLE', 'fetch failed'));
        return Promise.resolve(standings.get(jobId));
      },
      status: () => ({
        role: 'leading',
        sinceMs: 0,
        serving: farm.isServing,
        leaderAddresses: [],
        durability: '',
      }),
    },
    onStrange: (path) => strange.push(path),
    onTrouble: (message, error) => troubles.push({ message, error }),
    onRemoved: (one) => removed.push(one),
  });
  t.after(() => retention.stop());
  return {
    ...{ root, clock, index, turns, standings, strange, removed, troubles, farm },
    /** A job folder of this age, with files of so many bytes. */
    async job(n: number, daysAgo: number, bytes = 100): Promise<string> {
      const atMs = startMs - daysAgo * dayMs;
      const jobId = jobIdOf(n);
      const place = {
        logDate: new Date(atMs).toISOString().slice(0, 10),
        username: 'ann',
        channelName: 'C',
        jobId,
      };
      const folder = logFolder(place);
      const files = { 'job.log': bytes - 20, 'attempt-2/ffmpeg_stderr.txt': 20 };
      for (const [name, size] of Object.entries(files)) {
        const path = join(root, folder, name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, 'x'.repeat(size));
        await utimes(path, atMs / 1_000, atMs / 1_000);
      }
      await index.put(jobId, folder);
      return folder;
    },
    /** Time passes until the next look that removes something has come to its end. */
    async look(): Promise<void> {
      const before = removed.length;
      while (removed.length === before) await clock.pass(hourMs / 20);
    },
    here: (folder: string) => existsSync(join(root, folder)),
  };
}

function jobIdOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

test('Logs of days that are over go, with their folders and their place in the index; others stay', async (t) => {
  const room = await open(t, { keepDays: 10 });
  const [old, kept] = [await room.job(1, 11), await room.job(2, 10)];
  await room.look();
  assert.deepEqual([room.here(old), room.here(kept)], [false, true]);
  assert.deepEqual(room.removed, [{ folders: 1, bytes: 100 }]);
  assert.equal(room.here(old.split('/')[0] ?? ''), false, 'the folder of the date goes too');
  assert.equal(await room.index.find(jobIdOf(1)), undefined);
  assert.equal(await room.index.find(jobIdOf(2)), kept);
  await room.clock.jump(dayMs);
  await room.look();
  assert.equal(room.here(kept), false);
});

test('Logs of jobs that have left the farm go also while history cannot be read', async (t) => {
  const room = await open(t);
  const [left, running] = [await room.job(1, 300), await room.job(2, 300)];
  room.standings.set(jobIdOf(2), { hasEnded: false, attemptNumber: 1 });
  room.farm.isHistoryAway = true;
  await room.look();
  assert.deepEqual([room.here(left), room.here(running)], [false, true]);
});

test('Beyond the bytes that may be there the oldest go, and no more of them than must', async (t) => {
  const room = await open(t, { keepBytes: 250 });
  const folders = [];
  for (const [n, daysAgo] of [3, 1, 4, 2].entries()) folders.push(await room.job(n, daysAgo));
  await room.look();
  assert.deepEqual(folders.map(room.here), [false, true, false, true]);
  assert.deepEqual(room.troubles, []);
});

test('The log of a job that has not ended stays, however old and large; so does one that is being written to', async (t) => {
  const room = await open(t, { keepDays: 1, keepBytes: 2 ** 20 });
  const [running, ended, fresh] = [
    await room.job(1, 300, 2 ** 21),
    await room.job(2, 300),
    await room.job(3, 300),
  ];
  room.standings.set(jobIdOf(1), { hasEnded: false, attemptNumber: 1 });
  room.standings.set(jobIdOf(2), { hasEnded: true, attemptNumber: 1 });
  const now = (startMs + 59_000) / 1_000;
  await utimes(join(room.root, fresh, 'job.log'), now, now);
  // The first look comes after a minute.
  await room.clock.pass(61_000);
  while (room.removed.length === 0) await readdir(room.root);
  assert.deepEqual([room.here(running), room.here(ended), room.here(fresh)], [true, false, true]);
});

test('A log that is written to in the moment of its removal stays whole: removing waits for its turn', async (t) => {
  const room = await open(t);
  const [written, old] = [await room.job(1, 301), await room.job(2, 300)];
  const upload = Promise.withResolvers<undefined>();
  const uploading = room.turns.take(written, async () => {
    await upload.promise;
    const now = room.clock.nowMs() / 1_000;
    await utimes(join(room.root, written, 'job.log'), now, now);
  });
  await room.clock.pass(61_000);
  // It has been found, and is the oldest: it would go next.
  while (room.farm.asked === 0) await readdir(room.root);
  for (let round = 0; round < 20; round += 1) await readdir(room.root);
  assert.deepEqual([room.here(written), room.here(old)], [true, true]);
  upload.resolve(undefined);
  await uploading;
  while (room.removed.length === 0) await readdir(room.root);
  assert.deepEqual([room.here(written), room.here(old)], [true, false]);
  assert.equal(await room.index.find(jobIdOf(1)), written);
});

test('Folders that cannot be removed are told of once a look, and keep no other from going', async (t) => {
  const room = await open(t);
  const [first, second, third] = [await room.job(1, 302), await room.job(2, 301), await room.job(3, 300)];
  const drop = room.index.drop.bind(room.index);
  const full = Object.assign(new Error('no'), { code: 'EROFS' });
  room.index.drop = (jobId, folder) => (folder === third ? drop(jobId, folder) : Promise.reject(full));
  await room.look();
  assert.deepEqual([room.here(second), room.here(third)], [false, false]);
  assert.deepEqual(room.removed, [{ folders: 1, bytes: 100 }]);
  const message = `2 old log folders cannot be removed, the first of them ${first}`;
  assert.deepEqual(room.troubles, [{ message, error: full }]);
});

test('What is not ours stays: links and what they point at, files of others, folders of other names', async (t) => {
  const room = await open(t);
  const outside = await tempFolder(t);
  const folder = await room.job(1, 300);
  const gone = await room.job(2, 300);
  await writeFile(join(outside, 'precious'), 'x');
  await symlink(outside, join(room.root, '2001-01-01'));
  await symlink(outside, join(room.root, '2026-01-26', 'link'));
  await symlink(join(outside, 'precious'), join(room.root, folder, 'ffmpeg_cmd.txt'));
  await symlink(outside, join(room.root, folder, 'attempt-3'));
  await mkdir(join(room.root, 'notes'));
  await writeFile(join(room.root, '2026-01-26', 'ann', 'jobs', 'readme.txt'), 'x');
  await writeFile(join(room.root, folder, 'mine.txt'), 'x');
  await room.look();
  assert.deepEqual(await readdir(outside), ['precious']);
  assert.deepEqual((await readdir(join(room.root, folder))).sort(), [
    'attempt-3',
    'ffmpeg_cmd.txt',
    'mine.txt',
  ]);
  assert.equal(room.here(gone), false);
  const date = '2026-01-26';
  assert.deepEqual(
    [...new Set(room.strange)].sort(),
    [
      '2001-01-01',
      `${date}/ann/jobs/readme.txt`,
      `${folder}/attempt-3`,
      `${folder}/ffmpeg_cmd.txt`,
      `${folder}/mine.txt`,
      `${date}/link`,
      'notes',
    ].sort(),
  );
});

test('Many go in slices, and none once another controller leads', async (t) => {
  const room = await open(t);
  for (let n = 0; n < 45; n += 1) await room.job(n, 20);
  const countLeft = async () =>
    (await readdir(join(room.root, '2026-11-02', 'ann', 'jobs')).catch(() => [])).length;
  await room.clock.pass(60_000);
  while ((await countLeft()) > 25) await room.clock.pass(0);
  // It has paused: nothing more goes while the clock stands.
  for (let round = 0; round < 20; round += 1) await readdir(room.root);
  assert.equal(await countLeft(), 25);
  room.farm.isServing = false;
  await room.look();
  assert.equal(await countLeft(), 25);
  room.farm.isServing = true;
  await room.look();
  assert.equal(await countLeft(), 0);
});

test('A farm that cannot be asked loses no log', async (t) => {
  const root = await tempFolder(t);
  const folder = join(
    root,
    logFolder({ logDate: '2020-01-01', username: 'u', channelName: 'c', jobId: jobIdOf(1) }),
  );
  await mkdir(folder, { recursive: true });
  const clock = new ManualClock(startMs);
  const told = Promise.withResolvers<unknown>();
  const retention = startLogRetention({
    ...{ root, index: openLogIndex(root), turns: new Turns(), clock, timeZone: 'UTC' },
    ...{ keepDays: 1, keepBytes: 2 ** 40 },
    farm: {
      logOf: () => Promise.reject(new FarmError('NOT_LEADING', 'another one leads')),
      status: () => ({ role: 'leading', sinceMs: 0, serving: true, leaderAddresses: [], durability: '' }),
    },
    onStrange: (path) => assert.fail(path),
    onTrouble: (_message, error) => told.resolve(error),
    onRemoved: () => assert.fail('removed'),
  });
  await clock.pass(61_000);
  assert.match(String(await told.promise), /another one leads/u);
  await retention.stop();
  assert.ok(existsSync(folder));
});
