import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join, posix, win32 } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { logLine } from '../../../agent/attempt/log-line.ts';
import { safeText } from '../../../client/cli/format.ts';
import { logFolder } from '../../../controller/domain/names.ts';
import { openJobLogs } from '../../../controller/joblogs/job-logs.ts';
import { openLogIndex } from '../../../controller/joblogs/log-index.ts';
import { isJobFolder, jobIdOf } from '../../../controller/joblogs/log-paths.ts';
import { Turns } from '../../../controller/joblogs/turns.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const jobId = 'aaaaaaaa-0000-4000-8000-000000000001';
/** What has led out of folders, ended lines and hidden names before, in any mixture. */
const nasty = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: 'grapheme', maxLength: 100 }),
      fc.constantFrom(
        ...['..', '.', '/', '\\', '../', '..\\', ' ', 'C:', '\\\\?\\', 'nul', 'COM1', 'con.', '~', ':stream'],
        ...[
          '\n',
          '\r\n',
          '\0',
          '\u0085',
          '\u2028',
          '\u001b[2J',
          '\u009b1m',
          '\b',
          '\u202e',
          '\u2066',
          '\u061c',
        ],
        ...['\u200e', '\ufeff', '\ud800', '%2e%2e%2f', '$(rm)', "'; drop", 'é', 'e\u0301'],
      ),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

function seeded(t: TestContext, numRuns: number) {
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}`);
  return { seed, numRuns };
}

test('Whatever user and channel are called, the folder stays in the logs on Linux and Windows, and is found again', (t) => {
  const property = fc.property(nasty, nasty, (username, channelName) => {
    const folder = logFolder({ logDate: '2026-11-22', username, channelName, jobId });
    const parts = folder.split('/');
    assert.equal(parts.length, 4, folder);
    for (const [path, root] of [
      [posix, '/logs'],
      [win32, 'C:\\logs'],
    ] as const) {
      const inside = path.resolve(root, folder);
      assert.equal(path.relative(root, inside).split(path.sep).join('/'), folder);
      assert.equal(path.relative(root, inside).startsWith('..'), false);
    }
    assert.doesNotMatch(
      folder,
      /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u,
    );
    assert.ok(isJobFolder(folder, jobId), `${folder} is not found by the index`);
    assert.equal(jobIdOf(parts[3] ?? ''), jobId, `${folder} is not found by the retention`);
  });
  fc.assert(property, seeded(t, 3_000));
});

test('A log of anybody is written where it belongs, and nothing beside the logs', async (t) => {
  const property = fc.asyncProperty(nasty, nasty, async (username, channelName) => {
    const outer = await tempFolder(t);
    const root = join(outer, 'logs');
    await mkdir(root);
    const place = { logDate: '2026-11-22', username, channelName, jobId };
    const logs = openJobLogs({ root, turns: new Turns() });
    await logs.append({ place, attemptNumber: 1, file: 'job.log' }, 0, Buffer.from('x'));
    assert.deepEqual(await readdir(outer), ['logs']);
    assert.deepEqual((await readdir(root)).sort(), ['.jobs', '2026-11-22']);
    assert.deepEqual(await readdir(join(root, logFolder(place))), ['job.log']);
    assert.equal(await openLogIndex(root).find(jobId), logFolder(place));
  });
  await fc.assert(property, seeded(t, 60));
});

test('A line of job.log is one line, that says what it is, whatever the message holds', (t) => {
  const property = fc.property(nasty, (message) => {
    const line = logLine('10:00:00', 'INFO', message);
    // Every separator that some reader takes for the end of a line.
    assert.deepEqual(line.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/u).slice(1), ['']);
    assert.match(line, /^10:00:00 - INFO - /u);
    assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u);
    assert.equal(line, Buffer.from(line).toString(), 'it is written as it is');
  });
  fc.assert(property, seeded(t, 3_000));
});

test('What the CLI shows of any line moves no cursor and turns no text around', (t) => {
  const property = fc.property(nasty, (line) =>
    assert.doesNotMatch(
      safeText(line),
      /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u,
    ),
  );
  fc.assert(property, seeded(t, 3_000));
});
