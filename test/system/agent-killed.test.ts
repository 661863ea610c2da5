import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, ended, filesBelow, makeSite, spawnAgent } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

test('an agent that is killed leaves nothing half-published, and what was ready is published by the next', async (t) => {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const children = new Set([spawnAgent(site)]);
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([...children].map(ended));
    controller.stop();
  });
  const [first] = children;
  assert.ok(first);

  // One attempt is staged, another renders.
  const [a, b] = [
    jobRef('11111111-1111-4111-8111-111111111111', 1),
    jobRef('22222222-2222-4222-8222-222222222222', 2),
  ];
  const staged = assignClips(a, ['a.mp4', 'b.mp4']);
  const session = await controller.session();
  await session.admit();
  session.send(staged);
  await session.event('ready');
  session.send(assignClips(b, ['long.mp4']));
  await session.next(
    (message) => message.kind === 'progress' && message.ref.jobId === b.jobId && message.framesDone > 0,
  );
  first.kill('SIGKILL');
  await ended(first);
  await session.ended;
  const publishedFiles = async () => (await readdir(site.output)).filter((name) => name.endsWith('.mp4'));
  assert.deepEqual(await publishedFiles(), []);

  const second = spawnAgent(site);
  children.add(second);
  const next = await controller.session();
  const hello = await next.admit({
    ackedEvent: 100,
    verdicts: [{ ref: a, decision: { verdict: 'publish', finalName: staged.output.finalName } }],
  });
  assert.deepEqual(
    hello.held.map(({ ref, state }) => [ref.jobId, state]),
    [[a.jobId, 'ready']],
    'what rendered ended with its process',
  );
  assert.ok(hello.tombstones.some(({ ref, outcome }) => ref.jobId === b.jobId && outcome === 'lost'));
  const finished = await next.event('finished');
  assert.ok(finished.event.type === 'finished' && finished.event.finished.outcome === 'published');
  assert.deepEqual(await publishedFiles(), [staged.output.finalName]);
  assert.deepEqual(await readdir(join(site.folder, 'data', 'work')), []);
  assert.deepEqual(
    (await filesBelow(site.output)).filter((name) => name.endsWith('.mp4')),
    [staged.output.finalName],
  );

  second.kill('SIGTERM');
  await next.nextOf('goodbye');
  assert.equal(await ended(second), 0);
});
