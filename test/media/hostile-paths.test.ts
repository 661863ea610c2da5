import assert from 'node:assert/strict';
import { copyFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { fetchItems } from '../../agent/media/fetch.ts';
import { probeFiles } from '../../agent/media/probe-files.ts';
import { renderJob } from '../../agent/render/render-job.ts';
import { makeCacheRoom } from '../agent/media/cache-room.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { findFlashes } from '../helpers/media-measure.ts';
import { prepareRender } from '../helpers/media-render.ts';
import { testSegments } from '../helpers/segment-store.ts';

/** Names that a shell, a filter graph, a concat list, a pattern or an option parser would take for something else. */
const names = [
  'it\'s "quoted".mp4',
  '[v][0a] (1),{2}.mp4',
  '100%d %03d %s.mp4',
  'a;rm -rf $HOME;`id`;$(id)&|<>.mp4',
  'emoji 🎬👨‍👩‍👧‍👦 कि.mp4',
  '-i -y --help.mp4',
  "file 'x'\\''.mp4".replaceAll('\\', ''),
  `${'ä'.repeat(100)}${'x'.repeat(46)}.mp4`,
  'concat=a|b.mp4',
  'no extension',
  'odd.e\u0301xt',
];

test('Files with hostile names, to 250 bytes, are copied, probed and rendered, and no name reaches a command', {
  skip: process.platform === 'win32' ? 'Windows knows no such names' : false,
}, async () => {
  await using room = await makeCacheRoom();
  const clip = await makeSignalClip({ seconds: 0.2, signalAtSeconds: 0.1, size: '64x48', sound: 'none' });
  const logo = await makeMedia('png', ['-f', 'lavfi', '-i', 'color=c=red:s=8x8', '-frames:v', '1']);
  for (const name of names) {
    assert.ok(Buffer.byteLength(name) <= 255);
    await copyFile(clip, path.join(room.sharePath, name));
  }
  const logoName = "logo '%d';[x].png";
  await copyFile(logo, path.join(room.sharePath, logoName));
  // A job whose folder is there already lends it, its FFmpeg and its log.
  await using job = await prepareRender([{ file: clip }], { concurrency: 1 });
  const cache = await room.open();
  const unc = (name: string): string => `\\\\nas\\Share\\${name}`;
  const fetched = await fetchItems(
    names.map((name, index) => ({
      position: index + 10,
      itemType: 'video' as const,
      path: unc(name),
      ...(index === 0 ? { logoPath: unc(logoName) } : {}),
    })),
    { mounts: room.mounts, cache, workFolder: job.request.workFolder, platform: 'linux' },
  );
  assert.deepEqual(fetched.problems, []);
  const probed = await probeFiles(fetched.files, { cache, version: 'v' });
  assert.deepEqual(probed.problems, []);
  const source = (role: 'source' | 'logo', position: number) => {
    const file = fetched.files.find((one) => one.role === role && one.item.position === position);
    const facts = probed.facts.get(file?.name ?? '');
    assert.ok(file !== undefined && facts !== undefined);
    return { fileName: file.name, sourcePath: file.uncPath, sha256: file.sha256, facts };
  };
  const items = names.map((_, index) => ({
    ...source('source', index + 10),
    position: index + 10,
    itemType: 'video' as const,
    ...(index === 0 ? { logo: source('logo', 10) } : {}),
  }));
  const commands: string[] = [];
  const result = await renderJob(
    { ...job.request, items, segmentCache: testSegments(path.join(job.folder, 'segments')) },
    {
      signal: new AbortController().signal,
      log: { command: ({ args }) => commands.push(args.join(' ')), stderr: () => undefined },
    },
  );
  assert.ok(result.status === 'rendered', JSON.stringify(result));
  assert.equal(result.output.frames, names.length * 6);
  assert.equal((await findFlashes(result.output.file)).length, names.length);
  for (const command of commands)
    for (const mark of ['quoted', 'rm -rf', '%d', 'concat=', 'ääää', '🎬', '--help'])
      assert.ok(!command.includes(mark), command);
  for (const name of await readdir(job.request.workFolder)) assert.match(name, /^[\w.]+$/u);
  fetched.release();
});
