import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { lookAtSources } from '../../../agent/attempt/source-look.ts';
import { readFfmpegVersion } from '../../../agent/host/ffmpeg-version.ts';
import { withLocalJob } from '../../../agent/local/local-pipeline.ts';
import { openContentCache } from '../../../agent/media/content-cache.ts';
import { ffprobeVersion } from '../../../agent/media/probe-files.ts';
import type { ShareOperations } from '../../../agent/media/share-operations.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { openSegmentStore } from '../../../agent/render/segment-store.ts';
import type { AskSources, ResolvedItem } from '../../../proto/index.ts';
import { makeSignalClip } from '../../helpers/media.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const encoder = { rung: 'libx264', threads: 2 } as const;

function item(position: number, name: string, rest: Partial<ResolvedItem> = {}): ResolvedItem {
  return { position, itemType: 'video', path: `\\\\nas\\Clips\\${name}`, ...rest };
}

function ask(items: readonly ResolvedItem[], rest: Partial<AskSources> = {}): AskSources {
  return { kind: 'ask-sources', jobId: 'j', enable4k: false, rateProfile: 'studio', items, ...rest };
}

/** A PC that may have rendered these items, and how it looks at others. */
async function pc(t: TestContext, rendered: readonly ResolvedItem[]) {
  const folder = await tempFolder(t);
  const clips = join(folder, 'clips');
  await mkdir(clips);
  const clip = await makeSignalClip({ seconds: 1.4 });
  for (const name of ['a.mp4', 'b.mp4']) await cp(clip, join(clips, name));
  await writeFile(join(clips, 'big.mp4'), Buffer.alloc(3_000_000));
  const mounts = { clips: { roots: ['\\\\nas\\Clips'], localPath: clips } };
  const dataDir = join(folder, 'data');
  if (rendered.length > 0) {
    const job = { jobId: 'done', userId: 'u', channelName: 'C', enable4k: false, items: rendered, mounts };
    const log = { folder: '', write: () => undefined, flush: () => Promise.resolve() };
    await withLocalJob(
      {
        ...{ job, dataDir, ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', encoder, segments: 1 },
        folder: { ...log, belongsTo: () => undefined, close: () => Promise.resolve() },
        signal: new AbortController().signal,
      },
      (run) => run.render(),
    );
  }
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const cache = await openContentCache({
    folder: join(dataDir, 'cache', 'sources'),
    bytesMax: 1e9,
    operations,
  });
  t.after(() => cache.close());
  const { text } = await readFfmpegVersion();
  const options = {
    ...{ mounts, cache, operations: operations as Pick<ShareOperations, 'call'> },
    ffmpegVersionText: text,
    ffprobeVersion: await ffprobeVersion(),
    encoderFor: () => encoder,
    segments: openSegmentStore({ folder: join(dataDir, 'cache', 'segments'), bytesMax: 1e9, madeBy: 'pc' }),
    signal: new AbortController().signal,
  };
  return { folder, clips, cache, options };
}

test('a PC knows what it has of a job: bytes as a fetch would reuse them, and the length of finished segments', async (t) => {
  const plain = item(0, 'a.mp4');
  const texted = item(1, 'b.mp4', { text: 'Hello' });
  const { options, clips } = await pc(t, [plain, texted]);
  const wanted = [plain, texted, item(2, 'a.mp4'), item(3, 'big.mp4')];
  const found = await lookAtSources(ask(wanted), options);
  const clipBytes = found.totalBytes - 3_000_000;
  assert.equal(found.presentBytes, clipBytes, 'both clips, one of them shown twice, are here');
  assert.equal(found.message, undefined);
  // 42 frames each; the third item is the first one at another place.
  assert.deepEqual([found.presentSegments, found.presentOutputMs], [3, 4_200]);

  const otherwise = await lookAtSources(ask(wanted, { enable4k: true }), options);
  assert.deepEqual([otherwise.presentBytes, otherwise.presentOutputMs], [clipBytes, 0], 'none in 4K');
  const renamed = [item(0, 'a.mp4', { text: 'Other words' })];
  assert.equal((await lookAtSources(ask(renamed), options)).presentSegments, 0);

  await writeFile(join(clips, 'b.mp4'), 'another film');
  const changed = await lookAtSources(ask([plain, texted]), options);
  assert.equal(changed.totalBytes - changed.presentBytes, 'another film'.length);
  assert.equal(changed.presentSegments, 1);
});

test('what cannot be found out is said, and is no error', async (t) => {
  const { options, folder } = await pc(t, []);
  const look = (items: readonly ResolvedItem[], rest: Partial<typeof options> = {}) =>
    lookAtSources(ask(items), { ...options, ...rest });
  const isUnknown = (found: Awaited<ReturnType<typeof look>>, why: RegExp): void => {
    assert.deepEqual([found.totalBytes, found.presentBytes, found.presentOutputMs], [0, 0, 0]);
    assert.match(found.message ?? '', why);
  };
  isUnknown(await look([item(0, 'gone.mp4')]), /gone\.mp4: .*ENOENT/u);
  isUnknown(await look([item(0, '..\\secret')]), /PATH_MALFORMED/u);
  const away = { clips: { roots: ['\\\\nas\\Clips'], localPath: join(folder, 'not-mounted') } };
  isUnknown(await look([item(0, 'a.mp4')], { mounts: away }), /a\.mp4/u);
  const hung: Pick<ShareOperations, 'call'> = {
    call: (_request, call) =>
      new Promise((_resolve, reject) => {
        call?.signal?.addEventListener('abort', () => reject(call.signal?.reason as Error));
      }),
  };
  const slow = { operations: hung, timeoutMs: 20 };
  isUnknown(await look([item(0, 'a.mp4'), item(1, 'b.mp4')], slow), /timeout/u);
  assert.deepEqual(await look([]), {
    ...{ totalBytes: 0, presentBytes: 0, presentSegments: 0, presentOutputMs: 0 },
  });
});
