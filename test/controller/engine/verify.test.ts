import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JobDraft } from '../../../controller/domain/job-draft.ts';
import type { CatalogAnswer } from '../../../controller/engine/ports.ts';
import type { Verification } from '../../../controller/engine/verification.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { begin, clip, gone, item, job, looker, manyItems, still4k } from '../../helpers/looking-agent.ts';
import { settled } from '../../helpers/manual-clock.ts';

function codes({ items }: Verification): readonly (readonly string[])[] {
  return items.map(({ faults }) => faults.map(({ code }) => code));
}

suite('verifying a job', () => {
  test('tells of a good job all that a submit, its files and the plan would', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    await farm.attach('pc2', { inventory: inventory({ hostname: 'pc2', shares: [] }) });
    const { timers } = farm.clock;
    const still = item(1, { itemType: 'image', path: '\\\\nas\\Clips\\p.png', durationMs: 3_000 });
    const verifying = farm.engine.verify(job([item(0), still]));
    await pc1.answerAll((path) => (path.endsWith('png') ? still4k : clip));
    const said = await verifying;
    assert.deepEqual(
      [said.accepted, said.renderable, said.existed, said.videoCount, said.queue, said.routeRule],
      [true, true, false, 1, 'default_queue', 'default'],
    );
    assert.deepEqual([said.lengthMs, said.lengthKnown], [15_000, true]);
    const [first, second] = said.items;
    assert.deepEqual(first, {
      ...{ position: 0, itemType: 'video', videoId: '', path: '\\\\nas\\Clips\\0.mp4', pathAvailable: true },
      ...{ durationMs: 12_000, measured: true, width: 1_920, height: 1_080, is4k: false, codec: 'h264' },
      ...{ sizeBytes: 1_000, faults: [], warnings: [] },
    });
    assert.deepEqual([second?.is4k, second?.durationMs, second?.measured], [true, 3_000, false]);
    const { forecast } = said;
    // 15 s of output at twice the speed, and 2 kB to copy.
    assert.deepEqual([forecast?.agentId, forecast?.startMs, forecast?.endMs], ['pc1', 0, 7_500]);
    assert.equal(forecast?.summary, 'starts now on pc1');
    const other = forecast.agents.find(({ agentId }) => agentId === 'pc2');
    assert.deepEqual([other?.feasible, other?.reasons[0]], [false, 'does not reach share clips']);
    assert.equal((await farm.engine.summary()).jobs.size, 0, 'nothing was submitted');
    assert.equal(farm.clock.timers, timers, 'no timer of it is left');
  });

  test('reports every error at once, and asks nobody about paths that no job may use', async () => {
    const farm = await new EngineController().start({}, { pathsOf: catalog });
    const pc1 = await looker(farm, 'pc1');
    const items = [
      item(0),
      item(1, { path: '\\\\nas\\Clips\\..\\..\\secret.mp4' }),
      item(2, { path: '\\\\other\\Share\\a.mp4' }),
      item(3, { videoId: 'known' }),
      item(4, { videoId: 'nobody knows' }),
      item(5, { videoId: 'outside' }),
      item(6, { videoId: 'climbs' }),
      item(7, { itemType: undefined, durationMs: -1 }),
      item(8, { logoPath: '\\\\nas\\Clips\\no.png' }),
      item(8, { path: '' }),
      item(10, { itemType: 'image' }),
      item(11, { path: '\\\\nas\\Results\\done.mp4' }),
    ];
    const verifying = farm.engine.verify(job(items, { userId: '', priority: undefined }));
    await pc1.answerAll((path) => (/no\.png|known/u.test(path) ? gone : clip));
    const said = await verifying;
    assert.deepEqual(
      [said.accepted, said.renderable, said.queue, said.forecast],
      [false, false, undefined, undefined],
    );
    assert.deepEqual(
      said.faults.map(({ field }) => field),
      ['user_id', 'priority'],
    );
    assert.deepEqual(codes(said), [
      [],
      ['PATH_MALFORMED'],
      ['PATH_OUTSIDE_SHARES'],
      ['FILE_MISSING'],
      ['UNKNOWN_VIDEO_ID'],
      ['PATH_OUTSIDE_SHARES'],
      ['PATH_MALFORMED'],
      ['INVALID_JOB', 'INVALID_JOB'],
      ['FILE_MISSING'],
      ['INVALID_JOB', 'PATH_MISSING'],
      ['IMAGE_EXPECTED'],
      ['PATH_OUTSIDE_SHARES'],
    ]);
    assert.deepEqual(said.items[8]?.faults[0]?.field, 'logo_path');
    assert.equal(said.items[8].pathAvailable, true, 'its own file is there');
    assert.equal(said.items[3]?.path, '\\\\nas\\Clips\\known.mp4', 'the video id wins');
    const asked = pc1.asks.flatMap(({ paths }) => paths);
    assert.ok(
      asked.every((path) => /^\\\\nas\\Clips\\[^\\]+$/u.test(path)),
      asked.join(),
    );
  });

  test('what no agent can look at is unknown, not missing', async () => {
    const farm = await new EngineController().start();
    const nobody = await farm.engine.verify(job([item(0)]));
    assert.deepEqual([nobody.accepted, nobody.renderable], [true, undefined]);
    assert.match(nobody.items[0]?.unknown ?? '', /^no agent that mounts share clips/u);
    assert.equal(nobody.items[0]?.pathAvailable, undefined);
    assert.deepEqual([nobody.lengthMs, nobody.lengthKnown], [30_000, false]);

    const old = await farm.attach('old', { features: ['sources'] });
    const elsewhere = await looker(farm, 'elsewhere', ['results']);
    const asking = begin(farm.engine.verify(job([item(0)])));
    await settled();
    assert.deepEqual([old.outlet.kinds().includes('look-at-files'), elsewhere.asks.length], [false, 0]);
    assert.equal((await asking).renderable, undefined);
    // It is the feature that it lacks: with it, the same agent is asked.
    const { outlet } = await farm.attach('new', { features: ['sources', 'verify'] });
    void begin(farm.engine.verify(job([item(0)])));
    await settled();
    assert.ok(outlet.kinds().includes('look-at-files'));
  });

  test('a catalogue that is away leaves the place unknown; a submit would wait for it', async () => {
    const away: CatalogAnswer = { away: 'the catalogue is down' };
    const farm = await new EngineController().start({}, { pathsOf: () => Promise.resolve(away) });
    const said = await farm.engine.verify(job([item(0, { videoId: 'v' })]));
    assert.deepEqual([said.accepted, said.renderable], [true, undefined]);
    assert.equal(said.items[0]?.unknown, 'the catalogue is down');

    const slow = await new EngineController().start({}, { pathsOf: () => new Promise(() => undefined) });
    const verifying = slow.engine.verify(job([item(0, { videoId: 'v' })]));
    await slow.clock.pass(30_000);
    assert.equal((await verifying).items[0]?.unknown, 'the catalogue has not answered in time');
  });

  test('what a submit would refuse for the state of the farm is told', async () => {
    const limits = { ...farmSettings().limits, jobsPerUserMax: 1 };
    const farm = await new EngineController().start({ limits });
    await farm.submit(1);
    const { job: held } = await farm.engine.job('00000000-0000-4000-8000-000000000001');
    const full = await farm.engine.verify(job([item(0)], { userId: held.userId }));
    assert.deepEqual(
      [full.accepted, full.faults[0]?.code, full.queue],
      [false, 'TOO_MANY_JOBS', 'default_queue'],
    );
    const known = await farm.engine.verify(job([item(0)], { userId: held.userId, jobId: held.jobId }));
    assert.deepEqual([known.accepted, known.existed], [true, true]);
    const lost = await farm.engine.verify(job([item(0)], { queue: 'no such queue' }));
    assert.deepEqual(lost.faults[0]?.code, 'UNKNOWN_QUEUE');
    assert.match(
      lost.faults[0].message,
      /no such queue is not configured \(4k_queue, gpu_queue, default_queue\)/u,
    );
    const late = await farm.engine.verify(job([item(0)], { deadlineMs: farm.clock.nowMs() - 1 }));
    assert.deepEqual(
      late.faults.map(({ field }) => field),
      ['deadline'],
    );
    const empty = await farm.engine.verify(job([]));
    assert.deepEqual([empty.accepted, empty.renderable, empty.faults[0]?.field], [false, false, 'items']);
    const large = await farm.engine.verify(job(manyItems(2_001)));
    assert.deepEqual([large.items.length, large.faults[0]?.code], [2_000, 'JOB_TOO_LARGE']);
  });

  test('the forecast has the job behind those that go first, and one that is not to start yet has no start', async () => {
    const farm = await new EngineController().start();
    const pc1 = await looker(farm, 'pc1');
    await farm.submit(1);
    await farm.submit(2);
    await farm.clock.pass(1_000);
    const verify = async (changes: Partial<JobDraft>) => {
      const verifying = farm.engine.verify(job([item(0)], changes));
      await pc1.answerAll();
      return (await verifying).forecast;
    };
    const normal = await verify({});
    const urgent = await verify({ priority: 'urgent' });
    assert.equal(normal?.agentId, 'pc1');
    assert.ok((normal.startMs ?? 0) > (urgent?.startMs ?? Infinity), 'what is urgent goes first');
    const delayed = await verify({ notBeforeMs: farm.clock.nowMs() + 3_600_000 });
    assert.deepEqual([delayed?.startMs, delayed?.agentId], [undefined, undefined]);
    assert.match(delayed?.summary ?? '', /^would wait for/u);
    assert.equal(delayed?.agents[0]?.agentId, 'pc1');
  });
});

const places: ReadonlyMap<string, string> = new Map([
  ['known', '\\\\nas\\Clips\\known.mp4'],
  ['outside', '\\\\nas\\Private\\known.mp4'],
  ['climbs', '\\\\nas\\Clips\\..\\Private\\known.mp4'],
]);

function catalog(ids: readonly string[]): Promise<CatalogAnswer> {
  const paths = ids.flatMap((id) => {
    const path = places.get(id);
    return path === undefined ? [] : [[id, path] as const];
  });
  return Promise.resolve({ paths: new Map(paths) });
}
