import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import type { FinishedOutcome, JobRef } from '../../proto/index.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, makeSite } from '../helpers/agent-farm.ts';
import { type ScriptedSession, startScriptedController } from '../helpers/scripted-controller.ts';
import { studioPc } from '../helpers/studio-pc.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const skip = process.platform === 'win32' ? 'the stand-ins are shell scripts' : false;

const ref = (digit: number): JobRef => jobRef(`${digit}1111111-1111-4111-8111-111111111111`, digit);

async function ending(session: ScriptedSession): Promise<FinishedOutcome> {
  const { event } = await session.event('finished');
  assert.ok(event.type === 'finished');
  return event.finished;
}

async function inventoryWith(session: ScriptedSession, slots: number): Promise<void> {
  await session.next((message) => message.kind === 'inventory' && message.inventory.slots === slots);
}

test('An agent offers fewer slots when the card has no session left, more when it has, and is sick when the card is lost', {
  skip,
}, async (t) => {
  const pc = await studioPc(await tempFolder(t));
  const pathBefore = process.env['PATH'] ?? '';
  process.env['PATH'] = `${pc.folder}:${pathBefore}`;
  t.after(() => {
    process.env['PATH'] = pathBefore;
  });
  const controller = await startScriptedController();
  t.after(() => controller.stop());
  const site = await makeSite(await tempFolder(t), controller.address);
  const config = { ...site.config, ffmpeg: pc.ffmpeg, encoder: { threads: 1 }, slots: 2 };
  const agent = createAgent(parseAgentConfig(config, 'test'), {
    logger: pino({ level: process.env['FARM_TEST_AGENT_LOG'] ?? 'silent' }),
    figures: { goodbyeAckMs: 100, slotProbeMs: 300 },
    tickMs: 20,
  });
  t.after(() => agent.stop());
  await agent.start();
  const session = await controller.session();
  const hello = await session.admit();
  const { encoders, gpus, slots } = hello.inventory;
  assert.deepEqual(
    [encoders[0]?.rung, gpus[0]?.name, slots],
    ['h264_nvenc', 'NVIDIA GeForce GTX 1060 6GB', 2],
  );

  await pc.sessions(1, '7.1/sessions.client-key');
  session.send(assignClips(ref(1), ['long.mp4']));
  session.send(assignClips(ref(2), ['long.mp4']));
  const refused = await ending(session);
  assert.deepEqual(
    [refused.outcome, refused.failureClass, refused.problems[0]?.code],
    ['failed', 'environment', 'ENCODER_SESSION_LIMIT'],
  );
  assert.match(refused.message ?? '', /incompatible client key \(21\)/u);
  assert.ok(refused.stderrTail.some((line) => line.includes('No capable devices found')));
  await inventoryWith(session, 1);
  await pc.sessions(2);
  await inventoryWith(session, 2);

  await pc.fails([['*h264_nvenc*', '7.1/gpu-lost.in-the-middle']]);
  session.send(assignClips(ref(3), ['a.mp4']));
  const lost = await session.next(
    (message) =>
      message.kind === 'event' &&
      message.event.type === 'finished' &&
      message.event.finished.problems.some(({ code }) => code === 'GPU_LOST'),
  );
  assert.ok(lost.kind === 'event' && lost.event.type === 'finished');
  assert.equal(lost.event.finished.failureClass, 'environment');
  session.send({ kind: 'check-host', checkId: 'c1', causes: ['GPU_LOST'], shares: [] });
  const checked = await session.nextOf('host-checked');
  assert.equal(checked.ok, false);
  assert.match(checked.detail, /only libx264 encodes .*EncodePicture failed!/u);
  await pc.fails([]);
  session.send({ kind: 'check-host', checkId: 'c2', causes: ['GPU_LOST'], shares: [] });
  assert.equal((await session.nextOf('host-checked')).ok, true);
});
