import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCli } from '../helpers/cli-process.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { jobId } from '../helpers/wire-jobs.ts';

const good = {
  user_id: 'ana',
  channel_name: 'C',
  items: [{ item_type: 'video', path: '\\\\nas\\Share\\a.mp4' }],
};

test('What the controller would refuse of several files is told of all, and none is stored', async (t) => {
  const stored: unknown[] = [];
  await using server = await startScriptedJobs({
    submitJob: ({ job, validateOnly }) => {
      if (job?.queue === 'nope') {
        return rpcError('INVALID_ARGUMENT', 'queue nope is not configured', { code: 'UNKNOWN_QUEUE' });
      }
      if (!validateOnly) stored.push(job);
      return { jobId, status: 1, message: 'taken', queue: 'q', routeRule: 'r', existed: false };
    },
  });
  const folder = await tempFolder(t);
  const [one, two, three] = [join(folder, '1.json'), join(folder, '2.json'), join(folder, '3.json')] as const;
  await writeFile(two, JSON.stringify(good));
  for (const file of [one, three]) await writeFile(file, JSON.stringify({ ...good, queue: 'nope' }));
  for (const flags of [[], ['--dry-run']]) {
    const args = ['submit', one, two, three, ...flags, '--address', server.address];
    const { code, lines, stderr } = await startCli(args).ended;
    assert.deepEqual([code, lines.length, stored], [2, flags.length, []]);
    assert.deepEqual(
      stderr.trimEnd().split('\n'),
      [one, three].map((file) => `renderfarm: ${file}: queue nope is not configured [UNKNOWN_QUEUE]`),
    );
  }
});
