import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Hello } from '../../proto/index.ts';
import { jobRef } from '../helpers/agent-core.ts';
import { assignClips, ended, filesBelow, keepProbe, makeSite, spawnAgent } from '../helpers/agent-farm.ts';
import { makeMedia } from '../helpers/media.ts';
import { type ScriptedSession, startScriptedController } from '../helpers/scripted-controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { Random } from '../simulation/random.ts';

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
  await keepProbe(site);
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

/** As one kill -9 after the other meets it: what a job's controller knows of its attempts. */
interface KilledJob {
  readonly jobId: string;
  readonly clips: readonly string[];
  counter: number;
  published: number;
}

test('An agent that is killed at 20 random times resumes, renders nothing twice, and publishes each job once', {
  // Some 25 lives with a start each: 2 min on a machine that does nothing else, and seeds differ by half.
  timeout: 900_000,
}, async (t) => {
  const seed = Number(process.env['FARM_TEST_SEED'] ?? Date.now() % 100_000);
  t.diagnostic(`FARM_TEST_SEED=${seed}`);
  const random = new Random(seed);
  const farm = await killedFarm(t);
  const jobs: KilledJob[] = [];
  const newJob = (): KilledJob => {
    const jobId = `${String(jobs.length + 1).padStart(8, '0')}-1111-4111-8111-111111111111`;
    // The next job has one item that is new, and five that are known.
    const names = Array.from({ length: 6 }, (_, index) => (index === 5 ? jobs.length + 5 : index));
    return { jobId, clips: names.map((name) => `clip${name}.mp4`), counter: 0, published: 0 };
  };
  let kills = 0;
  while (kills < 20 || jobs.at(-1)?.published === 0) {
    const last = jobs.at(-1);
    const job = last === undefined || last.published > 0 ? newJob() : last;
    if (job !== last) jobs.push(job);
    await farm.makeClips(job.clips);
    const [from, withinMs] = random.pick(killTimes);
    const kill = kills < 20 ? { from, afterMs: random.between(0, withinMs) } : undefined;
    if (await oneLife(farm, job, kill)) kills += 1;
    t.diagnostic(`${kills} kills, job ${jobs.length}, attempt ${job.counter}: ${kill?.from ?? 'to its end'}`);
    await farm.check({ isStarted: false });
  }
  const published = jobs.map(({ jobId }) => `C_${jobId}.mp4`);
  t.diagnostic(`${jobs.length} jobs, ${farm.segments().size} files in the cache`);
  const there = (await filesBelow(farm.site.output)).filter((name) => name.endsWith('.mp4'));
  assert.deepEqual(there, published.toSorted(), 'each is there once, and nothing else');
  assert.deepEqual(
    jobs.map((job) => job.published),
    jobs.map(() => 1),
  );
});

/** A kill comes at a random time behind one of these, so that every part of a life is met on fast and slow machines. */
const killTimes = [
  ['spawned', 700],
  ['assigned', 1_000],
  ['segment-done', 300],
  ['encoded', 300],
  ['ready', 40],
] as const;

interface Kill {
  readonly from: (typeof killTimes)[number][0];
  readonly afterMs: number;
}

/** From one start of the agent to its kill, or to the end of the job. True when it was killed at its random time. */
async function oneLife(
  farm: Awaited<ReturnType<typeof killedFarm>>,
  job: KilledJob,
  kill: Kill | undefined,
): Promise<boolean> {
  const child = farm.spawned();
  const killer = { timer: undefined as NodeJS.Timeout | undefined, hasStruck: false };
  const passed = (point: Kill['from']): void => {
    if (point !== kill?.from) return;
    killer.timer ??= setTimeout(() => (killer.hasStruck = child.kill('SIGKILL')), kill.afterMs);
  };
  const exited = ended(child).then(() => undefined);
  passed('spawned');
  const life = await farm.attached(job, exited);
  if (life === undefined) return true;
  const { session, hello } = life;
  await farm.check({ isStarted: true });
  const { held, tombstones } = hello;
  let isPublished = tombstones.some(({ ref, outcome }) => ref.jobId === job.jobId && outcome === 'published');
  if (!isPublished && held.every(({ state }) => state === 'finished')) {
    job.counter += 1;
    session.send(assignClips(jobRef(job.jobId, job.counter), job.clips));
    passed('assigned');
  }
  isPublished ||= await untilPublished(session, job, { exited, passed });
  clearTimeout(killer.timer);
  assert.ok(isPublished || killer.hasStruck, `it ended by itself: code ${child.exitCode}`);
  if (isPublished) job.published += 1;
  child.kill('SIGKILL');
  await exited;
  await session.ended;
  return killer.hasStruck;
}

