import assert from 'node:assert/strict';
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import { openOutbox } from '../../agent/outbox/outbox.ts';
import type { AgentMessage } from '../../proto/index.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, makeSite } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const noMount = 'no file system may be mounted here';
const first = jobRef('11111111-1111-4111-8111-111111111111', 1);
const second = jobRef('22222222-2222-4222-8222-222222222222', 2);
const third = jobRef('33333333-3333-4333-8333-333333333333', 3);

test('a journal on a disk that is full to the last block waits, then has everything', async (t) => {
  const disk = await mountSmallDisk(t);
  if (disk === undefined) {
    t.skip(noMount);
    return;
  }
  const folder = disk.path;
  const full = Promise.withResolvers<unknown>();
  const outbox = await openOutbox({ folder, retryMs: 1, onRoom: () => full.resolve(undefined) });
  // Big enough that no block which is there already takes it.
  const events = Array.from({ length: 200 }, (_, index) => ({
    kind: 'event' as const,
    event: {
      ...{ kind: 'event' as const, number: index + 1, ref: first, atMs: 0 },
      event: { type: 'encoded' as const },
    },
  }));
  await disk.fill();
  const written = outbox.append(events);
  await full.promise;
  await disk.empty();
  await written;
  await outbox.close();
  const again = await openOutbox({ folder });
  await again.close();
  assert.equal(again.found.lastEvent, 200);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('an agent whose journal cannot be written takes no work, says so, renders on, and loses nothing', async (t) => {
  const disk = await mountSmallDisk(t);
  if (disk === undefined) {
    t.skip(noMount);
    return;
  }
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  await symlink(disk.path, join(site.folder, 'data', 'journal'));
  const agent = createAgent(parseAgentConfig({ ...site.config, slots: 2 }, 'test'), {
    logger: pino({ level: 'silent' }),
    figures: { goodbyeAckMs: 100 },
    tickMs: 20,
  });
  // Before the hooks, of which the disk's is the first: an agent without its disk never stops.
  try {
    await agent.start();
    const session = await controller.session();
    await session.admit({ heartbeatMs: 100 });
    session.send(assignClips(first, ['a.mp4']));
    assert.equal((await session.nextOf('assignment-reply')).accepted, true);
    await disk.fill();

    // Its record is larger than what is left of the journal's last block.
    session.send(assignClips(second, Array.from<string>({ length: 200 }).fill('b.mp4')));
    await session.next((message) => message.kind === 'inventory' && message.inventory.slots === 0);
    session.send(assignClips(third, ['b.mp4']));
    const declined = await session.nextOf('assignment-reply');
    assert.ok(!declined.accepted);
    assert.deepEqual([declined.ref, declined.code], [third, 'JOURNAL_FULL']);
    // What runs renders to its end, and of all that nothing leaves that the disk does not have.
    await session.next((message) => message.kind === 'progress' && message.state === 'ready');
    await session.nextOf('heartbeat');
    const early = session.heard().filter((message) => isReady(message) || isReply(message));
    assert.deepEqual(early, []);

    await disk.empty();
    const late = await session.nextOf('assignment-reply');
    assert.deepEqual([late.ref, late.accepted], [second, true]);
    assert.deepEqual((await session.event('ready')).ref, first);
    await session.next((message) => message.kind === 'inventory' && message.inventory.slots === 2);
  } finally {
    await disk.empty();
    await agent.stop();
    controller.stop();
  }
});

function isReady(message: AgentMessage): boolean {
  return message.kind === 'event' && message.event.type === 'ready';
}

function isReply(message: AgentMessage): boolean {
  return message.kind === 'assignment-reply';
}
