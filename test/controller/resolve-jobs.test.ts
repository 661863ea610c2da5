import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Catalog, CatalogUnavailable } from '../../controller/catalog/catalog.ts';
import type { FarmError } from '../../controller/domain/errors.ts';
import type { ItemSpec } from '../../controller/domain/job.ts';
import type { CatalogAway, ResolvedJob } from '../../controller/engine/ports.ts';
import { jobResolver, jobsLookUp } from '../../controller/resolve-jobs.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { jobSpec } from '../helpers/turn-farm.ts';

/** A catalogue that remembers how often it was asked. */
function catalogOf(
  paths: Readonly<Record<string, string>>,
): Catalog & { readonly asked: (readonly string[])[]; readonly anew: boolean[] } {
  const asked: (readonly string[])[] = [];
  const anew: boolean[] = [];
  return {
    asked,
    anew,
    resolve(ids, _signal, how) {
      asked.push(ids);
      anew.push(how === 'anew');
      const found = ids.flatMap((id) =>
        paths[id] === undefined ? [] : [[id, { path: paths[id] }] as const],
      );
      return Promise.resolve({ found: new Map(found), queryMs: 7 });
    },
  };
}

async function resolve(catalog: Catalog, items: readonly ItemSpec[]): Promise<ResolvedJob> {
  const directory = { username: (userId: string) => Promise.resolve(`name of ${userId}`) };
  const { shares } = farmSettings();
  const resolver = jobResolver({ catalog, directory, shares, clock: new ManualClock(42) });
  return await resolver(jobSpec(1, { items }), new AbortController().signal);
}

function video(position: number, changes: Partial<ItemSpec>): ItemSpec {
  return { position, itemType: 'video', ...changes };
}

describe('resolving a job', () => {
  it('asks the catalogue once for all ids, and puts the items in order of their positions', async () => {
    const catalog = catalogOf({ a: '\\\\nas\\Clips\\a.mp4', b: '\\\\nas\\Clips\\b.mp4' });
    const job = await resolve(catalog, [
      video(7, { videoId: 'b' }),
      video(3, { videoId: 'a' }),
      video(5, { path: '\\\\NAS\\clips\\c.mp4' }),
      video(9, { videoId: 'a' }),
    ]);
    assert.deepEqual(catalog.asked, [['b', 'a']]);
    assert.deepEqual(
      job.resolved.map(({ position, path }) => [position, path]),
      [
        [3, '\\\\nas\\Clips\\a.mp4'],
        [5, '\\\\NAS\\clips\\c.mp4'],
        [7, '\\\\nas\\Clips\\b.mp4'],
        [9, '\\\\nas\\Clips\\a.mp4'],
      ],
    );
    assert.deepEqual(job.shares, ['clips']);
    assert.deepEqual(job.resolution, { queryMs: 7, found: 2, missing: [], resolvedAtMs: 42 });
    assert.equal(job.username, 'name of ann');
  });

  it('asks nothing for a job without ids', async () => {
    const catalog = catalogOf({});
    await resolve(catalog, [video(0, { path: '\\\\nas\\Clips\\a.mp4' })]);
    assert.deepEqual(catalog.asked, []);
  });

  it('names every unknown id with its field', async () => {
    const items = [
      video(0, { videoId: 'x' }),
      video(1, { path: '\\\\nas\\Clips\\a.mp4' }),
      video(2, { videoId: 'y' }),
    ];
    await assert.rejects(resolve(catalogOf({}), items), (error: FarmError) => {
      assert.equal(error.code, 'UNKNOWN_VIDEO_ID');
      assert.match(
        error.message,
        /^Video ID x not found in the catalogue \(items\[0\]\.video_id\); Video ID y not found/u,
      );
      assert.deepEqual(
        error.violations.map(({ field }) => field),
        ['items[0].video_id', 'items[2].video_id'],
      );
      return true;
    });
  });

  it('believes the catalogue no more than a client: its paths must lie in a source share', async () => {
    for (const path of ['\\\\nas\\Results\\a.mp4', '\\\\elsewhere\\Clips\\a.mp4', '/etc/passwd']) {
      await assert.rejects(
        resolve(catalogOf({ a: path }), [video(0, { videoId: 'a' })]),
        { code: 'INVALID_JOB' },
        path,
      );
    }
  });

  it('refuses a job whose paths would not fit into an assignment', async () => {
    const long = `\\\\nas\\Clips\\${'x'.repeat(600)}.mp4`;
    const items = Array.from({ length: 2_000 }, (_, position) => video(position, { videoId: 'a' }));
    await assert.rejects(resolve(catalogOf({ a: long }), items), { code: 'JOB_TOO_LARGE' });
  });

  it('tells a catalogue that is away from one that does not know an id', async () => {
    const away: Catalog = { resolve: () => Promise.reject(new CatalogUnavailable('line 3 is no row')) };
    await assert.rejects(resolve(away, [video(0, { videoId: 'a' })]), { code: 'CATALOG_UNAVAILABLE' });
  });

  it('tells of a catalogue that is away with what else is known of the job', async () => {
    const away: Catalog = { resolve: () => Promise.reject(new CatalogUnavailable('not now')) };
    const items = [video(0, { videoId: 'x' }), video(1, { path: '\\\\nas\\Clips\\a.mp4' })];
    await assert.rejects(resolve(away, items), (error: CatalogAway) => {
      assert.deepEqual([error.code, error.message], ['CATALOG_UNAVAILABLE', 'not now']);
      assert.deepEqual(error.known, { username: 'name of ann', shares: ['clips'] });
      return true;
    });
  });
});

describe('looking jobs up again', () => {
  it('asks once for all of them, and has an answer for each', async () => {
    const catalog = {
      ...catalogOf({ a: '\\\\nas\\Clips\\a.mp4', far: '\\\\other\\b.mp4' }),
      label: 'BigQuery',
    };
    const lookUp = jobsLookUp({ catalog, shares: farmSettings().shares, clock: new ManualClock(42) });
    const jobs = [['a'], ['a', 'x', 'y'], ['far']];
    const specs = jobs.map((ids, n) =>
      jobSpec(n, { items: ids.map((videoId, position) => video(position, { videoId })) }),
    );
    const [found, unknown, outside] = await lookUp(specs, new AbortController().signal);
    assert.deepEqual(catalog.asked, [['a', 'x', 'y', 'far']]);
    assert.deepEqual(catalog.anew, [true], 'what the catalogue remembers is what may be old');
    assert.ok(found !== undefined && 'paths' in found);
    assert.equal(found.paths.resolved[0]?.path, '\\\\nas\\Clips\\a.mp4');
    assert.deepEqual(found.paths.resolution, { queryMs: 7, found: 1, missing: [], resolvedAtMs: 42 });
    assert.ok(unknown !== undefined && 'refused' in unknown);
    assert.deepEqual(unknown.refused, {
      code: 'UNKNOWN_VIDEO_ID',
      violations: [
        { field: 'items[1].video_id', description: 'Video ID x not found in BigQuery' },
        { field: 'items[2].video_id', description: 'Video ID y not found in BigQuery' },
      ],
    });
    assert.ok(outside !== undefined && 'refused' in outside);
    assert.equal(outside.refused.code, 'INVALID_JOB');
  });
});
