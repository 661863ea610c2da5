import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Assign, noOptions } from '../../proto/index.ts';
import { jobRef } from '../helpers/agent-core.ts';
import {
  type AgentSite,
  assignClips,
  ended,
  filesBelow,
  makeSite,
  spawnAgent,
} from '../helpers/agent-farm.ts';
import { makeMedia } from '../helpers/media.ts';
import { type ScriptedSession, startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const jobId = '11111111-1111-4111-8111-111111111111';
const clips = Array.from({ length: 5 }, (_, index) => `clip${index}.mp4`);

/** Two PCs of one studio: one share of clips, one folder of segments that both reach. */
async function twoSites(folder: string, controller: string): Promise<readonly AgentSite[]> {
  const first = await makeSite(folder, controller);
  for (const [index, name] of clips.entries()) {
    const made = await makeMedia('mp4', [
      ...['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=30:d=1,trim=start=${index / 30}:duration=0.2`],
      ...['-f', 'lavfi', '-i', 'sine=d=0.2', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'],
    ]);
    await copyFile(made, join(folder, 'clips', name));
  }
  await mkdir(join(folder, 'output', 'segments'));
  const sites: AgentSite[] = [];
  for (const agentId of ['pc1', 'pc2']) {
    const dataDir = join(folder, agentId);
    await mkdir(dataDir);
    await copyFile(join(folder, 'data', 'encoders.json'), join(dataDir, 'encoders.json')).catch(
      () => undefined,
    );
    const config = {
      ...first.config,
      ...{ agentId, dataDir, segmentCache: { shared: '\\\\nas\\Out\\segments', silenceMs: 30_000 } },
    };
    const configFile = join(folder, `${agentId}.yaml`);
    await writeFile(configFile, JSON.stringify(config));
    sites.push({ ...first, config, configFile });
  }
  return sites;
}

async function segmentsUntilReady(session: ScriptedSession): Promise<{ reused: number; made: number }> {
  const counts = { reused: 0, made: 0 };
  for (;;) {
    const message = await session.next((one) => one.kind === 'event');
    assert.ok(message.kind === 'event');
    const { event } = message;
    if (event.type === 'segment-done') counts[event.reused ? 'reused' : 'made'] += 1;
    if (event.type === 'ready') return counts;
    assert.notEqual(event.type, 'finished');
  }
}

test('What a killed agent has finished another one takes from the shared cache, and renders only the rest', async (t) => {
  const controller = await startScriptedController();
  const folder = await tempFolder(t);
  const [one, two] = await twoSites(folder, controller.address);
  assert.ok(one !== undefined && two !== undefined);
  const children = new Set<ReturnType<typeof spawnAgent>>();
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([...children].map(ended));
    controller.stop();
  });
  const start = async (site: AgentSite) => {
    const child = spawnAgent(site);
    children.add(child);
    const session = await controller.session();
    await session.admit();
    return { child, session };
  };
  const assigned = (counter: number, changes: Partial<Assign['job']> = {}): Assign => {
    const assign = assignClips(jobRef(jobId, counter), clips);
    return { ...assign, job: { ...assign.job, ...changes } };
  };
  const shared = join(folder, 'output', 'segments');
  const records = async () =>
    (await readdir(shared, { recursive: true })).filter((name) => name.endsWith('.json'));

  const first = await start(one);
  first.session.send(assigned(1, { options: { ...noOptions, keepFailed: true } }));
  // The offers are in the background of another process.
  while ((await records()).length < 2) await setImmediate();
  first.child.kill('SIGKILL');
  await ended(first.child);
  const left = (await records()).length;
  // Both are this machine: what the first one found out of its encoders is true for the other.
  for (const name of ['encoders.json', 'join-classes.json'])
    await copyFile(join(folder, 'pc1', name), join(folder, 'pc2', name)).catch(() => undefined);

  const second = await start(two);
  second.session.send(assigned(2));
  const { reused, made } = await segmentsUntilReady(second.session);
  assert.equal(reused + made, clips.length);
  assert.ok(reused >= 2 && reused >= Math.min(left, clips.length) - 1, `${reused} of ${left}`);
  second.child.kill('SIGKILL');
  await ended(second.child);

  // The first PC again: what is half-written is gone with its next start, and now it renders nothing at all.
  const third = await start(one);
  third.session.send(assigned(3));
  assert.deepEqual(await segmentsUntilReady(third.session), { reused: clips.length, made: 0 });
  const parts = (await filesBelow(folder)).filter((name) => name.endsWith('.part'));
  // What pc2 left goes with the next start of pc2, or with the next cleaning.
  assert.deepEqual(
    parts.filter((name) => !name.startsWith('pc2') && !name.includes('pc2~')),
    [],
  );

  // The work folder of the attempt that was killed is kept, and so is one that fails: its outcome says where.
  const kept = join(folder, 'pc1', 'failed');
  assert.deepEqual(await readdir(kept), [`${jobId}-1.1`]);
  assert.ok((await readdir(join(kept, `${jobId}-1.1`))).includes('segment_0.mov'));
  const other = '22222222-2222-4222-8222-222222222222';
  const bad = assignClips(jobRef(other, 4), [clips[0] ?? '', 'none.mp4']);
  third.session.send({ ...bad, job: { ...bad.job, options: { ...noOptions, keepFailed: true } } });
  const failed = await third.session.next(
    (one) => one.kind === 'event' && one.ref.jobId === other && one.event.type === 'finished',
  );
  assert.ok(failed.kind === 'event' && failed.event.type === 'finished');
  const { outcome, message = '' } = failed.event.finished;
  assert.equal(outcome, 'failed');
  assert.ok(message.endsWith(`(its work folder is kept: ${join(kept, `${other}-1.4`)})`), message);
  assert.deepEqual((await readdir(kept)).toSorted(), [`${jobId}-1.1`, `${other}-1.4`]);
  assert.deepEqual(await readdir(join(folder, 'pc1', 'work')), []);
});
