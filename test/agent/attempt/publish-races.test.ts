import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { annulPublish } from '../../../agent/attempt/annul.ts';
import type { OutputShare } from '../../../agent/attempt/output-share.ts';
import { finishPublish, publish } from '../../../agent/attempt/publish.ts';
import type { Assign, JobRef } from '../../../proto/agent-link.ts';
import { assignment, jobRef, manifest } from '../../helpers/agent-core.ts';

// Owners, executors and whoever takes a grant back work on one share at the same time, in every order of their single
// file operations, and any of these may fail (done or not done). Whatever happens: a result is never replaced, and what
// was said of the share stays true.

const target = '/mnt/final.mp4';
const sheet = '/mnt/final_sheet.jpg';
const shareId = 'share-1';
const newer = jobRef('job-a', 5);

/** A share in memory that keeps the rule that it is here for: a second file under the final name is a violation. */
class RacedShare {
  /** By path; a folder is a prefix. */
  readonly files = new Map<string, string>([
    ['/mnt/.renderfarm/job-a-1.4/final.mp4', 'older'],
    ['/mnt/.renderfarm/job-a-1.5/final.mp4', 'newer'],
    ['/mnt/.renderfarm/job-a-1.4/final_sheet.jpg', 'older'],
    ['/mnt/.renderfarm/job-a-1.5/final_sheet.jpg', 'newer'],
  ]);
  readonly violations: string[] = [];
  readonly #between: (what: string) => Promise<'does' | 'fails' | 'fails-done'>;

  constructor(between: (what: string) => Promise<'does' | 'fails' | 'fails-done'>) {
    this.#between = between;
  }

  door(): OutputShare {
    return {
      locate: (uncPath) => ({
        uncPath,
        mountPath: '/mnt',
        localPath: uncPath.includes('.renderfarm')
          ? `/mnt/.renderfarm/${uncPath.split('\\').at(-1) ?? ''}`
          : '/mnt',
        share: 'results',
      }),
      makeStaging: () => Promise.reject(new Error('nothing is staged here')),
      upload: () => Promise.reject(new Error('nothing is uploaded here')),
      exists: (path) => this.#step(`exists ${path}`, () => this.#isThere(path)),
      examine: (path) =>
        this.#step('examine', () => {
          const content = this.files.get(path);
          if (content === undefined) throw enoent(path);
          return { sizeBytes: 1, sha256: content };
        }),
      rename: (from, to) => this.#step(`rename ${basename(from)}`, () => this.#rename(from, to)),
      removeStaging: (folder) =>
        this.#step('remove', () => {
          for (const path of [...this.files.keys()]) if (dirname(path) === folder) this.files.delete(path);
        }),
      identity: () => this.#step('identity', () => shareId),
      thinSetAside: () => Promise.resolve(),
    };
  }

  async #step<T>(what: string, act: () => T): Promise<T> {
    const how = await this.#between(what);
    if (how === 'fails') throw Object.assign(new Error('EIO'), { code: 'EIO' });
    const result = act();
    if (how === 'fails-done') throw Object.assign(new Error('the reply was lost'), { code: 'EIO' });
    return result;
  }

  #isThere(path: string): boolean {
    return [...this.files.keys()].some((file) => file === path || file.startsWith(`${path}/`));
  }

  #rename(from: string, to: string): void {
    const moved = [...this.files].filter(([file]) => file === from || file.startsWith(`${from}/`));
    if (moved.length === 0) throw enoent(from);
    if (to === target && this.files.has(target)) this.violations.push('a result was replaced');
    // A file takes the place of a file; a folder does not take that of one with files in it.
    if (!this.files.has(to) && this.#isThere(to))
      throw Object.assign(new Error('taken'), { code: 'ENOTEMPTY' });
    for (const [file, content] of moved) {
      this.files.delete(file);
      this.files.set(to + file.slice(from.length), content);
    }
  }
}

function enoent(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
}

function publication(ref: JobRef, sha256: string) {
  const assign: Assign = assignment(ref);
  const { fence } = ref;
  const stagingFolder = `${assign.output.folder}\\.renderfarm\\job-a-${fence.term}.${fence.counter}`;
  const output = { ...assign.output, stagingFolder, finalName: 'final.mp4' };
  return {
    ref,
    output,
    shareId,
    manifest: {
      ...{ ...manifest, fileName: 'final.mp4', sizeBytes: 1, sha256 },
      contactSheetName: 'final_sheet.jpg',
    },
  };
}

const older = publication(jobRef('job-a', 4), 'older');
const failing = fc.infiniteStream(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant('does' as const) },
    { weight: 1, arbitrary: fc.constantFrom('fails' as const, 'fails-done' as const) },
  ),
);

/** The farm's order of things for one job: its grant is finished by several, or taken back and given to a newer one. */
async function history(share: RacedShare, mayFail: boolean): Promise<void> {
  const owner = publish(share.door(), older);
  const executor = finishPublish(share.door(), older);
  const annulled = annulPublish(share.door(), { kind: 'annul-publish', ...older });
  const next = annulled.then(async ({ result }) => {
    if (result !== 'annulled') return undefined;
    assert.equal(share.files.get(target), undefined, 'annulled, and yet it is there');
    if (!mayFail) assert.equal(share.files.get(sheet), undefined, 'annulled, and its sheet is there');
    const again = await publish(share.door(), publication(newer, 'newer'));
    assert.notEqual(share.files.get(target), 'older', 'what was annulled was published after all');
    return again;
  });
  const results = await Promise.all([owner, executor, annulled, next]);
  const said = results.map((result) =>
    result === undefined ? '' : 'type' in result ? result.type : result.result,
  );
  if (said.includes('published'))
    assert.ok(share.files.has(target), `published, and yet nothing is there: ${said.join()}`);
  if (said[2] === 'annulled')
    assert.notEqual(share.files.get(target), 'older', `annulled and published: ${said.join()}`);
}

const unfailing: typeof failing = fc.infiniteStream(fc.constant('does' as const));

async function races(seed: number, numRuns: number, fate = failing): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fate, fc.boolean(), async (scheduler, fates, earlier) => {
      const share = new RacedShare(async (what) => {
        await scheduler.schedule(Promise.resolve(), what);
        const next = fates.next();
        return next.done === true ? 'does' : next.value;
      });
      if (earlier) share.files.set(target, 'earlier');
      const done = history(share, fate !== unfailing);
      await scheduler.waitFor(done);
      assert.deepEqual(share.violations, []);
      if (earlier) assert.equal(share.files.get(target), 'earlier');
      // Without failures: the sheet is that of the result, and there is none without one.
      else if (fate === unfailing) assert.equal(share.files.get(sheet), share.files.get(target));
    }),
    { seed, numRuns },
  );
}

test('no order of file operations and failures publishes twice, or what was annulled (fixed seed)', async () => {
  await races(20_261_122, 400);
});

test('no order of file operations parts a result from its contact sheet (fixed seed)', async () => {
  await races(20_261_123, 300, unfailing);
});

test('no order of file operations and failures publishes twice, or what was annulled (fresh seed)', async (t) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  await races(seed, 150);
});
