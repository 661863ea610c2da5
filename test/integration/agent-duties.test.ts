import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { createAgent } from '../../agent/agent.ts';
import { parseAgentConfig } from '../../agent/config.ts';
import type { JobRef } from '../../proto/index.ts';
import { jobRef, manifest } from '../helpers/agent-core.ts';
import { assignClips, makeSite } from '../helpers/agent-farm.ts';
import type { ScriptedSession } from '../helpers/scripted-controller.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const jobId = '11111111-1111-4111-8111-111111111111';
const [first, second] = [jobRef(jobId, 1), jobRef(jobId, 7)];

async function startFarm(t: TestContext) {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const agent = createAgent(parseAgentConfig(site.config, 'test'), {
    logger: pino({ level: 'silent' }),
    link: { backoffFirstMaxMs: 10, backoffMaxMs: 20 },
    figures: { goodbyeAckMs: 100 },
    tickMs: 20,
  });
  t.after(async () => {
    await agent.stop();
    controller.stop();
  });
  await agent.start();
  return { controller, site, session: await controller.session() };
}

async function rendering(session: ScriptedSession, ref: JobRef): Promise<void> {
  await session.next(
    (message) => message.kind === 'progress' && message.ref.jobId === ref.jobId && message.framesDone > 0,
  );
}

describe('an agent', () => {
  test('that is adopted renders on, publishes from the first folder, and hands its log in under the new fence', async (t) => {
    const { controller, site, session } = await startFarm(t);
    await session.admit({}, { events: false });
    const assign = assignClips(first, ['a.mp4', 'b.mp4']);
    session.send(assign);
    await rendering(session, first);
    session.close(new Error('cut'));
    const next = await controller.session();
    await next.admit({ verdicts: [{ ref: first, decision: { verdict: 'adopt', fence: second.fence } }] });
    const progress = await next.nextOf('progress');
    assert.deepEqual(progress.ref, second, 'the new fence is shown as soon as it is durable');
    const ready = await next.event('ready');
    assert.deepEqual(ready.ref, second);
    assert.deepEqual(await readdir(join(site.output, '.renderfarm')), [`${jobId}-1.1`, 'share-id']);
    next.send({ kind: 'recall', ref: second });
    const recalled = await next.nextOf('recalled');
    assert.deepEqual([recalled.assign?.ref, recalled.assign?.output], [second, assign.output]);
    assert.equal(recalled.held?.state, 'ready');
    next.send({ kind: 'publish-grant', ref: second, finalName: assign.output.finalName });
    const finished = await next.event('finished');
    assert.deepEqual(finished.ref, second);
    assert.equal((await stat(join(site.output, assign.output.finalName))).isFile(), true);
    const log = (await controller.log(`${jobId}/job.log`)).toString();
    assert.equal(log.match(/=== Starting Compilation Job/gu)?.length, 1, 'nothing was started again');
    assert.match(log, /Adopted: the attempt goes on under fence 1\.7/u);
    assert.deepEqual(controller.logRefs.at(-1), second);
  });

  test('tells which share it has staged on, and annuls a grant there', async (t) => {
    const { site, session } = await startFarm(t);
    await session.admit();
    const assign = assignClips(first, ['a.mp4']);
    session.send(assign);
    const { event } = await session.event('ready');
    assert.ok(event.type === 'ready');
    const id = (await readFile(join(site.output, '.renderfarm', 'share-id'), 'utf8')).trim();
    const told = await session.nextOf('inventory');
    assert.deepEqual(told.inventory.shareIds, [{ share: 'results', id }]);
    const request = { kind: 'annul-publish', ref: first, output: assign.output } as const;
    session.send({ ...request, manifest: event.manifest, shareId: 'another-share' });
    assert.equal((await session.nextOf('annul-publish-reply')).result, 'unreachable');
    session.send({ ...request, manifest: event.manifest, shareId: id });
    assert.equal((await session.nextOf('annul-publish-reply')).result, 'annulled');
    session.send({ kind: 'publish-grant', ref: first, finalName: assign.output.finalName });
    const end = await session.event('finished');
    assert.ok(end.event.type === 'finished');
    assert.deepEqual(
      [end.event.finished.outcome, end.event.finished.problems[0]?.code],
      ['failed', 'STAGED_FILE_GONE'],
    );
    assert.deepEqual(
      (await readdir(site.output)).filter((name) => name.endsWith('.mp4')),
      [],
    );
  });

  test('that is evicted stops its work at the deadline, and takes nothing until it is active again', async (t) => {
    const { site, session } = await startFarm(t);
    await session.admit();
    session.send(assignClips(first, ['long.mp4']));
    await rendering(session, first);
    session.send({ kind: 'set-mode', mode: 'evict', deadlineMs: 50, reason: 'new card' });
    const { event } = await session.event('finished');
    assert.ok(event.type === 'finished');
    assert.deepEqual([event.finished.outcome, event.finished.message], ['evicted', 'evicted: new card']);
    assert.deepEqual(await readdir(join(site.folder, 'data', 'work')), []);
    const other = jobRef('22222222-2222-4222-8222-222222222222', 9);
    await session.nextOf('assignment-reply');
    session.send(assignClips(other, ['a.mp4']));
    const declined = await session.nextOf('assignment-reply');
    assert.ok(!declined.accepted);
    assert.equal(declined.code, 'CORDONED');
    session.send({ kind: 'set-mode', mode: 'active', reason: '' });
    session.send(assignClips(other, ['a.mp4']));
    assert.equal((await session.nextOf('assignment-reply')).accepted, true);
  });

  test('tries what failed when it is asked, and tells a changed inventory before the answer', async (t) => {
    const { site, session } = await startFarm(t);
    await session.admit();
    await rm(join(site.folder, 'clips'), { recursive: true });
    const request = { kind: 'check-host', causes: ['SHARE_UNREACHABLE'], shares: ['clips'] } as const;
    session.send({ ...request, checkId: 'k1' });
    const sick = await session.nextOf('host-checked');
    assert.equal(sick.ok, false);
    assert.match(sick.detail, /share clips cannot be used: ENOENT/u);
    assert.deepEqual((await session.nextOf('inventory')).inventory.shares, ['results']);
    await mkdir(join(site.folder, 'clips'));
    await writeFile(join(site.folder, 'clips', 'x'), 'x');
    session.send({ ...request, checkId: 'k2' });
    const healed = await session.nextOf('host-checked');
    assert.deepEqual([healed.checkId, healed.ok], ['k2', true]);
    assert.deepEqual((await session.nextOf('inventory')).inventory.shares, ['clips', 'results']);
  });

  test('finishes nobody’s publication on a share that is another one', async (t) => {
    const { session } = await startFarm(t);
    await session.admit();
    const { output } = assignClips(first, []);
    session.send({ kind: 'finish-publish', ref: first, output, manifest, shareId: 'the-one-before' });
    const reply = await session.nextOf('finish-publish-reply');
    assert.equal(reply.result, 'unreachable');
    assert.match(reply.detail ?? '', /has no share-id, and the-one-before is meant/u);
  });
});
