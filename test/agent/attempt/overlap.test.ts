import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { attemptFolderName } from '../../../agent/attempt/log-folder.ts';
import { jobRef } from '../../helpers/agent-core.ts';
import { type AttemptRoom, openAttemptRoom } from '../../helpers/attempt-room.ts';
import { makeSignalClip } from '../../helpers/media.ts';

const clip = (seconds: number): Promise<string> =>
  makeSignalClip({ size: '160x90', seconds, signalAtSeconds: 0.4 });
/** Long enough to be rendered when something happens. */
const longClip = (): Promise<string> => clip(90);

async function logOf({ at }: AttemptRoom): Promise<string> {
  const [name = ''] = await readdir(at('logs'));
  return await readFile(join(at('logs'), name, 'job.log'), 'utf8');
}

describe('an attempt', () => {
  test('renders what is here while other files are copied, and comes to the same result', async (t) => {
    const files = [await clip(1), await clip(0.8), await clip(0.6)];
    const room = await openAttemptRoom(t);
    const [first, second, third] = await Promise.all(
      files.map((file, n) => room.item(10 * n, file, n === 0 ? { durationMs: 900 } : {})),
    );
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const letSecond = room.hold(basename(second.path.replaceAll('\\', '/')));
    const letThird = room.hold(basename(third.path.replaceAll('\\', '/')));
    room.attempts.start(room.assign([first, second, third]));
    await room.reported('segment', ({ position }) => position === 0);
    const begun = await room.reported('prepared');
    assert.equal(begun.totalFrames, 0, 'nobody knows the length yet');
    assert.ok(begun.copiedBytes > 0);
    const early = await room.reported('progress', ({ framesDone }) => framesDone === 30);
    assert.equal(early.framesTotal, 90, 'two items that say nothing count as the one that is known');
    letThird();
    await room.reported('segment', ({ position }) => position === 20);
    letSecond();
    const { manifest, usage } = await room.reported('staged');
    assert.equal(manifest.frames, 30 + 24 + 18);
    assert.deepEqual(
      room.reports.flatMap((report) => (report.type === 'prepared' ? report.totalFrames : [])),
      [0, 72],
    );
    const segments = room.reports.flatMap((report) => (report.type === 'segment' ? report.position : []));
    assert.deepEqual(segments, [0, 20, 10]);
    const percents = room.reports.flatMap((report) => (report.type === 'progress' ? report.percent : []));
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    assert.deepEqual([usage.copiedFiles, usage.segmentsRendered, usage.framesEncoded], [3, 3, 72]);
    assert.ok((usage.firstFrameMs ?? Infinity) < usage.runMs);
    const log = await logOf(room);
    for (const words of [
      'Step 0:',
      'Step 1a:',
      'Step 1b:',
      'Step 1c:',
      'Step 1d:',
      'Step 1e: Items: 3 ready',
    ])
      assert.ok(log.includes(words), words);
    assert.match(log, /Step 3: Command: 3 segments with libx264; 2 items are still to come/u);
    assert.match(log, /Total duration: 2\.40s/u);

    const plain = await openAttemptRoom(t);
    const items = await Promise.all(files.map((file, n) => plain.item(10 * n, file)));
    plain.attempts.start(plain.assign(items));
    const whole = await plain.reported('staged');
    assert.equal(whole.manifest.sha256, manifest.sha256);
  });

  test('decodes joints of segments that it found only where an attempt of its job came before', async (t) => {
    const room = await openAttemptRoom(t);
    const items = [await room.item(0, await clip(1)), await room.item(1, await clip(0.8))];
    const seen = new Set<unknown>();
    const looks = async (counter: number, attemptNumber: number): Promise<boolean> => {
      const ref = jobRef('job-a', counter);
      room.attempts.start({ ...room.assign(items), ref, attemptNumber });
      seen.add(await room.reported('staged', (report) => !seen.has(report)));
      const commands = await readFile(
        room.at(join('logs', attemptFolderName(ref), 'ffmpeg_cmd.txt')),
        'utf8',
      );
      return commands.includes('# verify joints');
    };
    assert.equal(await looks(4, 1), true, 'all are rendered now');
    assert.equal(await looks(5, 1), false, 'no attempt came before it');
    assert.equal(await looks(6, 2), true, 'the first attempt may have ended before it looked');
  });

  test('names all bad items in one error, aborts what runs, and keeps what was finished', async (t) => {
    const room = await openAttemptRoom(t);
    const good = await room.item(0, await clip(1));
    const long = await room.item(1, await longClip());
    const bad = await room.item(2, import.meta.filename);
    const worse = await room.item(3, import.meta.filename);
    const let2 = room.hold(`2-${basename(import.meta.filename)}`);
    const let3 = room.hold(`3-${basename(import.meta.filename)}`);
    room.attempts.start(room.assign([good, long, bad, worse]));
    await room.reported('segment', ({ position }) => position === 0);
    await room.reported('progress', ({ framesDone }) => framesDone > 30);
    let2();
    let3();
    const { outcome, failureClass, problems, usage } = await room.ended();
    assert.deepEqual([outcome, failureClass], ['failed', 'input']);
    assert.deepEqual(
      problems.map(({ position }) => position),
      [2, 3],
    );
    assert.equal(usage.segmentsRendered, 1, 'the long one was aborted');
    assert.equal(
      room.reports.some(({ type }) => type === 'encoded'),
      false,
    );
    assert.deepEqual(await readdir(room.at('work')), []);
    assert.equal(room.services.cache.spareBytes(), room.services.cache.usedBytes(), 'nothing is pinned');

    const again = room.assign([good]);
    room.attempts.start({ ...again, ref: { ...again.ref, fence: { term: 1, counter: 5 } } });
    const { usage: second } = await room.reported('staged');
    assert.deepEqual([second.segmentsReused, second.segmentsRendered, second.reusedFiles], [1, 0, 1]);
  });

  test('is cancelled while one item renders and another is still to come: nothing is left', async (t) => {
    const room = await openAttemptRoom(t);
    const long = await room.item(0, await longClip());
    const later = await room.item(1, await clip(1));
    room.hold(`1-${basename(await clip(1))}`);
    const assign = room.assign([long, later]);
    room.attempts.start(assign);
    await room.reported('progress', ({ framesDone }) => framesDone > 0);
    const parts = await readdir(join(room.at('work'), attemptFolderName(assign.ref)));
    assert.ok(parts.includes('segment_0.mov.part'));
    room.attempts.stop(assign.ref, { mode: 'graceful', graceMs: 60_000, reason: 'cancelled' });
    const { outcome, message } = await room.ended();
    assert.deepEqual([outcome, message], ['returned', 'cancelled']);
    assert.deepEqual(await readdir(room.at('work')), []);
    assert.deepEqual(await readdir(join(room.at('cache'), 'incoming')), []);
    assert.equal(room.services.cache.spareBytes(), room.services.cache.usedBytes());
  });

  test('ends at once when the render fails for this PC’s sake, however slow its share is', async (t) => {
    const room = await openAttemptRoom(t, { encoderFor: () => undefined });
    const held = await room.item(0, await clip(1));
    room.hold(`0-${basename(await clip(1))}`);
    room.attempts.start(room.assign([held]));
    const { failureClass, problems } = await room.ended();
    assert.equal(failureClass, 'environment');
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['ENCODER_UNAVAILABLE'],
    );
    assert.equal(room.services.cache.spareBytes(), room.services.cache.usedBytes());
  });
});
