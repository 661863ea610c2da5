import assert from 'node:assert/strict';
import { chmod, copyFile, cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import type { FileLooksOptions } from '../../../agent/media/file-looks.ts';
import { createFileLooks } from '../../../agent/media/file-looks.ts';
import { ffprobeVersion } from '../../../agent/media/probe-files.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { ShareOperationError } from '../../../agent/media/share-process.ts';
import { decodeAgentMessage, encodeAgentMessage, type FileSeen } from '../../../proto/index.ts';
import { makeMedia, makeSignalClip } from '../../helpers/media.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const nothingKnown = { recognise: () => undefined, notePath: () => '/nowhere' };

async function room(t: TestContext, changes: Partial<FileLooksOptions> = {}) {
  const folder = await tempFolder(t);
  const clips = join(folder, 'clips');
  await mkdir(clips);
  const operations = createShareOperations({ idleMs: 100 });
  t.after(() => operations.stop());
  const looks = createFileLooks({
    mounts: { clips: { roots: ['\\\\nas\\Clips'], localPath: clips } },
    cache: nothingKnown,
    operations,
    ffprobe: 'ffprobe',
    ffprobeVersion: await ffprobeVersion(),
    signal: AbortSignal.timeout(60_000),
    fileMs: 20_000,
    ...changes,
  });
  const look = (names: readonly string[], limitMs = 30_000): Promise<readonly FileSeen[]> => {
    const paths = names.map((name) => `\\\\nas\\Clips\\${name}`);
    return looks.look({ kind: 'look-at-files', lookId: 'l', paths, limitMs });
  };
  return { folder, clips, operations, look };
}

function inShort({ state, code = '' }: FileSeen): string {
  return code === '' ? state : `${state} ${code}`;
}

async function png(size: string): Promise<string> {
  return await makeMedia('png', ['-f', 'lavfi', '-i', `color=red:s=${size}`, '-frames:v', '1']);
}

/** Stands for an ffprobe that hangs on a share, and writes down that it was started. */
async function hangingFfprobe(folder: string): Promise<string> {
  const file = join(folder, 'ffprobe');
  await writeFile(file, `#!/bin/sh\necho x >> ${join(folder, 'started')}\nexec sleep 60\n`);
  await chmod(file, 0o755);
  return file;
}

suite('a look at files', () => {
  test('tells what each is, or what is wrong with it, in the order asked for', async (t) => {
    const { folder, clips, look } = await room(t);
    const clip = await makeSignalClip({ seconds: 1.4 });
    await copyFile(clip, join(clips, 'a.mp4'));
    await copyFile(
      await makeSignalClip({ size: '3840x2160', seconds: 0.2, sound: 'none' }),
      join(clips, 'big.mp4'),
    );
    await copyFile(await png('64x48'), join(clips, 'p.png'));
    await writeFile(join(clips, 'cut.mp4'), (await readFile(clip)).subarray(0, -200));
    await writeFile(join(clips, 'text.mp4'), 'no media at all');
    await writeFile(join(clips, 'empty.mp4'), '');
    await mkdir(join(clips, 'folder.mp4'));
    await copyFile(clip, join(folder, 'secret.mp4'));
    await symlink(join(folder, 'secret.mp4'), join(clips, 'out.mp4'));
    await symlink(join(folder, 'nothing.mp4'), join(clips, 'dangling.mp4'));

    const names = 'a.mp4 big.mp4 p.png cut.mp4 text.mp4 empty.mp4 folder.mp4 gone.mp4 out.mp4 dangling.mp4';
    const seen = await look(names.split(' '));
    assert.deepEqual(seen.map(inShort), [
      'readable',
      'readable',
      'readable',
      'unusable MEDIA_UNREADABLE',
      'unusable MEDIA_UNREADABLE',
      'unusable MEDIA_UNREADABLE',
      'unusable FILE_UNREADABLE',
      'missing FILE_MISSING',
      'missing FILE_MISSING',
      'missing FILE_MISSING',
    ]);
    const [a, big, p] = seen;
    const { size } = await stat(clip);
    assert.deepEqual(
      { ...a, durationMs: Math.round((a?.durationMs ?? 0) / 100) },
      {
        state: 'readable',
        sizeBytes: size,
        durationMs: 14,
        width: 320,
        height: 180,
        codec: 'h264',
        isImage: false,
      },
    );
    assert.deepEqual([big?.width, big?.height], [3840, 2160]);
    assert.deepEqual([p?.isImage, p?.durationMs, p?.codec], [true, undefined, 'png']);
    assert.match(seen[4]?.message ?? '', /^Could not get duration for \\\\nas\\Clips\\text\.mp4: /u);
    // What is beyond the share is told by nothing: not by words, not by whether it is there.
    assert.equal(seen[8]?.message, 'it does not exist in its share');
    assert.ok(!JSON.stringify(seen.slice(8)).includes('secret'));
  });

  test('is answered whatever a header says of its length, and whatever time is given for it', async (t) => {
    const { clips, look } = await room(t);
    const clip = await makeMedia('mkv', ['-f', 'lavfi', '-i', 'color=red:s=64x64:d=1']);
    const bytes = await readFile(clip);
    // Matroska's Duration, a double, in milliseconds.
    bytes.writeDoubleBE(5e15, bytes.indexOf(Buffer.from([0x44, 0x89, 0x88])) + 3);
    await writeFile(join(clips, 'long.mkv'), bytes);
    const files = await look(['long.mkv'], 2 ** 40);
    assert.equal(files[0]?.state, 'readable');
    // What cannot be said in the protocol would end the stream that it is said on.
    const seen = { kind: 'files-seen', lookId: 'l', files } as const;
    assert.deepEqual(decodeAgentMessage(encodeAgentMessage(seen)), { known: true, message: seen });
  });

  test('finds the end missing of a file whose head is whole', async (t) => {
    const { clips, look } = await room(t);
    const whole = await makeSignalClip({
      encoder: ['-c:v', 'libx264', '-c:a', 'aac', '-movflags', '+faststart'],
    });
    await writeFile(join(clips, 'cut.mp4'), (await readFile(whole)).subarray(0, -500));
    const [seen] = await look(['cut.mp4']);
    assert.deepEqual(seen && inShort(seen), 'unusable SOURCE_TRUNCATED');
  });

  test('takes what is known of a content, and describes no version of a file twice', async (t) => {
    const folder = await tempFolder(t);
    const counting = join(folder, 'ffprobe');
    await writeFile(counting, `#!/bin/sh\necho x >> ${join(folder, 'started')}\nexec ffprobe "$@"\n`);
    await chmod(counting, 0o755);
    const runs = async (): Promise<number> =>
      (await readFile(join(folder, 'started'), 'utf8').catch(() => '')).split('x').length - 1;
    const { clips, look } = await room(t, { ffprobe: counting });
    await cp(await makeSignalClip({ seconds: 1.4 }), join(clips, 'a.mp4'));
    const first = await look(['a.mp4', 'a.mp4']);
    assert.ok((await runs()) <= 2);
    const before = await runs();
    assert.deepEqual(await look(['a.mp4']), first.slice(0, 1));
    assert.equal(await runs(), before);
    await cp(await makeSignalClip({ size: '640x360' }), join(clips, 'a.mp4'));
    const [changed] = await look(['a.mp4']);
    assert.equal(changed?.width, 640, 'another version is another file');

    const notes = join(folder, 'note');
    const facts = {
      ...{ sizeBytes: 5, formatName: 'mov,mp4', isImage: false, containerDurationSeconds: 42 },
      ...{ containerStartSeconds: 0, video: [], audio: [], hasPartialEnd: false, scanWarnings: [] },
    };
    await writeFile(notes, JSON.stringify({ key: `3 ${await ffprobeVersion()}`, value: facts }));
    const known = await room(t, {
      ffprobe: counting,
      cache: { recognise: () => 'abc', notePath: () => notes },
    });
    await cp(await makeSignalClip({ seconds: 1.4 }), join(known.clips, 'a.mp4'));
    const count = await runs();
    assert.equal((await known.look(['a.mp4']))[0]?.durationMs, 42_000);
    assert.equal(await runs(), count);
  });

  test('a file that may not be read is there; a share that cannot be read tells nothing of its files', async (t) => {
    const operations = createShareOperations({ idleMs: 100 });
    t.after(() => operations.stop());
    let mount = { readable: true, writable: true, empty: false, freeBytes: 0 };
    const { look } = await room(t, {
      operations: {
        ...operations,
        call: (request) => {
          if (request.op === 'check-mount') return Promise.resolve(mount as never);
          return Promise.reject(new ShareOperationError('EACCES', 'EACCES: permission denied'));
        },
      },
    });
    assert.deepEqual((await look(['a.mp4'])).map(inShort), ['denied FILE_UNREADABLE']);
    mount = { ...mount, empty: true };
    assert.deepEqual((await look(['a.mp4'])).map(inShort), ['unreachable SHARE_UNREACHABLE']);
  });

  test('a share that hangs costs its own answers, and after some no more processes', async (t) => {
    const folder = await tempFolder(t);
    const stopping = new AbortController();
    const ffprobe = await hangingFfprobe(folder);
    const { clips, look } = await room(t, { ffprobe, fileMs: 1_500, signal: stopping.signal });
    await writeFile(join(clips, 'a.mp4'), 'x');
    const seen = await look(Array.from({ length: 40 }, () => 'a.mp4'));
    assert.equal(seen.length, 40);
    assert.deepEqual([...new Set(seen.map(inShort))], ['unreachable SHARE_STALLED']);
    const started = (await readFile(join(folder, 'started'), 'utf8')).split('x').length - 1;
    assert.ok(started <= 10, `${started} processes hung on the share`);
    stopping.abort(new Error('the test is over'));
  });

  test('what there is no time for is said to be not looked at', async (t) => {
    const folder = await tempFolder(t);
    const { clips, look } = await room(t, { ffprobe: await hangingFfprobe(folder) });
    await writeFile(join(clips, 'a.mp4'), 'x');
    const seen = await look(
      Array.from({ length: 20 }, () => 'a.mp4'),
      600,
    );
    assert.deepEqual([...new Set(seen.map(({ state }) => state))], ['not-looked']);
  });

  test('a path of no mount of this PC, one that is none, and a name that reads like a series', async (t) => {
    const { clips, look } = await room(t);
    await copyFile(await png('64x48'), join(clips, 'b%03d.png'));
    assert.deepEqual((await look(['..\\..\\etc\\passwd', 'b%03d.png'])).map(inShort), [
      'missing PATH_MALFORMED',
      'not-looked',
    ]);
  });
});
