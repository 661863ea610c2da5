import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { LogAddress, LogFileName } from '../../../controller/domain/log-files.ts';
import { openJobLogs } from '../../../controller/joblogs/job-logs.ts';
import { Turns } from '../../../controller/joblogs/turns.ts';

const jobId = 'aaaaaaaa-0000-4000-8000-000000000001';
const place = { logDate: '2026-11-22', username: 'ann', channelName: 'My Channel', jobId };
const folderName = `2026-11-22/ann/jobs/My_Channel_${jobId}`;

function address(file: LogFileName, attemptNumber = 1): LogAddress {
  return { place, attemptNumber, file };
}

async function openTemporary() {
  const root = await mkdtemp(join(tmpdir(), 'joblogs-'));
  const logs = openJobLogs({
    root,
    turns: new Turns(),
    fileBytesMax: { 'job.log': 100, 'ffmpeg_cmd.txt': 100, 'ffmpeg_stderr.txt': 100 },
  });
  return {
    root,
    logs,
    text: (name: string) => readFile(join(root, folderName, name), 'utf8'),
    append: (target: LogAddress, offset: number, data: string) =>
      logs.append(target, offset, Buffer.from(data)),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

suite('the log folder of a job', () => {
  test('has the files of the first attempt, and those of later ones in folders of their own', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'first\n');
    await folder.append(address('ffmpeg_cmd.txt'), 0, 'ffmpeg -i a');
    await folder.append(address('ffmpeg_stderr.txt'), 0, 'warn');
    await folder.append(address('ffmpeg_cmd.txt', 2), 0, 'ffmpeg -i b');
    await folder.append(address('ffmpeg_stderr.txt', 2), 0, 'err');
    assert.equal(await folder.text('job.log'), 'first\n');
    assert.equal(await folder.text('ffmpeg_cmd.txt'), 'ffmpeg -i a');
    assert.equal(await folder.text('attempt-2/ffmpeg_cmd.txt'), 'ffmpeg -i b');
    assert.equal(await folder.text('attempt-2/ffmpeg_stderr.txt'), 'err');
    const names = (await readdir(join(folder.root, folderName))).sort();
    assert.deepStrictEqual(names, ['attempt-2', 'ffmpeg_cmd.txt', 'ffmpeg_stderr.txt', 'job.log']);
  });

  test('keeps the log of a later attempt under a header', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'first\n');
    await folder.append(address('job.log', 2), 0, 'second\n');
    await folder.append(address('job.log', 2), 7, 'goes on\n');
    assert.equal(await folder.text('job.log'), 'first\n\n=== Attempt 2 ===\nsecond\ngoes on\n');
    assert.equal(await folder.logs.size(address('job.log')), 6);
    assert.equal(await folder.logs.size(address('job.log', 2)), 15);
  });

  test('takes the last lines of a lost attempt after the next one has begun', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'a');
    await folder.append(address('job.log', 2), 0, 'B');
    await folder.append(address('job.log'), 1, 'aa');
    await folder.append(address('job.log', 2), 1, 'BB');
    const expected =
      'a\n=== Attempt 2 ===\nB\n=== Attempt 1 (continued) ===\naa\n=== Attempt 2 (continued) ===\nBB';
    assert.equal(await folder.text('job.log'), expected);
    assert.equal(await folder.logs.size(address('job.log')), 3);
    assert.equal(await folder.logs.size(address('job.log', 2)), 3);
  });

  test('begins with a header where the first attempt never wrote', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log', 3), 0, 'x');
    assert.equal(await folder.text('job.log'), '=== Attempt 3 ===\nx');
    assert.equal(await folder.logs.size(address('job.log')), 0);
    assert.equal(await folder.logs.size(address('job.log', 3)), 1);
  });

  test('writes a header again that a crash cut off', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'first\n');
    await folder.append(address('job.log', 2), 0, 'second\n');
    await truncate(join(folder.root, folderName, 'job.log'), 'first\n\n=== Att'.length);
    assert.equal(await folder.logs.size(address('job.log', 2)), 0);
    await folder.append(address('job.log', 2), 0, 'second\n');
    assert.equal(await folder.text('job.log'), 'first\n\n=== Attempt 2 ===\nsecond\n');
    assert.equal(await folder.logs.size(address('job.log')), 6);
  });
});

suite('receiving a log', () => {
  test('is idempotent: what is here already is skipped', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'hello');
    assert.equal(await folder.append(address('job.log'), 0, 'hello'), 5);
    assert.equal(await folder.append(address('job.log'), 3, 'lo world'), 11);
    assert.equal(await folder.text('job.log'), 'hello world');
  });

  test('refuses a gap and says how much is here', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'hello');
    const message = `job.log of attempt 1 of job ${jobId} has 5 bytes, not the 6 before this part`;
    await assert.rejects(folder.append(address('job.log'), 6, '!'), { code: 'LOG_OFFSET', message });
  });

  test('refuses more than the limit of the file', async () => {
    await using folder = await openTemporary();
    await folder.append(address('job.log'), 0, 'x'.repeat(100));
    await assert.rejects(folder.append(address('job.log'), 100, 'x'), { code: 'LOG_TOO_LARGE' });
  });

  test('leaves each byte once when two uploads send the same at the same time', async () => {
    await using folder = await openTemporary();
    const data = 'abcdefghij';
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        folder.append(address('job.log'), 0, data.slice(0, (index % 10) + 1)),
      ),
    );
    assert.equal(await folder.text('job.log'), data);
  });

  test('says that the storage is unavailable when it cannot be written', async () => {
    await using folder = await openTemporary();
    await writeFile(join(folder.root, '2026-11-22'), 'a file where a folder should be');
    await assert.rejects(folder.append(address('job.log'), 0, 'x'), { code: 'STORAGE_UNAVAILABLE' });
  });

  test('gives back what attempts sent, in any order and with any repetitions', async () => {
    const writes = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(8), fc.nat(4)), {
      maxLength: 12,
    });
    const property = fc.asyncProperty(writes, async (steps) => {
      await using folder = await openTemporary();
      const sent = new Map<number, number>();
      for (const [attempt, length, back] of steps) {
        const size = sent.get(attempt) ?? 0;
        const offset = Math.max(0, size - back);
        if (offset + length > 100) continue;
        const after = await folder.append(
          address('job.log', attempt),
          offset,
          String(attempt).repeat(length),
        );
        sent.set(attempt, Math.max(size, offset + length));
        assert.equal(after, sent.get(attempt));
      }
      for (const [attempt, size] of sent) {
        assert.equal(await folder.logs.size(address('job.log', attempt)), size);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
