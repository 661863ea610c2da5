import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { attemptFolderName, openLogFolder } from '../../../agent/attempt/log-folder.ts';
import { closeStrayLogs } from '../../../agent/attempt/stray-logs.ts';
import { jobRef } from '../../helpers/agent-core.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

test('Logs that a killed agent has left open are closed, but those of attempts that are still held', async (t) => {
  const logs = await tempFolder(t);
  const [stray, held] = [jobRef('job-a', 1), jobRef('job-b', 2)];
  for (const ref of [stray, held]) {
    const folder = await openLogFolder(logs, ref, () => undefined);
    folder.write('job.log', 'a line\n');
    await folder.flush();
    // It was killed while it wrote whose log it is.
    await writeFile(join(logs, attemptFolderName(ref), 'attempt.json.part'), '{"jobId"');
  }
  const torn = join(logs, attemptFolderName(jobRef('job-c', 3)));
  await mkdir(torn);
  await writeFile(join(torn, 'attempt.json'), '');
  await mkdir(join(logs, 'not ours'));
  await closeStrayLogs(logs, [{ startedAs: held }, { startedAs: jobRef('../job', 1) }]);
  const isClosed = (ref: typeof stray): boolean => existsSync(join(logs, attemptFolderName(ref), 'closed'));
  assert.deepEqual([isClosed(stray), isClosed(held)], [true, false]);
  const parts = (await readdir(logs, { recursive: true })).filter((name) => name.endsWith('.part'));
  assert.deepEqual(parts, []);
  assert.deepEqual([existsSync(torn), existsSync(join(logs, 'not ours'))], [false, true]);
});
