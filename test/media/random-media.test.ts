import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { seededRandom } from '../../chaos/random.ts';
import { renderItem } from '../helpers/media-clock.ts';
import { brokenPromises } from '../helpers/media-invariants.ts';
import { randomClip } from '../helpers/random-media.ts';

/** By hand, for longer: `RANDOM_MEDIA_CLIPS=2000 RANDOM_MEDIA_SEED=9 npm test -- test/media/random-media.test.ts`. */
const clips = Number(process.env['RANDOM_MEDIA_CLIPS'] ?? 14);
const firstSeed = Number(process.env['RANDOM_MEDIA_SEED'] ?? 1);
/** Each showed a defect once. */
const fellOnce: readonly number[] = [1081, 5171];

test('Whatever a clip is made of and whatever befell it, it is refused by name or comes out whole and in step', async (t) => {
  const outcomes = new Map<string, number>();
  const seeds = Array.from({ length: clips }, (_, index) => firstSeed + index);
  for (const seed of [...seeds, ...fellOnce]) {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'renderfarm-random-'));
    const clip = await randomClip(seededRandom(seed), folder.path, seed);
    const outcome = await renderItem(clip.file, { durationMs: clip.seconds * 1000 });
    assert.deepEqual(brokenPromises(clip, outcome), [], `RANDOM_MEDIA_SEED=${seed}: ${clip.name}`);
    const kind = `${clip.damage === undefined ? 'whole' : 'damaged'}, ${outcome.kind}`;
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  }
  t.diagnostic(`from seed ${firstSeed}: ${JSON.stringify([...outcomes])}`);
  // Some of each, or the grammar makes nothing that tells.
  assert.ok((outcomes.get('whole, rendered') ?? 0) >= clips / 5, JSON.stringify([...outcomes]));
});
