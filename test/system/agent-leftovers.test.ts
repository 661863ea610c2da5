import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { runningProcesses } from '../../agent/process/process-table.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, ended, makeSite, spawnAgent } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const skip = process.platform === 'linux' ? false : 'the process table is read from procfs';
const ref = jobRef('11111111-1111-4111-8111-111111111111', 1);

async function start(t: TestContext) {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const children = new Set<ReturnType<typeof spawnAgent>>();
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([...children].map(ended));
    controller.stop();
  });
  const spawned = () => {
    const child = spawnAgent(site, join(site.folder, 'bin'));
    children.add(child);
    return child;
  };
  return { controller, site, spawned };
}

/** Processes that work below a folder. */
async function workingIn(folder: string): Promise<readonly number[]> {
  const all = await runningProcesses();
  const found = await Promise.all(
    all.map(async ({ pid }) =>
      (await readlink(`/proc/${pid}/cwd`).catch(() => '')).startsWith(folder) ? pid : 0,
    ),
  );
  return found.filter((pid) => pid > 0);
}

test('FFmpeg that outlives a killed agent is ended by the next one before it says Hello', {
  skip,
}, async (t) => {
  const { controller, site, spawned } = await start(t);
  // As some studios wrap it: FFmpeg is a grandchild, and a helper of the wrapper works elsewhere.
  const ffmpeg = execFileSync('sh', ['-c', 'command -v ffmpeg'], { encoding: 'utf8' }).trim();
  const wrapper = join(site.folder, 'bin', 'ffmpeg');
  await mkdir(join(site.folder, 'bin'));
  await writeFile(wrapper, `#!/bin/sh\n(cd / && exec sleep 300) &\n${ffmpeg} "$@" &\nwait $!\n`);
  await chmod(wrapper, 0o755);
  const first = spawned();
  const session = await controller.session();
  await session.admit();
  session.send(assignClips(ref, ['long.mp4']));
  await session.next((message) => message.kind === 'progress' && message.framesDone > 0);
  first.kill('SIGKILL');
  await ended(first);

  const work = join(site.folder, 'data', 'work');
  const orphans = await workingIn(work);
  assert.ok(orphans.length >= 2, 'the wrapper and FFmpeg run on without their agent');
  const recorded = (await readdir(join(site.folder, 'data', 'processes'))).map((name) =>
    Number.parseInt(name, 10),
  );
  const groups = new Set(recorded);
  const group = (await runningProcesses()).filter((entry) => groups.has(entry.group));
  assert.ok(group.length > orphans.length, 'and so does what works elsewhere');

  const second = spawned();
  const next = await controller.session();
  const hello = await next.hello();
  assert.deepEqual(hello.held, []);
  assert.deepEqual(await workingIn(work), []);
  assert.deepEqual(
    (await runningProcesses()).filter((entry) => groups.has(entry.group)),
    [],
  );
  assert.deepEqual(await readdir(work), []);
  second.kill('SIGKILL');
});
