import assert from 'node:assert/strict';
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { resolveUnc } from '../../agent/media/unc.ts';
import { readOwnJobs } from '../../demo/own-jobs.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

test('Paths of this machine become UNC paths that lead back to the same files; UNC paths stay', async (t) => {
  const folder = await realpath(await tempFolder(t));
  await mkdir(join(folder, 'clips'));
  await writeFile(join(folder, 'clips', 'a clip.mp4'), '');
  await symlink(join(folder, 'clips', 'a clip.mp4'), join(folder, 'link.mp4'));
  const paths = ['clips/a clip.mp4', join(folder, 'gone.mp4'), 'link.mp4', '\\\\farm\\Share\\x.mp4'];
  const items = paths.map((path) => ({ item_type: 'video', path, logo_path: 'logo.png' }));
  const file = join(folder, 'job.json');
  await writeFile(file, JSON.stringify({ user_id: 'me', channel_name: 'c', items }));

  const { jobs, mounts } = await readOwnJobs([file]);

  const found = jobs[0]?.input.items.map(({ path = '' }) => path) ?? [];
  assert.equal(found[3], '\\\\farm\\Share\\x.mp4');
  assert.deepEqual(
    found.slice(0, 3).map((path) => resolveUnc(path, mounts, process.platform).localPath),
    ['clips/a clip.mp4', 'gone.mp4', 'clips/a clip.mp4'].map((name) => join(folder, name)),
  );
  const logo = resolveUnc(jobs[0]?.input.items[0]?.logoPath ?? '', mounts, process.platform);
  assert.equal(logo.localPath, join(folder, 'logo.png'));
});

test('A job file that is no good is refused with all of its problems', async (t) => {
  const file = join(await tempFolder(t), 'job.json');
  await writeFile(file, '{ "user_id": "", "items": [] }');
  await assert.rejects(readOwnJobs([file]), (error: unknown) => {
    const { code, violations } = error as { code: string; violations: { field: string }[] };
    assert.equal(code, 'INVALID_JOB_FILE');
    assert.deepEqual(violations.map(({ field }) => field).toSorted(), ['channel_name', 'items', 'user_id']);
    return true;
  });
});
