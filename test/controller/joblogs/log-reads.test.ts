import assert from 'node:assert/strict';
import { readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FarmError } from '../../../controller/domain/errors.ts';
import { Growth } from '../../../controller/joblogs/growth.ts';
import { openLogIndex } from '../../../controller/joblogs/log-index.ts';
import { openLogReads } from '../../../controller/joblogs/log-reads.ts';
import {
  logJobId as jobId,
  logReader,
  openLogReader as open,
  setTimeoutOf,
  whilePassing,
} from '../../helpers/log-reader.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

describe('reading a log', () => {
  test('gives what is here, from any byte, or the last lines, and says whether it is whole', async (t) => {
    const room = await open(t);
    await room.add('one\ntwo\nthree\n');
    const all = await room.read().rest();
    assert.deepEqual(all, {
      text: 'one\ntwo\nthree\n',
      end: { kind: 'end', attempt: 0, offsetBytes: 14, isWhole: false },
    });
    assert.equal((await room.read({ offsetBytes: 4 }).rest()).text, 'two\nthree\n');
    assert.equal((await room.read({ tailLines: 2 }).rest()).text, 'two\nthree\n');
    assert.equal((await room.read({ tailLines: 9 }).rest()).text, 'one\ntwo\nthree\n');
    await room.add('no line feed');
    assert.equal((await room.read({ tailLines: 1 }).rest()).text, 'no line feed');
    await room.end();
    assert.equal((await room.read().rest()).end?.isWhole, false, 'the job has not ended');
    room.stands({ hasEnded: true });
    assert.equal((await room.read().rest()).end?.isWhole, true);
    await assert.rejects(room.read({ offsetBytes: 99 }).rest(), {
      code: 'LOG_OFFSET',
      message: /has 26 bytes here/u,
    });
  });

  test('gives one attempt of job.log, and the newest attempt of the other files', async (t) => {
    const room = await open(t);
    await room.add('A1\n');
    await room.add('B1\n', 'job.log', 2);
    await room.add('A2\n');
    await room.add('old', 'ffmpeg_stderr.txt', 1);
    await room.add('new', 'ffmpeg_stderr.txt', 2);
    room.stands({ attemptNumber: 3 });
    assert.equal((await room.read({ attempt: 1 }).rest()).text, 'A1\nA2\n');
    assert.equal((await room.read({ attempt: 1, offsetBytes: 2 }).rest()).text, '\nA2\n');
    assert.equal((await room.read({ attempt: 2 }).rest()).text, 'B1\n');
    const newest = await room.read({ file: 'ffmpeg_stderr.txt' }).rest();
    assert.deepEqual([newest.text, newest.end?.attempt], ['new', 2]);
    assert.equal((await room.read({ file: 'ffmpeg_stderr.txt', attempt: 1 }).rest()).text, 'old');
    await assert.rejects(room.read({ attempt: 7 }).rest(), { code: 'LOG_NOT_FOUND' });
  });

  test('finds the log of a job that has left the farm, for as long as its folder is there', async (t) => {
    const room = await open(t);
    await room.add('kept\n');
    await room.end();
    room.standings.delete(jobId);
    const found = await room.read({ follow: true }).rest();
    assert.deepEqual([found.text, found.end?.isWhole], ['kept\n', true]);
    await rm(room.path(''), { recursive: true });
    await assert.rejects(room.read({ follow: true }).rest(), { code: 'LOG_NOT_FOUND' });
    await assert.rejects(room.read({ jobId: jobId.replace('a', 'b') }).rest(), {
      code: 'JOB_NOT_FOUND',
      message: /^Job not found: baaaaaaa/u,
    });
  });

  test('finds it also while history, which alone knows the job, cannot be read', async (t) => {
    const away = new FarmError('HISTORY_UNAVAILABLE', 'fetch failed');
    const room = await open(t, { farm: { logOf: () => Promise.reject(away) } });
    await assert.rejects(room.read().rest(), { code: 'HISTORY_UNAVAILABLE' });
    await room.add('one\n');
    await room.end();
    assert.equal((await room.read().rest()).text, 'one\n');
    const followed = await room.read({ follow: true }).rest();
    assert.deepEqual([followed.text, followed.end?.isWhole], ['one\n', true]);
  });

  test('believes no index that points elsewhere, and follows no link', async (t) => {
    const room = await open(t);
    await room.add('mine');
    room.standings.delete(jobId);
    const entry = join(room.root, '.jobs', jobId.slice(0, 2), `${jobId}.json`);
    const outside = await tempFolder(t);
    await writeFile(join(outside, 'job.log'), 'secret');
    for (const folder of [`../../${outside}/x_${jobId}`, outside, `2026-11-22/../jobs/x_${jobId}`, 7]) {
      await writeFile(entry, JSON.stringify({ version: 1, folder }));
      await assert.rejects(room.read().rest(), { code: 'JOB_NOT_FOUND' });
    }
    await writeFile(entry, JSON.stringify({ version: 1, folder: room.folderName }));
    await rm(room.path('job.log'));
    await symlink(join(outside, 'job.log'), room.path('job.log'));
    await assert.rejects(room.read().rest(), {
      code: 'STORAGE_UNAVAILABLE',
      message: /cannot be read: ELOOP$/u,
    });
  });

  test('reads nothing ahead of its reader', async (t) => {
    const room = await open(t);
    await room.add('x'.repeat(200_000), 'ffmpeg_stderr.txt');
    const slow = room.read({ file: 'ffmpeg_stderr.txt', follow: true });
    assert.equal((await slow.next())?.kind, 'begin');
    const piece = await slow.next();
    assert.equal(piece?.kind === 'data' && piece.data.length, 65_536);
    await truncate(room.path('ffmpeg_stderr.txt'), 0);
    await assert.rejects(slow.next(), { code: 'LOG_NOT_FOUND', message: /removed while it was read/u });
  });

  test('has a limit of readers, and whoever leaves makes room', async (t) => {
    const room = await open(t, { readersMax: 2 });
    await room.add('x');
    const first = room.read({ follow: true });
    for (const each of [first, room.read({ follow: true })]) await each.next();
    const third = room.read();
    await assert.rejects(third.next(), {
      code: 'TOO_MANY_WATCHERS',
      message: /^2 logs are being read already/u,
    });
    first.leave();
    await first.rest();
    assert.equal((await room.read().rest()).text, 'x');
  });
});

