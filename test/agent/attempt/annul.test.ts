import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { annulPublish } from '../../../agent/attempt/annul.ts';
import type { OutputShare } from '../../../agent/attempt/output-share.ts';
import { createOutputShare, setAsideMax } from '../../../agent/attempt/output-share.ts';
import { finishPublish, publish } from '../../../agent/attempt/publish.ts';
import { stageOutput } from '../../../agent/attempt/stage-step.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { assignment, jobRef, manifest } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const ref = jobRef('job-a', 4);
const { output } = assignment(ref);
const dead = '.dead-job-a-1.4';

/** A share with a staged file whose grant is about to be annulled. */
async function site(t: TestContext) {
  const folder = await tempFolder(t);
  const mount = join(folder, 'out');
  await mkdir(mount);
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const share = createOutputShare({ results: { roots: ['\\\\nas\\Out'], localPath: mount } }, operations);
  const localFile = join(folder, 'made.mp4');
  await writeFile(localFile, 'the result');
  const signal = AbortSignal.timeout(30_000);
  const upload = { share, output, localFile, signal, onWaiting: () => undefined };
  const { shareId = '', ...facts } = await stageOutput(upload);
  const request = {
    ...({ kind: 'annul-publish', ref, output, shareId } as const),
    manifest: { ...manifest, ...facts, fileName: output.finalName },
  };
  const root = join(mount, '.renderfarm');
  return { mount, root, share, request, target: join(mount, output.finalName) };
}

describe('an annulled grant', () => {
  test('has its staging folder set aside: a frozen owner that wakes up finds nothing to rename, and says so', async (t) => {
    const { mount, root, share, request } = await site(t);
    // The owner has looked (staged there, target absent) and freezes before its rename.
    const woken = Promise.withResolvers<unknown>();
    const asleep = Promise.withResolvers<unknown>();
    const frozen: OutputShare = {
      ...share,
      async rename(from, to) {
        asleep.resolve(undefined);
        await woken.promise;
        await share.rename(from, to);
      },
    };
    const owner = publish(frozen, request);
    await asleep.promise;
    assert.equal((await annulPublish(share, request)).result, 'annulled');
    woken.resolve(undefined);
    assert.equal((await owner).type, 'staging-gone');
    assert.deepEqual(await readdir(mount), ['.renderfarm']);
    assert.deepEqual((await readdir(root)).sort(), [dead, 'share-id']);
  });

  test('cannot be published after it by anyone, also by an executor', async (t) => {
    const { mount, share, request } = await site(t);
    await annulPublish(share, request);
    assert.equal((await finishPublish(share, request)).result, 'absent');
    assert.deepEqual(await readdir(mount), ['.renderfarm']);
  });

  test('of eight at once has one answer', async (t) => {
    const { share, request } = await site(t);
    const all = await Promise.all(Array.from({ length: 8 }, () => annulPublish(share, request)));
    assert.deepEqual(new Set(all.map(({ result }) => result)), new Set(['annulled']));
  });

  test('against a publication at the same time: one of them wins, and both say which', async (t) => {
    const { share, request, target } = await site(t);
    const [owner, annulled] = await Promise.all([publish(share, request), annulPublish(share, request)]);
    const isThere = await readFile(target, 'utf8').then(
      () => true,
      () => false,
    );
    assert.equal(owner.type, isThere ? 'published' : 'staging-gone');
    assert.equal(annulled.result, isThere ? 'published' : 'annulled');
  });

  test('whose owner renames at the last moment is published: the target is looked at behind the move', async (t) => {
    const { root, share, request, target } = await site(t);
    const late: OutputShare = {
      ...share,
      async rename(from, to) {
        await share.rename(join(root, 'job-a-1.4', output.finalName), target);
        await share.rename(from, to);
      },
    };
    assert.equal((await annulPublish(late, request)).result, 'published');
  });

  test('that was published already is published, and another file of that name is no proof of anything', async (t) => {
    const { share, request, target } = await site(t);
    await publish(share, request);
    const published = await annulPublish(share, request);
    assert.deepEqual(
      [published.result, published.publishedPath],
      ['published', `\\\\nas\\Out\\${output.finalName}`],
    );
    await writeFile(target, 'another');
    assert.equal((await annulPublish(share, request)).result, 'mismatch');
  });
});

describe('what proves that a staging folder is gone', () => {
  test('is the share-id: without it, or with another one, the share counts as not reached', async (t) => {
    const { root, share, request } = await site(t);
    await rm(join(root, 'job-a-1.4'), { recursive: true });
    assert.equal((await annulPublish(share, request)).result, 'annulled');
    await writeFile(join(root, 'share-id'), 'another-share\n');
    const other = await annulPublish(share, request);
    assert.equal(other.result, 'unreachable');
    assert.match(other.detail ?? '', /says share-id another-share/u);
    await rm(join(root, 'share-id'));
    assert.equal((await annulPublish(share, request)).result, 'unreachable');
  });

  test('is not there where nobody knows which share it was', async (t) => {
    const { root, share, request } = await site(t);
    const { kind, manifest: staged } = request;
    const without = { kind, ref, output, manifest: staged };
    await rename(join(root, 'job-a-1.4'), join(root, 'elsewhere'));
    assert.equal((await annulPublish(share, without)).result, 'unreachable');
    await rename(join(root, 'elsewhere'), join(root, 'job-a-1.4'));
    assert.equal((await annulPublish(share, without)).result, 'annulled', 'moving it is proof enough');
    assert.equal((await annulPublish(share, without)).result, 'annulled', 'and so is finding it moved');
  });

  test('is asked of executors and owners too: on another share nothing is done and nothing concluded', async (t) => {
    const { mount, root, share, request } = await site(t);
    await writeFile(join(root, 'share-id'), 'another-share\n');
    assert.equal((await finishPublish(share, request)).result, 'unreachable');
    assert.equal((await publish(share, request)).type, 'retry');
    assert.deepEqual(await readdir(mount), ['.renderfarm']);
  });

  test('is lost when the mount changes between the two looks', async (t) => {
    const { root, share, request } = await site(t);
    const swapped: OutputShare = {
      ...share,
      async exists(path) {
        await writeFile(join(root, 'share-id'), 'another-share\n');
        return share.exists(path);
      },
    };
    assert.equal((await annulPublish(swapped, request)).result, 'unreachable');
  });

  test('is no share that is away or that hangs', async (t) => {
    const { mount, share, request } = await site(t);
    await rm(mount, { recursive: true });
    assert.equal((await annulPublish(share, request)).result, 'unreachable');
    const command = { file: process.execPath, args: ['-e', 'process.stdin.resume()'] };
    const operations = createShareOperations({ command, silenceMs: 50 });
    t.after(() => operations.stop());
    const hung = createOutputShare({ results: { roots: ['\\\\nas\\Out'], localPath: mount } }, operations);
    assert.equal((await annulPublish(hung, request)).result, 'unreachable');
    const outside = { ...request, output: { ...output, stagingFolder: '\\\\other\\Share\\x' } };
    assert.equal((await annulPublish(share, outside)).result, 'unreachable');
  });
});

test('what was set aside is kept, but no more of it than is good: the oldest goes', async (t) => {
  const { root, share, request } = await site(t);
  for (let n = 0; n < setAsideMax + 3; n += 1) await mkdir(join(root, `.dead-old-1.${n}`));
  await annulPublish(share, request);
  const names = await readdir(root);
  assert.equal(names.filter((name) => name.startsWith('.dead-')).length, setAsideMax);
  assert.ok(names.includes('share-id'));
});
