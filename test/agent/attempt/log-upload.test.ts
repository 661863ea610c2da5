import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLogFolder } from '../../../agent/attempt/log-folder.ts';
import type { LogReceiver } from '../../../agent/attempt/log-upload.ts';
import { startLogUpload } from '../../../agent/attempt/log-upload.ts';
import { jobRef } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const ref = jobRef('job-a', 4);
const unexpected = (...what: readonly unknown[]): never => {
  throw new Error(`not expected: ${what.join(' ')}`);
};

test('An upload that broke goes on at the byte that the controller has, and only then the folder goes', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const text = 'x'.repeat(300_000) + 'y'.repeat(300_000);
  log.write('job.log', text);
  await log.close();
  let have = Buffer.alloc(0);
  const offsets: number[] = [];
  const receiver: LogReceiver = {
    offsetOf: () => Promise.resolve(have.length),
    async upload(_ref, _file, pieces) {
      for await (const { offsetBytes, data } of pieces) {
        assert.ok(data.length <= 256 * 1024);
        offsets.push(offsetBytes);
        have = Buffer.concat([have.subarray(0, offsetBytes), data]);
        if (offsets.length === 1) throw new Error('the stream has ended');
      }
      return have.length;
    },
  };
  const troubles: string[] = [];
  const sent = Promise.withResolvers<unknown>();
  const upload = startLogUpload({
    folder,
    receiver,
    retryMs: 1,
    onTrouble(message) {
      troubles.push(message);
      assert.ok(existsSync(join(folder, 'job-a-1.4')), 'kept until the controller has all of it');
    },
    onSent: sent.resolve,
  });
  upload.nudge();
  assert.deepEqual(await sent.promise, ref);
  await upload.stop();
  assert.deepEqual(offsets, [0, 262_144, 524_288]);
  assert.equal(have.toString(), text);
  assert.deepEqual(troubles, ['logs could not be sent yet']);
  assert.equal(existsSync(join(folder, 'job-a-1.4')), false);
});

test('A folder that is still written to is not sent', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  log.write('job.log', 'one');
  await log.flush();
  const receiver = { offsetOf: () => unexpected(), upload: () => unexpected() };
  const upload = startLogUpload({ folder, receiver, onTrouble: unexpected });
  upload.nudge();
  await upload.settled();
  await upload.stop();
  await log.close();
});

test('A file ends before the size that the controller takes, also where an earlier process began it', async (t) => {
  const folder = await tempFolder(t);
  const bytesMax = { 'job.log': 10, 'ffmpeg_cmd.txt': 10, 'ffmpeg_stderr.txt': 10 };
  const before = await openLogFolder(folder, ref, unexpected, { bytesMax });
  before.write('job.log', 'sixsix');
  await before.flush();
  const after = await openLogFolder(folder, ref, unexpected, { bytesMax });
  for (const text of ['four', 'over', 'x']) after.write('job.log', text);
  after.write('ffmpeg_cmd.txt', 'eleven long');
  after.write('ffmpeg_cmd.txt', 'x');
  await after.close();
  const written = join(folder, 'job-a-1.4');
  assert.equal(readFileSync(join(written, 'job.log'), 'utf8'), 'sixsixfour');
  assert.equal(readFileSync(join(written, 'ffmpeg_cmd.txt'), 'utf8'), '');
});
