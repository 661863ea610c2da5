import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { endLeftovers } from '../../../agent/attempt/leftovers.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const hasTools = process.platform === 'linux' && existsSync('/usr/bin/script');
const skip = hasTools ? false : 'procfs and script(1) are needed';

async function started(t: TestContext, cwd: string, file: string, args: readonly string[]) {
  const child = spawn(file, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  await once(child.stdout, 'data');
  return { closed, hasEnded: () => (child.exitCode ?? child.signalCode) !== null };
}

test('What a killed agent left is found behind a link; a person who looks around in work/ is left alone', {
  skip,
}, async (t) => {
  const folder = await tempFolder(t);
  const work = join(folder, 'work', 'job-a-1.4');
  await mkdir(work, { recursive: true });
  await symlink(folder, join(folder, 'data'));
  // script(1) itself stands elsewhere: only what it runs has a terminal.
  const typed = `cd '${work}' && echo up && exec sleep 60`;
  const person = await started(t, '/', '/usr/bin/script', ['-qfc', typed, '/dev/null']);
  const left = await started(t, work, 'sh', ['-c', 'echo up; exec sleep 60']);
  assert.equal(await endLeftovers(join(folder, 'data', 'work'), join(folder, 'processes')), 1);
  await left.closed;
  assert.equal(person.hasEnded(), false);
});
