import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { askToLeave, watchLeaveRequests } from '../../../agent/host/leave-request.ts';
import { takeOwnerLock } from '../../../agent/outbox/owner-lock.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'links and pipes' : false;

describe('a request to leave', () => {
  test('is made by no link, pipe or folder, however much that would say, and these stop nobody', {
    skip,
  }, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const folder = await tempFolder(t);
    const path = join(folder, 'leave');
    const { promise, resolve } = Promise.withResolvers<string>();
    t.after(watchLeaveRequests(folder, resolve));
    const look = (): void => t.mock.timers.tick(1_000);
    await symlink('/dev/zero', path);
    look();
    await rm(path);
    execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
    // More than there are file threads: one that waits would be missed.
    for (let tries = 0; tries < 8; tries += 1) look();
    await rm(path);
    await mkdir(path);
    look();
    await rm(path, { recursive: true });
    await writeFile(path, 'sleep\n');
    look();
    assert.equal(await promise, 'sleep');
  });

  test('that an agent takes for an older one, because it only starts, is made again', async (t) => {
    const folder = await tempFolder(t);
    await mkdir(join(folder, 'journal'));
    const lock = takeOwnerLock(join(folder, 'journal', 'journal.lock'));
    const path = join(folder, 'leave');
    const until = async (there: boolean): Promise<void> => {
      while (existsSync(path) !== there) await setImmediate();
    };
    const asked = askToLeave(folder, 'upgrade');
    await until(true);
    await rm(path);
    await until(true);
    lock.release();
    assert.equal(await asked, 'left');
    assert.equal(existsSync(path), false);
  });
});