function nameOf({ jobId }: KilledJob): string {
  return `C_${jobId}.mp4`;
}

/** Grants as soon as it is asked. False when the agent is killed before it says that it is done. */
async function untilPublished(
  session: ScriptedSession,
  job: KilledJob,
  { exited, passed }: { readonly exited: Promise<undefined>; readonly passed: (point: Kill['from']) => void },
): Promise<boolean> {
  for (;;) {
    const next = session.next((message) => message.kind === 'event');
    const heard = await Promise.race([next, exited, session.ended]);
    if (heard === undefined) return false;
    assert.ok(heard.kind === 'event');
    const { event, ref } = heard;
    if (event.type === 'segment-done' && !event.reused) passed('segment-done');
    if (event.type === 'encoded') passed('encoded');
    if (event.type === 'ready') {
      session.send({ kind: 'publish-grant', ref, finalName: nameOf(job) });
      passed('ready');
    }
    if (event.type !== 'finished') continue;
    // The end of an attempt that died is told by the next process.
    if (event.finished.outcome === 'published') return true;
    assert.equal(event.finished.outcome, 'lost', event.finished.message);
  }
}

async function killedFarm(t: TestContext) {
  const controller = await startScriptedController();
  const site = await makeSite(await tempFolder(t), controller.address);
  const children = new Set<ReturnType<typeof spawnAgent>>();
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([...children].map(ended));
    controller.stop();
  });
  const seen = new Map<string, string>();
  /** Whoever attaches next; a life that ended before it attached leaves it to the next one. */
  const next: { attached?: Promise<{ session: ScriptedSession; hello: Hello }>; finalName: string } = {
    finalName: '',
  };
  const firstToAttach = async () => {
    for (;;) {
      const session = await controller.session();
      const admitted = session.admit(({ lastEvent, held }) => ({
        ackedEvent: lastEvent,
        verdicts: held.map(({ ref, state }) => ({
          ref,
          // What is over was heard of; what rendered has ended with its process; what was staged may be published.
          decision:
            state === 'finished' ? { verdict: 'forget' } : { verdict: 'publish', finalName: next.finalName },
        })),
      }));
      // A stream of a process that was killed meanwhile says nothing more.
      const hello = await Promise.race([admitted, session.ended]);
      if (hello !== undefined) return { session, hello };
    }
  };
  const dataFolder = join(site.folder, 'data');
  await mkdir(join(dataFolder, 'cache'));
  /** A result that is published at the start has a log again, whose owner is written under such a name for a moment. */
  const noParts = async (): Promise<void> => {
    const parts = (await filesBelow(site.folder)).filter((name) => name.endsWith('.part'));
    assert.deepEqual(parts, []);
  };
  return {
    site,
    /** Undefined when that is settled first. */
    async attached(job: KilledJob, exited: Promise<undefined>) {
      next.finalName = nameOf(job);
      next.attached ??= firstToAttach();
      const attached = await Promise.race([next.attached, exited]);
      if (attached !== undefined) delete next.attached;
      return attached;
    },
    segments: () => seen,
    spawned() {
      const child = spawnAgent(site);
      children.add(child);
      return child;
    },
    async makeClips(names: readonly string[]) {
      for (const name of names) {
        const target = join(site.folder, 'clips', name);
        if (existsSync(target)) continue;
        const number = Number(/\d+/u.exec(name)?.[0]);
        const made = await makeMedia('mp4', [
          ...['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=30:d=1,trim=start=${number / 30}:duration=0.2`],
          ...['-f', 'lavfi', '-i', 'sine=d=0.2', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'],
        ]);
        await copyFile(made, target);
      }
    },
    /** Called after a kill, and after the next start: only then nothing half-written may be left. */
    async check({ isStarted }: { readonly isStarted: boolean }) {
      if (isStarted) await t.waitFor(noParts, { interval: 20, timeout: 10_000 });
      // What no record names was not finished when the kill came: it is garbage, and the next start removes it.
      const names = new Set(await filesBelow(join(dataFolder, 'cache')));
      const recordOf = (name: string) => name.replace(/-[0-9a-f]{16}\.media$/u, '.json');
      const media = [...names].filter((name) => name.endsWith('.media') && names.has(recordOf(name)));
      for (const name of media) {
        const { ino, mtimeMs, size } = await stat(join(dataFolder, 'cache', name));
        const facts = `${ino} ${mtimeMs} ${size}`;
        assert.equal(seen.get(name) ?? facts, facts, `${name} was written again`);
        seen.set(name, facts);
      }
      for (const name of seen.keys()) assert.ok(media.includes(name), `${name} is gone`);
    },
  };
}
