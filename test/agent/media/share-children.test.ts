import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { createShareOperations } from '../../../agent/media/share-operations.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

/** Looks at a file, in a child that is then killed. */
async function look(folder: string, compileCache: string): Promise<number> {
  process.env['NODE_COMPILE_CACHE'] = compileCache;
  const operations = createShareOperations();
  try {
    const path = join(folder, 'a.mp4');
    await writeFile(path, 'film');
    const request = { op: 'examine', path, mountPath: folder, hashBelowBytes: 0 } as const;
    return (await operations.call(request)).sizeBytes;
  } finally {
    await operations.stop();
  }
}

test('A child that is killed leaves what the next one starts from; it works without a place for that as well', async (t) => {
  const folder = await tempFolder(t);
  const compiled = join(folder, 'compiled');
  assert.equal(await look(folder, compiled), 4);
  const files = (await readdir(compiled, { recursive: true })).length;
  assert.ok(files > 5, `${files} files`);
  assert.equal(await look(folder, compiled), 4);
  assert.equal((await readdir(compiled, { recursive: true })).length, files, 'nothing had to be made anew');
  assert.equal(await look(folder, join(folder, 'a.mp4', 'compiled')), 4, 'its folder cannot be made');
});
