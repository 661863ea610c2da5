import assert from 'node:assert/strict';
import { readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, makeSite } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const mib = 1024 ** 2;
/** What any job needs at all, and a little for one. */
const diskSize = '300m';
const [first, second, third] = [1, 2, 3].map((n) =>
  jobRef(`${n}`.repeat(8) + '-1111-4111-8111-111111111111', n),
);

/** A real agent whose whole data folder is on a disk with room for one job. */
async function agentOnSmallDisk(t: TestContext) {
  const disk = await mountSmallDisk(t, diskSize);
  if (disk === undefined) return undefined;
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const data = join(site.folder, 'data');
  await rm(data, { recursive: true });
  await symlink(disk.path, data);
  const agent = createAgent(parseAgentConfig({ ...site.config, slots: 2 }, 'test'), {
    logger: pino({ level: 'silent' }),
    figures: { goodbyeAckMs: 100 },
    tickMs: 20,
  });
  t.after(async () => {
    await agent.stop();
    controller.stop();
  });
  await agent.start();
  const session = await controller.session();
  return { session, data, hello: await session.admit() };
}

test('two jobs on a disk with room for one: the second is declined with the figures until the first is over', async (t) => {
  assert.ok(first && second && third);
  const farm = await agentOnSmallDisk(t);
  if (farm === undefined) {
    t.skip('no file system may be mounted here');
    return;
  }
  const { session, hello, data } = farm;
  assert.ok(hello.features.includes('sources'));
  const atFirst = hello.inventory.scratchAvailableBytes ?? 0;
  assert.ok(atFirst > 256 * mib && atFirst <= 300 * mib, `${atFirst} bytes`);

  const asked = { kind: 'ask-sources', jobId: first.jobId, enable4k: false, rateProfile: 'studio' } as const;
  const assign = assignClips(first, ['long.mp4']);
  session.send({ ...asked, items: assign.job.items });
  const before = await session.nextOf('sources-report');
  assert.ok(before.totalBytes > 0);
  assert.deepEqual([before.presentBytes, before.presentOutputMs, before.message], [0, 0, undefined]);

  session.send(assign);
  assert.equal((await session.nextOf('assignment-reply')).accepted, true);
  session.send(assignClips(second, ['a.mp4']));
  const declined = await session.nextOf('assignment-reply');
  assert.ok(!declined.accepted);
  assert.equal(declined.code, 'NO_SPACE');
  assert.match(declined.reason, /needs about 268435456 bytes of scratch space, \d+ are free/u);

  // In the middle of the render: its files come at once.
  await session.next((message) => message.kind === 'progress' && message.framesDone > 0);
  const next = assignClips(third, ['b.mp4']);
  const hint = { kind: 'announce', announcementId: 'n', jobId: third.jobId, channelName: 'C' } as const;
  session.send({ ...hint, items: next.job.items });
  const isDone = (state: string): boolean => state === 'done' || state === 'failed';
  const fetched = await session.next((one) => one.kind === 'prefetch-report' && isDone(one.state));
  assert.ok(fetched.kind === 'prefetch-report');
  assert.equal(fetched.state, 'done');
  assert.deepEqual([fetched.files, fetched.totalBytes], [1, fetched.bytes]);
  assert.ok(
    session.heard().every((one) => one.kind !== 'event' || one.event.type !== 'encoded'),
    'it still renders',
  );

  const { event } = await session.event('ready');
  assert.ok(event.type === 'ready');
  session.send({ kind: 'publish-grant', ref: first, finalName: assign.output.finalName });
  await session.event('finished');
  session.send({ ...asked, jobId: second.jobId, items: assign.job.items });
  const after = await session.nextOf('sources-report');
  assert.deepEqual([after.presentBytes, after.presentOutputMs], [before.totalBytes, 20_000]);
  session.send(next);
  const accepted = await session.nextOf('assignment-reply');
  assert.ok(accepted.accepted, JSON.stringify(accepted));
  assert.equal(accepted.presentBytes, fetched.bytes, 'what the announcement has brought');
  const { event: ready } = await session.event('ready');
  assert.equal(ready.type, 'ready');
  assert.deepEqual(await readdir(join(data, 'cache', 'sources', 'incoming')), []);
});
