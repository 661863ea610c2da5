import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { createOutputShare } from '../../../agent/attempt/output-share.ts';
import type { Publication } from '../../../agent/attempt/publish.ts';
import { finishPublish, publish } from '../../../agent/attempt/publish.ts';
import { stageOutput } from '../../../agent/attempt/stage-step.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { assignment, jobRef, manifest } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const ref = jobRef('job-a', 4);
const { output } = assignment(ref);

async function site(t: TestContext) {
  const folder = await tempFolder(t);
  const mount = join(folder, 'out');
  await mkdir(mount);
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const share = createOutputShare({ results: { roots: ['\\\\nas\\Out'], localPath: mount } }, operations);
  const localFile = join(folder, 'made.mp4');
  await writeFile(localFile, 'the result');
  const staged = await stageOutput({
    share,
    output,
    localFile,
    signal: AbortSignal.timeout(30_000),
    onWaiting: () => undefined,
  });
  const publication: Publication = {
    ref,
    output,
    manifest: { ...manifest, ...staged, fileName: output.finalName },
  };
  return { mount, share, staged, localFile, publication, target: join(mount, output.finalName) };
}

const staging = '.renderfarm/job-a-1.4';

describe('publishing on a share', () => {
  test('stages with size and checksum, then renames, and leaves no staging folder', async (t) => {
    const { mount, share, staged, publication, target } = await site(t);
    const shareId = (await readFile(join(mount, '.renderfarm', 'share-id'), 'utf8')).trim();
    assert.deepEqual(staged, {
      shareId,
      sizeBytes: 10,
      sha256: createHash('sha256').update('the result').digest('hex'),
    });
    assert.deepEqual(await readdir(join(mount, staging)), [output.finalName]);
    const result = await publish(share, publication);
    assert.deepEqual(result, { type: 'published', publishedPath: `\\\\nas\\Out\\${output.finalName}` });
    assert.equal(await readFile(target, 'utf8'), 'the result');
    assert.deepEqual(await readdir(join(mount, '.renderfarm')), ['share-id']);
  });

  test('that was done before, by anyone, is done', async (t) => {
    const { share, publication } = await site(t);
    await publish(share, publication);
    assert.equal((await publish(share, publication)).type, 'published');
    assert.equal((await finishPublish(share, publication)).result, 'published');
  });

  test('by two at once happens once', async (t) => {
    const { mount, share, publication } = await site(t);
    const results = await Promise.all(Array.from({ length: 8 }, () => publish(share, publication)));
    assert.deepEqual(new Set(results.map((result) => result.type)), new Set(['published']));
    assert.deepEqual((await readdir(mount)).sort(), ['.renderfarm', output.finalName].sort());
  });

  test('never replaces a file that is there: it is an earlier result, and ours is set aside', async (t) => {
    const { mount, share, publication, target } = await site(t);
    await writeFile(target, 'an earlier one');
    assert.equal((await publish(share, publication)).type, 'earlier-result');
    assert.equal(await readFile(target, 'utf8'), 'an earlier one');
    assert.deepEqual((await readdir(join(mount, '.renderfarm'))).sort(), ['.dead-job-a-1.4', 'share-id']);
  });

  test('without the staged file says so, and takes no other file for it', async (t) => {
    const { mount, share, publication, target } = await site(t);
    await rm(join(mount, staging), { recursive: true });
    assert.equal((await publish(share, publication)).type, 'staging-gone');
    assert.equal((await finishPublish(share, publication)).result, 'absent');
    await writeFile(target, 'another file');
    assert.equal((await publish(share, publication)).type, 'staging-gone');
  });

  test('on a share that is away, or is another one, is tried again', async (t) => {
    const { mount, share, publication } = await site(t);
    await rm(join(mount, '.renderfarm'), { recursive: true });
    assert.equal((await publish(share, publication)).type, 'retry');
    await rm(mount, { recursive: true });
    assert.equal((await finishPublish(share, publication)).result, 'unreachable');
  });

  test('on a share that hangs blocks nothing here, and is tried again', async (t) => {
    const { mount, publication, target } = await site(t);
    const operations = createShareOperations({
      command: { file: process.execPath, args: ['-e', 'process.stdin.resume()'] },
      silenceMs: 50,
    });
    t.after(() => operations.stop());
    const hung = createOutputShare({ results: { roots: ['\\\\nas\\Out'], localPath: mount } }, operations);
    const result = await publish(hung, publication);
    assert.equal(result.type, 'retry');
    assert.match(result.detail, /no byte for 0\.05 s/u);
    const place = hung.locate(output.stagingFolder);
    await assert.rejects(hung.makeStaging(place), { code: 'SHARE_STALLED' });
    await assert.rejects(hung.removeStaging(place.localPath), { code: 'SHARE_STALLED' });
    await assert.rejects(hung.rename(target, `${target}2`), { code: 'SHARE_STALLED' });
    await assert.rejects(hung.identity(mount), { code: 'SHARE_STALLED' });
  });

  test('follows no link out of the share, neither to write nor to remove', async (t) => {
    const { mount, share } = await site(t);
    const elsewhere = await tempFolder(t);
    await mkdir(join(elsewhere, 'job-a-1.4'));
    await rm(join(mount, '.renderfarm'), { recursive: true });
    await symlink(elsewhere, join(mount, '.renderfarm'));
    await assert.rejects(share.makeStaging(share.locate('\\\\nas\\Out\\.renderfarm\\job-b-1.5')), {
      code: 'PATH_ESCAPES_SHARE',
    });
    await assert.rejects(share.removeStaging(join(mount, staging)), /is a link to/u);
    assert.deepEqual(await readdir(elsewhere), ['job-a-1.4']);
  });

  test('takes no name that leaves its folder, from nobody', async (t) => {
    const { mount, share, publication } = await site(t);
    for (const finalName of ['../C.mp4', '..\\C.mp4', 'a/b.mp4', '..', '', 'C.mp4:stream']) {
      const result = await publish(share, { ...publication, output: { ...output, finalName } });
      assert.equal(result.type, 'retry', finalName);
      const { signal } = new AbortController();
      const upload = { share, localFile: '/nowhere', signal, onWaiting: () => undefined };
      await assert.rejects(stageOutput({ ...upload, output: { ...output, finalName } }), {
        name: 'UncError',
      });
    }
    assert.deepEqual(await readdir(mount), ['.renderfarm']);
  });

  test('removes staging folders and nothing else', async (t) => {
    const { mount, share } = await site(t);
    await assert.rejects(share.removeStaging(mount), /no staging folder/u);
    await share.removeStaging(join(mount, staging));
    assert.deepEqual(await readdir(join(mount, '.renderfarm')), ['share-id']);
  });

  test('waits for a share that is away, and never makes its mount point', async (t) => {
    const { mount, share, localFile } = await site(t);
    await rm(mount, { recursive: true });
    const stopped = new AbortController();
    const waits: string[] = [];
    const upload = stageOutput({
      share,
      output,
      localFile,
      signal: stopped.signal,
      retryMinMs: 1,
      onWaiting(reason) {
        waits.push(reason);
        if (waits.length === 3) stopped.abort(new Error('enough'));
      },
    });
    await assert.rejects(upload, { name: /AbortError|Error/u });
    assert.match(waits[0] ?? '', /ENOENT/u);
    await assert.rejects(readdir(mount));
  });
});
