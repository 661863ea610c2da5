import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createShareOperations, type ShareOperations } from '../../../agent/media/share-operations.ts';
import { makeCacheRoom, whileCopied } from './cache-room.ts';

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Counts what is asked of the real operations. */
const counted = (
  operations: ShareOperations,
): { readonly operations: ShareOperations; readonly copies: () => number } => {
  let copies = 0;
  return {
    copies: () => copies,
    operations: {
      ...operations,
      call: (request, options) => {
        if (request.op === 'copy') copies += 1;
        return operations.call(request, options);
      },
    },
  };
};

describe('the content cache', () => {
  test('copies a file once, byte by byte, and has it the second time', async () => {
    await using room = await makeCacheRoom();
    // More than the reads that are under way at once, and not a whole number of them.
    const bytes = Buffer.alloc(17 * 1024 * 1024 + 12_345, 'the quick brown fox ');
    const source = await room.put('a.mp4', bytes);
    const cache = await room.open();
    const first = await cache.acquire(source);
    assert.equal(first.reused, false);
    assert.equal(first.sha256, sha256(bytes));
    assert.ok(bytes.equals(await readFile(first.path)));
    const second = await cache.acquire(source);
    assert.equal(second.reused, true);
    assert.equal(second.path, first.path);
    assert.equal(cache.usedBytes(), bytes.byteLength);
    assert.deepEqual(await room.parts(), []);
  });

  test('takes an empty file', async () => {
    await using room = await makeCacheRoom();
    const file = await (await room.open()).acquire(await room.put('empty.mp4', ''));
    assert.equal(file.sizeBytes, 0);
    assert.equal(file.sha256, sha256(''));
  });

  test('knows after a restart what it had', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('a.mp4', 'content');
    const before = await room.open();
    await before.acquire(source);
    await before.close();
    // As a crash in the middle of a write leaves the index.
    await appendFile(join(room.cachePath, 'index.jsonl'), '{"source":"/x","held":{"sha2');
    assert.equal((await (await room.open()).acquire(source)).reused, true);
  });

  test('works without its index, and keeps one copy of a content', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('a.mp4', 'content');
    const before = await room.open();
    await before.acquire(source);
    await before.close();
    await writeFile(join(room.cachePath, 'index.jsonl'), '\0\0not json\n');
    const cache = await room.open();
    assert.equal((await cache.acquire(source)).reused, false);
    assert.equal(cache.usedBytes(), 'content'.length);
  });

  test('copies a small file again whose content changed under the same size and time', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open();
    const time = new Date('2024-01-01T00:00:00Z');
    const source = await room.put('logo.png', 'old logo');
    await utimes(source.localPath, time, time);
    await cache.acquire(source);
    await room.put('logo.png', 'new logo');
    await utimes(source.localPath, time, time);
    const file = await cache.acquire(source);
    assert.equal(file.reused, false);
    assert.equal(await readFile(file.path, 'utf8'), 'new logo');
  });

  test('copies a large file again when only its time of change differs', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open({ rehashBelowBytes: 0 });
    const source = await room.put('a.mp4', 'old clip');
    await cache.acquire(source);
    await room.put('a.mp4', 'new clip');
    await utimes(source.localPath, new Date(), new Date(Date.now() + 5000));
    assert.equal((await cache.acquire(source)).sha256, sha256('new clip'));
  });

  test('keeps one content for two paths, and copies once for two jobs', async () => {
    await using room = await makeCacheRoom();
    const { operations, copies } = counted(room.operations);
    const cache = await room.open({ operations });
    const one = await room.put('one.mp4', 'same');
    const two = await room.put('two.mp4', 'same');
    const [a, b] = await Promise.all([cache.acquire(one), cache.acquire(one)]);
    assert.equal(copies(), 1);
    assert.deepEqual([a.reused, b.reused], [false, true]);
    const c = await cache.acquire(two);
    assert.equal(c.path, a.path);
    assert.equal(cache.usedBytes(), 4);
  });

  test('drops a content that is not whole any more', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open();
    const source = await room.put('a.mp4', 'whole content');
    const before = await cache.acquire(source);
    await truncate(before.path, 5);
    const after = await cache.acquire(source);
    assert.equal(after.reused, false);
    assert.equal(await readFile(after.path, 'utf8'), 'whole content');
  });
});

describe('the room of the cache', () => {
  const kib = (letter: string): Uint8Array => Buffer.alloc(1024, letter);

  test('is made by evicting what was used longest ago, and never what is pinned', async () => {
    await using room = await makeCacheRoom();
    let clock = 0;
    const cache = await room.open({ bytesMax: 3 * 1024, now: () => ++clock });
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => room.put(name, kib(name))));
    assert.ok(a && b && c && d);
    const pinned = await cache.acquire(a);
    (await cache.acquire(b)).release();
    (await cache.acquire(c)).release();
    (await cache.acquire(b)).release();
    (await cache.acquire(d)).release();
    assert.equal(cache.usedBytes(), 3 * 1024);
    assert.equal((await cache.acquire(b)).reused, true, 'b was used after c');
    assert.equal((await readFile(pinned.path)).byteLength, 1024);
    assert.equal((await readdir(join(room.cachePath, 'objects'))).includes(sha256(kib('c'))), false);
  });

  test('is refused with the figures when everything is in use', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open({ bytesMax: 1500 });
    const held = await cache.acquire(await room.put('a', kib('a')));
    const second = await room.put('b', kib('b'));
    await assert.rejects(cache.acquire(second), {
      code: 'CACHE_FULL',
      failureClass: 'environment',
      message: /1024 more bytes would make 2048 of at most 1500/,
    });
    held.release();
    assert.equal((await cache.acquire(second)).reused, false);
  });

  test('leaves the asked space free on the disk', async () => {
    await using room = await makeCacheRoom();
    let free = 10_000;
    const cache = await room.open({ freeBytesMin: 9500, freeBytes: () => Promise.resolve(free) });
    await assert.rejects(
      cache.acquire(await room.put('a', kib('a'))),
      /would leave 8976 free on the disk, not 9500/,
    );
    free = 11_000;
    assert.equal((await cache.acquire(room.locate('a'))).reused, false);
  });

  test('takes the notes about a content with it', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open({ bytesMax: 1024 });
    const file = await cache.acquire(await room.put('a', kib('a')));
    await writeFile(cache.notePath(file.sha256, 'facts'), '{}');
    file.release();
    await cache.acquire(await room.put('b', kib('b')));
    await assert.rejects(readFile(cache.notePath(file.sha256, 'facts')), { code: 'ENOENT' });
  });
});

