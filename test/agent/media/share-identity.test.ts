import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readIdentity, writeIdentity } from '../../../agent/media/share-identity.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

test('agents that begin a share at the same time agree on its identity, and leave nothing else', async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, 'share-id');
  const words = Array.from({ length: 20 }, (_, n) => `identity-of-agent-${n}`);
  // Whoever reads meanwhile sees none or the whole of the one.
  const seen = new Set<string | undefined>();
  await Promise.all(
    words.map(async (word) => {
      await writeIdentity(path, word);
      seen.add((await readIdentity({ op: 'read-identity', path })).identity);
    }),
  );
  assert.equal(seen.size, 1);
  assert.ok(words.includes([...seen][0] ?? ''));
  assert.deepEqual(await readdir(folder), ['share-id']);
});

test('an identity is never changed, and a damaged one is none', async (t) => {
  const path = join(await tempFolder(t), 'share-id');
  await writeIdentity(path, 'the-first-one');
  await writeIdentity(path, 'the-second-one');
  assert.equal(await readFile(path, 'utf8'), 'the-first-one\n');
  for (const damage of ['', 'x', 'two words here\n', `${'x'.repeat(100)}\n`]) {
    await writeFile(path, damage);
    assert.deepEqual(await readIdentity({ op: 'read-identity', path }), {});
    await writeIdentity(path, 'the-third-one');
    assert.equal(await readFile(path, 'utf8'), damage, 'it is for a person to say what it was');
  }
});
