import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, filesBelow, keepProbe, makeSite } from '../helpers/agent-farm.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

async function startFarm(t: TestContext) {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const config = parseAgentConfig(site.config, 'test');
  const told: string[] = [];
  const write = (line: string): void => {
    told.push((JSON.parse(line) as { msg: string }).msg);
    if (process.env['FARM_TEST_AGENT_LOG'] !== undefined) process.stderr.write(line);
  };
  const agent = createAgent(config, {
    logger: pino({ level: process.env['FARM_TEST_AGENT_LOG'] ?? 'info' }, { write }),
    link: { backoffFirstMaxMs: 10, backoffMaxMs: 20 },
    figures: { goodbyeAckMs: 100 },
    tickMs: 20,
  });
  t.after(async () => {
    await agent.stop();
    controller.stop();
  });
  await agent.start();
  await keepProbe(site);
  return { controller, site, agent, told };
}

describe('an agent in a farm', () => {
  test('renders, publishes on its grant, sends its logs, and copies nothing for the announced job', async (t) => {
    const { controller, site, told } = await startFarm(t);
    const session = await controller.session();
    const hello = await session.admit();
    assert.equal(session.authorization, 'Bearer secret');
    assert.deepEqual(hello.inventory.shares, ['clips', 'results']);

    const [a, b] = [
      jobRef('11111111-1111-4111-8111-111111111111', 1),
      jobRef('22222222-2222-4222-8222-222222222222', 2),
    ];
    const first = assignClips(a, ['a.mp4', 'b.mp4']);
    session.send(first);
    const reply = await session.nextOf('assignment-reply');
    assert.equal(reply.accepted, true);
    const second = assignClips(b, ['b.mp4', 'long.mp4']);
    session.send({
      kind: 'announce',
      announcementId: 'n1',
      jobId: b.jobId,
      channelName: 'C',
      items: second.job.items,
    });
    await session.next((message) => message.kind === 'prefetch-report' && message.state === 'done');
    await session.event('encoded');
    session.send(second);
    const ready = await session.event('ready');
    assert.ok(ready.event.type === 'ready');
    assert.equal(ready.event.manifest.frames, 60);
    assert.deepEqual(
      (await readdir(site.output)).filter((name) => name.endsWith('.mp4')),
      [],
      'nothing is published without a grant',
    );
    session.send({ kind: 'publish-grant', ref: a, finalName: first.output.finalName });
    const finished = await session.next(
      (message) =>
        message.kind === 'event' && message.ref.jobId === a.jobId && message.event.type === 'finished',
    );
    assert.ok(finished.kind === 'event' && finished.event.type === 'finished');
    assert.equal(finished.event.finished.outcome, 'published');
    const published = join(site.output, first.output.finalName);
    assert.equal((await stat(published)).size, ready.event.manifest.sizeBytes);

    const started = await session.next(
      (message) =>
        message.kind === 'event' && message.ref.jobId === b.jobId && message.event.type === 'started',
    );
    assert.ok(started.kind === 'event' && started.event.type === 'started');
    assert.equal(started.event.copiedBytes, 0, 'a prefetched job copies nothing');

    const log = (await controller.log(`${a.jobId}/job.log`)).toString();
    for (const line of [
      /^\d\d:\d\d:\d\d - INFO - === Starting Compilation Job 11111111-/mu,
      /^\d\d:\d\d:\d\d - INFO - Worker: pc1$/mu,
      /^\d\d:\d\d:\d\d - INFO - Channel: My Channel\\x0a00:00:00 - INFO - === Job Failed ===$/mu,
      // An item is rendered while others still come: whether 1e and 2 are told before 3 and 4 is chance.
      /Step 0: .*\n[^]*Step 1a: [^]*Step 1b: [^]*Step 1c: [^]*Step 1d: [^]*Step 1e: [^]*Step 2: [^]*Step 5: [^]*Step 6: /u,
      /Step 1d: [^]*Step 3: [^]*Step 4: [^]*Step 5: /u,
      /^\d\d:\d\d:\d\d - INFO - Total duration: 2\.00s \(0\.03 min\)$/mu,
      /^\d\d:\d\d:\d\d - INFO - Progress: 100% \(time: 2\.00s\)$/mu,
      /=== Job Completed Successfully ===\n$/u,
    ]) {
      assert.match(log, line);
    }
    assert.match(
      (await controller.log(`${a.jobId}/ffmpeg_cmd.txt`)).toString(),
      /^# video_[01]\ncd .*\nffmpeg /u,
    );
    assert.ok((await controller.log(`${a.jobId}/ffmpeg_stderr.txt`)).length > 0);

    session.send({
      kind: 'cancel',
      ref: b,
      mode: 'graceful',
      graceMs: 1_000,
      reason: 'asked',
      outcome: 'cancelled',
    });
    const cancelled = await session.next(
      (message) =>
        message.kind === 'event' && message.ref.jobId === b.jobId && message.event.type === 'finished',
    );
    assert.ok(cancelled.kind === 'event' && cancelled.event.type === 'finished');
    assert.equal(cancelled.event.finished.outcome, 'cancelled');
    assert.match(
      (await controller.log(`${b.jobId}/job.log`)).toString(),
      /Skipping \(already exists\): video_0\.mp4/u,
    );
    assert.deepEqual(await readdir(join(site.folder, 'data', 'work')), []);
    assert.deepEqual(
      ['accepted', 'started', 'published', 'cancelled'].map(
        (step) => told.filter((line) => line === `attempt ${step}`).length,
      ),
      [2, 2, 1, 1],
    );
    assert.deepEqual(
      told.filter((line) => line.startsWith('prefetch')),
      ['prefetch done'],
    );
    assert.deepEqual(
      (await filesBelow(site.output)).filter((name) => name.endsWith('.mp4')),
      [first.output.finalName],
    );
    const probe = [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name,width,nb_frames',
      '-of',
      'csv=p=0',
      published,
    ];
    assert.match(execFileSync('ffprobe', probe).toString(), /^h264,1920,60$/mu);
  });

  test('renders on while the controller is away, and reports what happened', async (t) => {
    const { controller } = await startFarm(t);
    const ref = jobRef('33333333-3333-4333-8333-333333333333', 1);
    const session = await controller.session();
    await session.admit();
    session.send(assignClips(ref, ['a.mp4', 'b.mp4']));
    await session.event('started');
    session.close(new Error('the controller dies'));
    const again = await controller.session();
    const hello = await again.admit({ ackedEvent: 1 });
    assert.equal(hello.held[0]?.ref.jobId, ref.jobId);
    const ready = await again.event('ready');
    assert.equal(ready.ref.jobId, ref.jobId);
  });

  test('names all bad items at once, before anything is encoded', async (t) => {
    const { controller } = await startFarm(t);
    const ref = jobRef('44444444-4444-4444-8444-444444444444', 1);
    const session = await controller.session();
    await session.admit();
    session.send(assignClips(ref, ['missing.mp4', 'a.mp4', 'gone.mp4']));
    const finished = await session.event('finished');
    assert.ok(finished.event.type === 'finished');
    const { outcome, failureClass, message, problems } = finished.event.finished;
    assert.deepEqual([outcome, failureClass], ['failed', 'input']);
    assert.match(message ?? '', /^Failed to copy 2 files: /u);
    assert.deepEqual(
      problems.map((problem) => problem.position),
      [0, 2],
    );
    assert.match((await controller.log(`${ref.jobId}/job.log`)).toString(), /=== Job Failed ===\n$/u);
  });

  test('encodes nothing for an output share that is away, and names the share', async (t) => {
    const { controller, site } = await startFarm(t);
    const ref = jobRef('66666666-6666-4666-8666-666666666666', 1);
    const session = await controller.session();
    await session.admit();
    await rm(site.output, { recursive: true });
    session.send(assignClips(ref, ['a.mp4']));
    const finished = await session.event('finished');
    assert.ok(finished.event.type === 'finished');
    const { outcome, failureClass, message, usage } = finished.event.finished;
    assert.deepEqual([outcome, failureClass, usage.framesEncoded], ['failed', 'environment', 0]);
    assert.match(message ?? '', /^output share results .* cannot be reached: ENOENT/u);
  });

  test('gives back what it renders when it is asked to stop', async (t) => {
    const { controller, agent, site } = await startFarm(t);
    const ref = jobRef('55555555-5555-4555-8555-555555555555', 1);
    const session = await controller.session();
    await session.admit();
    session.send(assignClips(ref, ['long.mp4']));
    await session.event('started');
    const stopped = agent.stop();
    const goodbye = await session.nextOf('goodbye');
    assert.deepEqual(goodbye.givesBack, [ref]);
    await stopped;
    assert.deepEqual(await readdir(join(site.folder, 'data', 'work')), []);
  });
});
