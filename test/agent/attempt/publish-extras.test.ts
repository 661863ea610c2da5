import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { annulPublish } from '../../../agent/attempt/annul.ts';
import type { OutputShare } from '../../../agent/attempt/output-share.ts';
import { createOutputShare } from '../../../agent/attempt/output-share.ts';
import { finishPublish, publish } from '../../../agent/attempt/publish.ts';
import { stageExtras } from '../../../agent/attempt/stage-extras.ts';
import { stageOutput } from '../../../agent/attempt/stage-step.ts';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { extraNames } from '../../../proto/index.ts';
import { assignment, jobRef, manifest } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const ref = jobRef('job-a', 4);
const { output } = assignment(ref);
const names = extraNames(output.finalName);
const extras = { contactSheet: 'sheet.jpg', preview: 'preview.mp4' };
const all = ['.renderfarm', names.contactSheet, names.preview, output.finalName].sort();

/** A share with a staged result, and what was made beside it. */
async function site(t: TestContext) {
  const folder = await tempFolder(t);
  const [mount, workFolder] = [join(folder, 'out'), join(folder, 'work')];
  await mkdir(mount);
  await mkdir(workFolder);
  for (const name of ['result.mp4', ...Object.values(extras)]) await writeFile(join(workFolder, name), name);
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const share = createOutputShare({ results: { roots: ['\\\\nas\\Out'], localPath: mount } }, operations);
  const signal = AbortSignal.timeout(30_000);
  const localFile = join(workFolder, 'result.mp4');
  const upload = { share, output, localFile, signal, onWaiting: () => undefined };
  const { shareId = '', ...facts } = await stageOutput(upload);
  const leftOut: string[] = [];
  const onLeftOut = (message: string) => void leftOut.push(message);
  const staged = await stageExtras({ share, output, workFolder, extras, signal, onLeftOut });
  const publication = {
    ...{ ref, output, shareId },
    manifest: { ...manifest, ...facts, fileName: output.finalName, ...staged },
  };
  const root = join(mount, '.renderfarm');
  return { mount, root, share, publication, workFolder, staged, leftOut, signal };
}

/** A share on which an owner freezes when it renames a file of that name; woken, it goes on. */
function freezing(share: OutputShare, name: string) {
  const woken = Promise.withResolvers<undefined>();
  const asleep = Promise.withResolvers<undefined>();
  const frozen: OutputShare = {
    ...share,
    async rename(from, to) {
      if (to.endsWith(name)) {
        asleep.resolve(undefined);
        await woken.promise;
      }
      await share.rename(from, to);
    },
  };
  return { frozen, asleep: asleep.promise, wake: () => woken.resolve(undefined) };
}

describe('what is made beside a result', () => {
  test('is published with it, before it, and under its name', async (t) => {
    const { mount, root, share, publication, staged, leftOut } = await site(t);
    assert.deepEqual(staged, { contactSheetName: names.contactSheet, previewName: names.preview });
    assert.deepEqual(leftOut, []);
    const { frozen, asleep, wake } = freezing(share, output.finalName);
    const publishing = publish(frozen, publication);
    await asleep;
    assert.deepEqual(
      (await readdir(mount)).sort(),
      all.filter((name) => name !== output.finalName),
    );
    wake();
    assert.equal((await publishing).type, 'published');
    assert.deepEqual((await readdir(mount)).sort(), all);
    assert.equal(await readFile(join(mount, names.contactSheet), 'utf8'), 'sheet.jpg');
    assert.deepEqual(await readdir(root), ['share-id']);
  });

  test('is finished by another agent where its owner stopped between two renames', async (t) => {
    const { mount, share, publication } = await site(t);
    const { frozen, asleep, wake } = freezing(share, names.preview);
    const owner = publish(frozen, publication);
    await asleep;
    assert.equal((await finishPublish(share, publication)).result, 'published');
    assert.deepEqual((await readdir(mount)).sort(), all);
    wake();
    assert.equal((await owner).type, 'published', 'what was done by another is done');
    assert.deepEqual((await readdir(mount)).sort(), all);
  });

  test('is taken back by an annulment, and a frozen owner that wakes up publishes none of it', async (t) => {
    const { mount, root, share, publication } = await site(t);
    const { frozen, asleep, wake } = freezing(share, output.finalName);
    const owner = publish(frozen, publication);
    await asleep;
    const request = { kind: 'annul-publish', ...publication } as const;
    assert.equal((await annulPublish(share, request)).result, 'annulled');
    wake();
    assert.equal((await owner).type, 'staging-gone');
    assert.deepEqual(await readdir(mount), ['.renderfarm']);
    assert.deepEqual((await readdir(join(root, '.dead-job-a-1.4'))).sort(), [
      ...[output.finalName, names.contactSheet, names.preview].sort(),
    ]);
  });

  test('of a newer attempt is let be by an annulment that comes again', async (t) => {
    const { mount, share, publication } = await site(t);
    const request = { kind: 'annul-publish', ...publication } as const;
    await annulPublish(share, request);
    await writeFile(join(mount, names.contactSheet), 'the newer one');
    assert.equal((await annulPublish(share, request)).result, 'annulled');
    assert.equal(await readFile(join(mount, names.contactSheet), 'utf8'), 'the newer one');
  });

  test('keeps no result waiting: what cannot be staged or renamed is left out', async (t) => {
    const { mount, root, share, publication, workFolder, signal } = await site(t);
    await rm(join(workFolder, extras.preview));
    const leftOut: string[] = [];
    const onLeftOut = (message: string) => void leftOut.push(message);
    const staged = await stageExtras({ share, output, workFolder, extras, signal, onLeftOut });
    assert.deepEqual(staged, { contactSheetName: names.contactSheet });
    assert.match(leftOut.join(), /_preview\.mp4 could not be staged, and is left out: .*ENOENT/u);
    // Somebody's viewer holds the file: Windows lets nobody rename over it.
    await mkdir(join(mount, names.contactSheet));
    assert.equal((await publish(share, publication)).type, 'published');
    assert.deepEqual((await readdir(mount)).sort(), all);
    assert.deepEqual(await readdir(root), ['share-id'], 'what is left over goes with the staging folder');
  });

  test('has names of its own result only: a manifest that says otherwise moves nothing', async (t) => {
    const { mount, root, share, publication } = await site(t);
    await writeFile(join(root, 'job-a-1.4', 'other.mp4'), 'hostile');
    const hostile = { ...publication.manifest, contactSheetName: '..\\share-id', previewName: 'other.mp4' };
    assert.equal((await publish(share, { ...publication, manifest: hostile })).type, 'published');
    assert.deepEqual(await readdir(mount), ['.renderfarm', output.finalName]);
    assert.deepEqual(await readdir(root), ['share-id']);
  });
});