describe('following a log', () => {
  test('gives what is added at once, and ends when the job has ended and its log is whole', async (t) => {
    const room = await open(t);
    await room.add('one\n');
    const follower = room.read({ follow: true });
    await follower.next();
    await follower.next();
    const next = follower.next();
    await room.add('two\n');
    // Nothing has moved the clock: it was told.
    assert.equal((await next)?.kind, 'data');
    const ending = follower.rest();
    room.stands({ hasEnded: true });
    await room.add('=== Job Completed Successfully ===\n');
    await room.end();
    const { text, end } = await whilePassing(room, ending);
    assert.equal(text, 'one\ntwo\n=== Job Completed Successfully ===\n');
    assert.equal(end?.isWhole, true);
  });

  test('waits for a job that has not started, and begins with its first line', async (t) => {
    const room = await open(t);
    room.standings.set(jobId, { hasEnded: false, attemptNumber: 0 });
    await assert.rejects(room.read().rest(), { code: 'LOG_NOT_FOUND', message: /it has not started$/u });
    const follower = room.read({ follow: true });
    const begin = follower.next();
    await room.clock.pass(2_000);
    room.stands({});
    await room.add('first\n');
    assert.deepEqual(await whilePassing(room, begin), {
      kind: 'begin',
      attempt: 0,
      offsetBytes: 0,
      sizeBytes: 6,
    });
    await follower.next();
    assert.equal(follower.text, 'first\n');
  });

  test('ends by itself where the agent never says that all is here: when nothing has come for a while', async (t) => {
    const room = await open(t, { quietMs: 30_000 });
    await room.add('one\n');
    const follower = room.read({ follow: true });
    await follower.next();
    await follower.next();
    // It was quiet for an hour before: that does not count.
    const rest = follower.rest();
    for (let round = 0; round < 50; round += 1)
      await room.clock.pass(1).then(() => readFile(room.path('job.log')));
    await room.clock.jump(3_600_000);
    room.stands({ hasEnded: true });
    const endedMs = room.clock.nowMs();
    const late = setTimeoutOf(room, 20_000, () => room.add('late\n'));
    const { text, end } = await whilePassing(room, rest);
    assert.deepEqual([text, end?.isWhole], ['one\nlate\n', false]);
    await late;
    assert.ok(room.clock.nowMs() - endedMs >= 50_000, `${room.clock.nowMs() - endedMs} ms`);
  });

  test('goes on with a later attempt: in job.log, and in the file of its own', async (t) => {
    const room = await open(t);
    await room.add('A', 'job.log');
    await room.add('a', 'ffmpeg_stderr.txt');
    const [whole, stderr] = [
      room.read({ follow: true }),
      room.read({ follow: true, file: 'ffmpeg_stderr.txt' }),
    ];
    for (const each of [whole, stderr, whole, stderr]) await each.next();
    const ended = [whole.rest(), stderr.rest()];
    room.stands({ attemptNumber: 2 });
    await room.add('B', 'job.log', 2);
    await room.add('b', 'ffmpeg_stderr.txt', 2);
    await room.end('ffmpeg_stderr.txt', 1);
    room.stands({ attemptNumber: 2, hasEnded: true });
    for (const file of ['job.log', 'ffmpeg_stderr.txt'] as const) await room.end(file, 2);
    const [all, errors] = await whilePassing(room, Promise.all(ended));
    assert.equal(all?.text, 'A\n=== Attempt 2 ===\nB');
    assert.deepEqual([errors?.text, errors?.end?.attempt, errors?.end?.isWhole], ['ab', 2, true]);
  });

  test('stops with the farm that it asks: a standby has taken over', async (t) => {
    const room = await open(t);
    await room.add('one\n');
    let isLeading = true;
    const logOf = () =>
      isLeading
        ? Promise.resolve(room.standings.get(jobId))
        : Promise.reject(new FarmError('NOT_LEADING', 'another one leads', { info: { leader: 'b:7070' } }));
    const parts = {
      root: room.root,
      growth: new Growth(),
      index: openLogIndex(room.root),
      clock: room.clock,
    };
    const reads = openLogReads({ ...parts, farm: { logOf } });
    const follower = logReader(t, reads, { follow: true });
    await follower.next();
    await follower.next();
    const rest = follower.rest();
    isLeading = false;
    await assert.rejects(whilePassing(room, rest), { code: 'NOT_LEADING', info: { leader: 'b:7070' } });
    assert.equal(follower.text, 'one\n');
  });

  test('gives each byte once to every reader, who breaks off and goes on as he likes', async (t) => {
    const seed = Date.now();
    t.diagnostic(`seed ${seed}`);
    const writes = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 90_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    const property = fc.asyncProperty(
      writes,
      fc.array(fc.nat(3), { maxLength: 6 }),
      async (steps, breaks) => {
        const room = await open(t);
        const write = async () => {
          for (const [attempt, length] of steps) {
            await room.add(String(attempt).repeat(length), 'job.log', attempt);
            await room.clock.pass(100);
          }
          room.stands({ hasEnded: true, attemptNumber: 3 });
          await room.add('end', 'job.log', 3);
          await room.end('job.log', 3);
        };
        const writing = write();
        let text = '';
        for (const pieces of [...breaks, Number.POSITIVE_INFINITY]) {
          const follower = room.read({ follow: true, offsetBytes: text.length });
          for (let left = pieces; left > 0; left -= 1) {
            const one = await follower.next();
            if (one === undefined || one.kind === 'end') break;
          }
          follower.leave();
          text += follower.text;
        }
        await writing;
        assert.equal(text, await readFile(room.path('job.log'), 'utf8'));
      },
    );
    await fc.assert(property, { numRuns: 15, seed });
  });
});