describe('a source that cannot be copied', () => {
  test('is the input when it is missing, a folder, or a link out of the share', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open();
    await room.put('folder/a.mp4', 'a');
    await symlink('/etc/passwd', join(room.sharePath, 'link.mp4'));
    const cases = [
      ['gone.mp4', 'FILE_MISSING'],
      ['folder/a.mp4/b.mp4', 'FILE_MISSING'],
      ['folder', 'FILE_UNREADABLE'],
      ['link.mp4', 'PATH_ESCAPES_SHARE'],
    ] as const;
    for (const [name, code] of cases) {
      await assert.rejects(cache.acquire(room.locate(name)), (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.ok(error.message.includes(`\\\\nas\\Share\\${name.replaceAll('/', '\\')}`), error.message);
        return true;
      });
    }
    assert.deepEqual(await room.parts(), []);
  });

  test('is the environment when its share is not there, or its mount point is empty', async () => {
    await using room = await makeCacheRoom();
    const cache = await room.open();
    const lost = {
      ...room.locate('a.mp4'),
      mountPath: join(room.folder, 'gone'),
      localPath: join(room.folder, 'gone/a'),
    };
    await assert.rejects(cache.acquire(lost), { code: 'SHARE_UNREACHABLE', failureClass: 'environment' });
    await assert.rejects(cache.acquire(room.locate('a.mp4')), {
      code: 'SHARE_UNREACHABLE',
      message: /not mounted/,
    });
  });

  test('is an error when it is made anew while it is copied', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('cut.mp4', Buffer.alloc(64 * 1024 * 1024));
    const cache = await room.open({
      operations: whileCopied(room.operations, () => truncate(source.localPath, 60_000_000)),
    });
    await assert.rejects(cache.acquire(source), { code: 'FILE_CHANGED', failureClass: 'input' });
    assert.deepEqual(await room.parts(), []);
    assert.equal(cache.usedBytes(), 0);
  });

  test('stops being copied when the last who wants it has gone', async () => {
    await using room = await makeCacheRoom();
    const source = await room.put('a.mp4', Buffer.alloc(256 * 1024 * 1024));
    const first = new AbortController();
    const second = new AbortController();
    const begun = Promise.withResolvers<true>();
    const operations: ShareOperations = {
      ...room.operations,
      call: (request, options) =>
        room.operations.call(request, { ...options, onBytes: () => begun.resolve(true) }),
    };
    const cache = await room.open({ operations });
    const one = cache.acquire(source, first.signal);
    const two = cache.acquire(source, second.signal);
    await begun.promise;
    first.abort(new Error('withdrawn'));
    await assert.rejects(one, /withdrawn/);
    assert.equal((await room.parts()).length, 1, 'the other one still wants it');
    second.abort(new Error('cancelled'));
    await assert.rejects(two, /cancelled/);
    await cache.close();
    assert.deepEqual(await room.parts(), []);
    assert.equal(cache.usedBytes(), 0);
  });

  test('is given up as environment after silence', async () => {
    await using room = await makeCacheRoom();
    const silent = createShareOperations({
      command: { file: process.execPath, args: ['-e', 'process.stdin.resume()'] },
      silenceMs: 50,
    });
    const cache = await room.open({ operations: silent });
    await assert.rejects(cache.acquire(await room.put('a', 'a')), {
      code: 'SHARE_STALLED',
      failureClass: 'environment',
      message: /no byte for 0\.05 s from share assets/,
    });
    await silent.stop();
  });

  test('is the environment when the child dies', async () => {
    await using room = await makeCacheRoom();
    const dying = createShareOperations({
      command: { file: process.execPath, args: ['-e', 'console.error("no memory"); process.exit(3)'] },
    });
    const cache = await room.open({ operations: dying });
    await assert.rejects(cache.acquire(await room.put('a', 'a')), {
      code: 'SHARE_UNREACHABLE',
      message: /no memory/,
    });
    await dying.stop();
  });
});

test('an agent killed in the middle of a copy leaves no part after the next opening', async () => {
  await using room = await makeCacheRoom();
  await mkdir(room.cachePath);
  await room.put('a.mp4', Buffer.alloc(256 * 1024 * 1024));
  const script = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/media/copy-and-tell.ts');
  const child = spawn(process.execPath, [script, room.cachePath, room.sharePath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'copying') break;
  }
  child.kill('SIGKILL');
  await exited;
  assert.equal((await room.parts()).length, 1);
  const cache = await room.open();
  assert.deepEqual(await room.parts(), []);
  assert.equal(cache.usedBytes(), 0);
  assert.equal((await cache.acquire(room.locate('a.mp4'))).reused, false);
});
