import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openLogFolder } from '../../../agent/attempt/log-folder.ts';
import { type LogReceiver, LogRefusedError } from '../../../agent/attempt/log-sender.ts';
import { type LogUploadOptions, startLogUpload } from '../../../agent/attempt/log-upload.ts';
import { jobRef } from '../../helpers/agent-core.ts';
import { mountSmallDisk } from '../../helpers/small-disk.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const ref = jobRef('job-a', 4);
const unexpected = (...what: readonly unknown[]): never => {
  throw new Error(`not expected: ${what.join(' ')}`);
};

/** A controller's log folder in memory, that can be away. */
class Receiver implements LogReceiver {
  readonly files = new Map<string, Buffer>();
  readonly ends = new Map<string, number>();
  readonly offsets: number[] = [];
  asked = 0;
  /** Called before anything is taken: it may throw. */
  onPiece: (key: string) => void = () => undefined;
  #changed = Promise.withResolvers<undefined>();

  text(key: string): string {
    return (this.files.get(key) ?? Buffer.alloc(0)).toString();
  }

  /** Resolves when this holds, looked at after every change. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.promise;
  }

  offsetOf: LogReceiver['offsetOf'] = ({ jobId }, file) => {
    this.asked += 1;
    this.onPiece(`${jobId}/${file}`);
    return Promise.resolve(this.files.get(`${jobId}/${file}`)?.length ?? 0);
  };

  upload: LogReceiver['upload'] = async ({ jobId }, file, { pieces, endBytes }) => {
    const key = `${jobId}/${file}`;
    this.onPiece(key);
    for await (const { offsetBytes, data } of pieces) {
      assert.ok(data.length <= 256 * 1024);
      const have = this.files.get(key) ?? Buffer.alloc(0);
      if (offsetBytes > have.length) throw new LogRefusedError('LOG_OFFSET');
      this.offsets.push(offsetBytes);
      this.files.set(key, Buffer.concat([have.subarray(0, offsetBytes), data]));
      this.onPiece(key);
      this.#tell();
    }
    if (endBytes !== undefined) this.ends.set(key, endBytes);
    this.#tell();
    return this.files.get(key)?.length ?? 0;
  };

  #tell(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}

function startUpload(
  t: TestContext,
  options: Pick<LogUploadOptions, 'folder' | 'receiver'> & Partial<LogUploadOptions>,
) {
  const upload = startLogUpload({ onTrouble: unexpected, retryMs: 1, liveEveryMs: 1, ...options });
  t.after(() => upload.stop());
  upload.nudge();
  return upload;
}

test('An upload that broke goes on at the byte that the controller has, and only then the folder goes', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const text = 'x'.repeat(300_000) + 'y'.repeat(300_000);
  log.write('job.log', text);
  await log.close();
  const receiver = new Receiver();
  receiver.onPiece = () => {
    if (receiver.offsets.length === 1 && receiver.asked === 1) throw new Error('the stream has ended');
  };
  const troubles: string[] = [];
  const sent = Promise.withResolvers<unknown>();
  startUpload(t, {
    folder,
    receiver,
    onTrouble(message) {
      troubles.push(message);
      assert.ok(existsSync(join(folder, 'job-a-1.4')), 'kept until the controller has all of it');
    },
    onSent: sent.resolve,
  });
  assert.deepEqual(await sent.promise, ref);
  assert.deepEqual(receiver.offsets, [0, 262_144, 524_288]);
  assert.equal(receiver.text('job-a/job.log'), text);
  assert.deepEqual(troubles, ['logs could not be sent yet']);
  assert.equal(existsSync(join(folder, 'job-a-1.4')), false);
  const ends = [...receiver.ends].sort();
  assert.deepEqual(ends, [
    ['job-a/ffmpeg_cmd.txt', 0],
    ['job-a/ffmpeg_stderr.txt', 0],
    ['job-a/job.log', 600_000],
  ]);
});

test('What is written arrives while the attempt runs, each byte once, without being asked for anew', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const receiver = new Receiver();
  const sent = Promise.withResolvers<unknown>();
  startUpload(t, { folder, receiver, onSent: sent.resolve });
  for (const text of ['one\n', 'two\n', 'three\n']) {
    log.write('job.log', text);
    await receiver.until(() => receiver.text('job-a/job.log').endsWith(text));
  }
  assert.deepEqual([receiver.offsets, receiver.asked], [[0, 4, 8], 1]);
  assert.equal(receiver.ends.size, 0, 'no file of a running attempt is said to be whole');
  log.write('ffmpeg_stderr.txt', 'frame=1\n');
  await log.close();
  await sent.promise;
  assert.equal(receiver.text('job-a/job.log'), 'one\ntwo\nthree\n');
  assert.deepEqual(receiver.ends.get('job-a/ffmpeg_stderr.txt'), 8);
});

test('Another process, or another controller, goes on at what the controller has', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const first = new Receiver();
  const before = startUpload(t, { folder, receiver: first });
  log.write('job.log', 'before ');
  await first.until(() => first.text('job-a/job.log') === 'before ');
  await before.stop();
  log.write('job.log', 'after ');
  // The next one has a part of it, as where the logs folder is shared and a write was lost.
  const second = new Receiver();
  second.files.set('job-a/job.log', Buffer.from('bef'));
  startUpload(t, { folder, receiver: second });
  await second.until(() => second.text('job-a/job.log') === 'before after ');
  assert.deepEqual(second.offsets, [3]);
  // A controller that has nothing of it: it takes over before the next piece, and refuses what leaves a gap.
  let isOther = true;
  second.onPiece = () => {
    if (isOther) second.files.clear();
    isOther = false;
  };
  log.write('job.log', 'all');
  await second.until(() => second.text('job-a/job.log') === 'before after all');
  await log.close();
});

test('A log that the controller refuses hinders no other one, and is tried again', async (t) => {
  const folder = await tempFolder(t);
  const receiver = new Receiver();
  let refusals = 0;
  receiver.onPiece = (key) => {
    if (!key.startsWith('refused') || refusals >= 3) return;
    refusals += 1;
    throw new LogRefusedError('Job not found');
  };
  const sent: string[] = [];
  const both = Promise.withResolvers<undefined>();
  for (const jobId of ['refused', 'taken']) {
    const log = await openLogFolder(folder, jobRef(jobId, 1), unexpected);
    log.write('job.log', jobId);
    await log.close();
  }
  const troubles: string[] = [];
  startUpload(t, {
    folder,
    receiver,
    onTrouble: (message) => troubles.push(message),
    onSent({ jobId }) {
      sent.push(jobId);
      if (sent.length === 2) both.resolve(undefined);
    },
  });
  await both.promise;
  assert.deepEqual(sent, ['taken', 'refused']);
  assert.deepEqual(troubles, ['the log in refused-1.1 could not be sent yet']);
});

test('A controller that takes nothing holds up no line, and is let go of when the agent stops', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const stuck = Promise.withResolvers<undefined>();
  const receiver: LogReceiver = {
    offsetOf: () => Promise.resolve(0),
    upload: (_ref, _file, _sending, signal) =>
      new Promise((_resolve, reject) => {
        stuck.resolve(undefined);
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  };
  const upload = startUpload(t, { folder, receiver });
  log.write('job.log', 'x');
  await stuck.promise;
  for (let line = 0; line < 1_000; line += 1) log.write('ffmpeg_stderr.txt', `line ${line}\n`);
  await log.close();
  assert.match(readFileSync(join(folder, 'job-a-1.4', 'ffmpeg_stderr.txt'), 'utf8'), /line 999\n$/u);
  await upload.stop();
});

test('Something else in the folder is left alone', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'README'), 'not a log');
  const log = await openLogFolder(folder, ref, unexpected);
  log.write('job.log', 'x');
  await log.close();
  const sent = Promise.withResolvers<unknown>();
  startUpload(t, { folder, receiver: new Receiver(), onTrouble: () => undefined, onSent: sent.resolve });
  await sent.promise;
  assert.equal(readFileSync(join(folder, 'README'), 'utf8'), 'not a log');
});

test('A log that this disk does not give hinders no other one, and is named', async (t) => {
  const folder = await tempFolder(t);
  const unreadable = await openLogFolder(folder, jobRef('a-first', 1), unexpected);
  // Reading a folder fails with another code than those of files that are gone.
  await mkdir(join(folder, 'a-first-1.1', 'job.log'));
  await unreadable.close();
  const log = await openLogFolder(folder, jobRef('b-second', 1), unexpected);
  log.write('job.log', 'x');
  await log.close();
  const sent = Promise.withResolvers<unknown>();
  const told = Promise.withResolvers<string>();
  startUpload(t, {
    folder,
    receiver: new Receiver(),
    onTrouble: (message) => told.resolve(message),
    onSent: sent.resolve,
  });
  assert.deepEqual(await sent.promise, jobRef('b-second', 1));
  assert.equal(await told.promise, 'the log in a-first-1.1 could not be sent yet');
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

test('More lines than memory may hold are left out, and the log says that they are missing', async (t) => {
  const folder = await tempFolder(t);
  const log = await openLogFolder(folder, ref, unexpected);
  const mebibyte = 'm'.repeat(1024 * 1024 - 1);
  // Nothing is written to the disk before this function gives way.
  for (let count = 0; count < 10; count += 1) log.write('ffmpeg_stderr.txt', `${mebibyte}\n`);
  await log.flush();
  log.write('ffmpeg_stderr.txt', 'again\n');
  await log.close();
  const text = readFileSync(join(folder, 'job-a-1.4', 'ffmpeg_stderr.txt'), 'utf8');
  assert.equal(text.length > 8 * 1024 * 1024, true);
  const told = '[2 entries are missing here: the disk of this PC took no more]\nagain\n';
  assert.equal(text.slice(8 * 1024 * 1024), told);
});

test('A full disk is told once, and what is missing is said when there is room again', async (t) => {
  const disk = await mountSmallDisk(t);
  if (disk === undefined) {
    t.skip('no file system may be mounted here');
    return;
  }
  const troubles: string[] = [];
  const log = await openLogFolder(disk.path, ref, (message) => troubles.push(message));
  log.write('job.log', 'first\n');
  await log.flush();
  await disk.fill();
  const long = 'y'.repeat(8_192);
  for (let line = 0; line < 20; line += 1) log.write('job.log', `${long}\n`);
  await log.flush();
  assert.equal(troubles.length, 1, troubles.join('\n'));
  await disk.empty();
  log.write('job.log', 'last\n');
  await log.close();
  const text = readFileSync(join(disk.path, 'job-a-1.4', 'job.log'), 'utf8');
  assert.match(text, /^first\n/u);
  assert.match(text, /\[\d+ entries are missing here: the disk of this PC took no more\]\nlast\n$/u);
});
