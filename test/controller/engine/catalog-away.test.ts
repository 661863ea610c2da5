import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Catalog, CatalogUnavailable } from '../../../controller/catalog/catalog.ts';
import type { JobSpec } from '../../../controller/domain/job.ts';
import { jobResolver, jobsLookUp } from '../../../controller/resolve-jobs.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

/** A catalogue that is away until it is not, and may keep whoever asks waiting. */
class FickleCatalog implements Catalog {
  readonly label = 'BigQuery';
  readonly asked: (readonly string[])[] = [];
  state: 'there' | 'away' | 'hangs' = 'away';
  aborted = 0;

  async resolve(ids: readonly string[], signal: AbortSignal): ReturnType<Catalog['resolve']> {
    this.asked.push(ids);
    if (this.state === 'away') throw new CatalogUnavailable('BigQuery cannot be asked: not now');
    if (this.state === 'hangs') {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          this.aborted += 1;
          reject(signal.reason as Error);
        });
      });
    }
    const known = ids.filter((id) => id.startsWith('v'));
    return { found: new Map(known.map((id) => [id, { path: `\\\\nas\\Clips\\${id}.mp4` }])), queryMs: 3 };
  }
}

async function start(controller: EngineController, catalog: Catalog): Promise<EngineController> {
  const { shares } = farmSettings();
  const directory = { username: (userId: string) => Promise.resolve(`name of ${userId}`) };
  const { clock } = controller;
  return await controller.start(
    {},
    {
      resolve: jobResolver({ catalog, directory, shares, clock }),
      lookUp: jobsLookUp({ catalog, shares, clock }),
    },
  );
}

function withIds(n: number, ...ids: readonly string[]): JobSpec {
  return jobSpec(n, {
    items: ids.map((videoId, position) => ({ position, itemType: 'video', videoId, durationMs: 5_000 })),
  });
}

function submit({ engine }: EngineController, spec: JobSpec, validateOnly = false) {
  return engine.submit({ requestId: '', spec, validateOnly, jobIdMade: false });
}

async function stateOf({ engine }: EngineController, n: number): Promise<readonly [string, string]> {
  const { job } = await engine.job(jobId(n));
  return [job.state, job.errorMessage ?? job.reason ?? ''];
}

describe('a farm whose catalogue is away', () => {
  it('takes jobs, keeps them over a restart, and asks once for all of them when it is back', async () => {
    const catalog = new FickleCatalog();
    const first = await start(new EngineController(), catalog);
    await submit(first, withIds(1, 'v1', 'v2'));
    await submit(first, withIds(2, 'v2', 'v3'));
    await submit(first, withIds(3, 'x', 'v1', 'y'));
    assert.deepEqual(await stateOf(first, 1), ['waiting', 'catalogue: BigQuery cannot be asked: not now']);
    await first.clock.pass(60_000);
    await first.engine.stop();
    const second = await start(new EngineController(first.disk, first.clock), catalog);
    assert.equal((await second.engine.job(jobId(1))).job.username, 'name of ann');
    catalog.state = 'there';
    catalog.asked.length = 0;
    await second.clock.pass(1_000);
    assert.deepEqual(catalog.asked, [['v1', 'v2', 'v3', 'x', 'y']]);
    assert.deepEqual(await stateOf(second, 3), [
      'failed',
      'Video ID x not found in BigQuery; Video ID y not found in BigQuery',
    ]);
    const { outlet } = await second.attach('pc1');
    const assign = outlet.got.find((message) => message.kind === 'assign');
    assert.deepEqual(assign?.kind === 'assign' && assign.job.items.map(({ path }) => path), [
      '\\\\nas\\Clips\\v1.mp4',
      '\\\\nas\\Clips\\v2.mp4',
    ]);
    await second.engine.stop();
    assert.deepEqual([...first.fatal, ...second.fatal], []);
  });

  it('cannot say whether a job is right that is only asked about', async () => {
    const controller = await start(new EngineController(), new FickleCatalog());
    await assert.rejects(submit(controller, withIds(1, 'v1'), true), { code: 'CATALOG_UNAVAILABLE' });
    assert.equal((await submit(controller, jobSpec(2), true)).existed, false);
    await controller.engine.stop();
  });

  it('refuses unknown ids at the submit while it is there', async () => {
    const catalog = new FickleCatalog();
    catalog.state = 'there';
    const controller = await start(new EngineController(), catalog);
    await assert.rejects(submit(controller, withIds(1, 'x')), { code: 'UNKNOWN_VIDEO_ID' });
    await assert.rejects(controller.engine.job(jobId(1)), { code: 'JOB_NOT_FOUND' });
    await controller.engine.stop();
  });

  it('lets go of its question when it loses the leadership, and asks anew when it leads again', async () => {
    const catalog = new FickleCatalog();
    const controller = await start(new EngineController(), catalog);
    await submit(controller, withIds(1, 'v1'));
    catalog.state = 'hangs';
    await controller.clock.pass(2_000);
    assert.equal(catalog.asked.length, 2);
    controller.disk.expireLeadership();
    await settled();
    assert.equal(catalog.aborted, 1);
    catalog.state = 'there';
    await controller.clock.pass(2_000);
    assert.deepEqual(await stateOf(controller, 1), ['waiting', 'no agent is attached']);
    await controller.engine.stop();
    assert.deepEqual(controller.fatal, []);
  });
});
