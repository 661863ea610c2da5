import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openKeptFile } from '../../agent/kept-file.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

test('a kept file has what was written last, whole, and nothing beside it', async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, 'kept.json');
  const file = openKeptFile(path, (message, error) => assert.fail(`${message}: ${String(error)}`));
  for (let n = 1; n <= 20; n += 1) file.write(`${n}`.repeat(1_000));
  await file.settled();
  assert.equal(await readFile(path, 'utf8'), '20'.repeat(1_000));
  assert.deepEqual(await readdir(folder), ['kept.json']);
});

test('a kept file that cannot be written is told with its name, and written again when it can be', async (t) => {
  const path = join(await tempFolder(t), 'kept.json');
  await mkdir(path);
  const told: string[] = [];
  const file = openKeptFile(path, (message) => told.push(message));
  file.write('lost');
  await file.settled();
  assert.deepEqual(told, [`${path} could not be written`]);
  await rm(path, { recursive: true });
  file.write('there');
  await file.settled();
  assert.equal(await readFile(path, 'utf8'), 'there');
  assert.equal(told.length, 1);
});
