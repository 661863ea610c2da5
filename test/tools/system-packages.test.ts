import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { repositoryFolder } from '../../tools/checks.ts';
import { systemPackages } from '../../tools/system-packages.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

test('Where nothing is there and nothing can be installed, each package is named and the run stops', async (t) => {
  const empty = await tempFolder(t);
  const program = join(repositoryFolder, 'tools', 'system-packages.ts');
  const { status, stderr } = spawnSync(process.execPath, [program], {
    env: { ...process.env, PATH: empty },
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  for (const { name } of systemPackages) assert.match(stderr, new RegExp(`^Missing: ${name} `, 'mu'));
  assert.match(stderr, /sudo apt-get install -y ffmpeg redis-server fonts-noto-core/u);
});
