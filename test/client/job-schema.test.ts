import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { checkJobFile } from '../../client/job-file.ts';
import { jobFileJsonSchema } from '../../client/job-file-json-schema.ts';

const schemaFile = new URL('../../docs/job.schema.json', import.meta.url);
const validates = new Ajv2020({ strict: false }).compile(jobFileJsonSchema());

function isGood(value: unknown): boolean {
  try {
    checkJobFile(value);
    return true;
  } catch {
    return false;
  }
}

test('docs/job.schema.json is what the code says (renderfarm schema > docs/job.schema.json)', async () => {
  assert.deepEqual(JSON.parse(await readFile(schemaFile, 'utf8')), jobFileJsonSchema());
});

/** A good value mostly, otherwise one of the values that people write by mistake. */
function mostly<T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    'a\nb',
    -1,
    0,
    0.05,
    1.5,
    3_601,
    true,
    '2026-02-29T18:00:00Z',
    '2026-12-31 23:59:59Z',
    [],
    {},
    'x'.repeat(129),
  );
  return fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: odd });
}

const name = fc.constantFrom('ana', 'Kids TV', 'ü'.repeat(128), 'عربي');
const itemValue = fc.record(
  {
    item_type: mostly(fc.constantFrom('intro', 'video', 'transition', 'outro', 'image')),
    video_id: mostly(name),
    path: mostly(fc.constantFrom('\\\\nas\\Share\\a.mp4', '\\\\nas\\Share\\ü.mp4')),
    title: mostly(fc.string()),
    logo_path: mostly(fc.constant('\\\\nas\\Share\\logo.png')),
    duration: mostly(fc.constantFrom(0.1, 5, 3_600)),
    text_animation_text: mostly(fc.constantFrom('Hello', '👋')),
    text_animation_words: mostly(fc.array(fc.constantFrom('Hello', 'you'), { maxLength: 3 })),
    resolution: mostly(fc.constant('1080p')),
    is_4k: mostly(fc.boolean()),
    path_available: mostly(fc.boolean()),
    normalize_loudness: mostly(fc.boolean()),
    surprise: fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, fc.constant(1)),
  },
  { requiredKeys: ['item_type', 'path'] },
);

const jobValue = fc
  .record(
    {
      job_id: mostly(fc.uuid()),
      user_id: mostly(name),
      channel_name: mostly(name),
      enable_4k: mostly(fc.boolean()),
      priority: mostly(fc.constantFrom('low', 'normal', 'high', 'urgent')),
      queue: mostly(fc.constant('gpu_queue')),
      wishes: mostly(
        fc.record(
          {
            only_on: mostly(fc.array(mostly(fc.constantFrom('pc1', 'PC-2.farm')), { maxLength: 3 })),
            not_on: mostly(fc.array(mostly(fc.constant('pc3')), { maxLength: 3 })),
            labels: mostly(fc.constant(['rtx'])),
          },
          { requiredKeys: [] },
        ),
      ),
      options: mostly(
        fc.record(
          {
            rate_profile: mostly(fc.constantFrom('studio', 'quality')),
            no_cache: mostly(fc.boolean()),
            preview: mostly(fc.boolean()),
          },
          { requiredKeys: [] },
        ),
      ),
      not_before: mostly(fc.constantFrom('2026-03-01T18:00:00Z', '2028-02-29T18:00:00.25+02:00')),
      deadline: mostly(fc.constant('2026-12-31T23:59:59-11:30')),
      items: fc.tuple(
        fc.array(itemValue, { minLength: 0, maxLength: 4 }),
        fc.constantFrom('none', 'all', 'some'),
        mostly(fc.constant(0)),
      ),
    },
    { requiredKeys: ['user_id', 'channel_name', 'items'] },
  )
  // Positions are distinct here: that rule is beyond JSON Schema.
  .map(({ items: [items, positions, odd], ...job }) => ({
    ...job,
    items: items.map((item, index) => {
      const position = typeof odd === 'number' && Number.isInteger(odd) && odd >= 0 ? index : odd;
      const isGiven = positions === 'all' || (positions === 'some' && index === 0);
      return isGiven ? { ...item, position } : item;
    }),
  }))
  .map((job): unknown => JSON.parse(JSON.stringify(job)));

test('The JSON Schema and the code agree on what a good job file is', () => {
  const seen = { good: 0, bad: 0 };
  fc.assert(
    fc.property(jobValue, (value) => {
      const good = isGood(value);
      seen[good ? 'good' : 'bad'] += 1;
      // Items that share an odd position break the rule that only the code has.
      if (hasTwins(value)) return;
      assert.equal(validates(value), good, JSON.stringify(validates.errors));
    }),
    { numRuns: 2_000, seed: 7 },
  );
  assert(seen.good > 200 && seen.bad > 200, JSON.stringify(seen));
});

test('Both refuse each of the common mistakes', () => {
  const item = { item_type: 'video', path: '\\\\nas\\Share\\a.mp4' };
  const job = { user_id: 'ana', channel_name: 'Kids TV', items: [item] };
  const mistakes: readonly unknown[] = [
    [],
    { ...job, items: undefined },
    { ...job, colour: 'red' },
    { ...job, job_id: '42' },
    { ...job, items: [] },
    { ...job, items: [{ ...item, duration: -1 }] },
    { ...job, items: [{ item_type: 'video' }] },
    { ...job, items: [{ item_type: 'video', path: null }] },
    { ...job, items: [{ ...item, position: 0 }, item] },
    { ...job, items: [{ ...item, position: 1.5 }] },
    { ...job, wishes: [] },
    { ...job, options: { rate_profile: 'best' } },
    { ...job, options: { cache: false } },
    { ...job, wishes: { only_on: ['pc 1'] } },
    { ...job, wishes: { labels: Array.from({ length: 65 }, () => 'x') } },
    { ...job, deadline: '2026-03-01' },
    { ...job, not_before: 1_772_388_000 },
    { ...job, items: Array.from({ length: 2_001 }, () => item) },
  ];
  assert(validates(job) && isGood(job));
  for (const mistake of mistakes) {
    assert.equal(validates(mistake), false, JSON.stringify(mistake).slice(0, 100));
    assert.equal(isGood(mistake), false, JSON.stringify(mistake).slice(0, 100));
  }
});

function hasTwins(value: unknown): boolean {
  const { items } = value as { readonly items: readonly { readonly position?: unknown }[] };
  const positions = items.flatMap(({ position }) =>
    position === undefined ? [] : [JSON.stringify(position)],
  );
  return new Set(positions).size < positions.length;
}
