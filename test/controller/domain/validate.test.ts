import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseUnc } from '../../../agent/media/unc.ts';
import type { ItemDraft, JobDraft } from '../../../controller/domain/job-draft.ts';
import { validateJob, violationText } from '../../../controller/domain/validate.ts';
import { itemDraft, jobDraft } from '../../helpers/job-draft.ts';

const source = '\\\\nas\\Share\\clips\\a.mp4';
const rules = {
  isInSourceShare: (path: string) => path.startsWith('\\\\nas\\Share\\'),
  newJobId: '00000000-0000-4000-8000-000000000001',
  nowMs: 1_000_000_000_000,
};
const item: ItemDraft = { ...itemDraft, videoId: '', path: source };
const job: JobDraft = { ...jobDraft, items: [item] };

function problemsOf(draft: JobDraft): string[] {
  const result = validateJob(draft, rules);
  return result.valid ? [] : result.violations.map(violationText);
}

function problemsOfItem(change: Partial<ItemDraft>): string[] {
  return problemsOf({ ...job, items: [{ ...item, ...change }] });
}

suite('a valid job', () => {
  test('gets an id where it brings none, and keeps its own in lower case', () => {
    const own = 'AAAAAAAA-0000-4000-8000-000000000001';
    assert.partialDeepStrictEqual(validateJob(job, rules), { valid: true, spec: { jobId: rules.newJobId } });
    const validated = validateJob({ ...job, jobId: own }, rules);
    assert.partialDeepStrictEqual(validated, { valid: true, spec: { jobId: own.toLowerCase() } });
  });

  test('has no field that was not given', () => {
    assert.deepStrictEqual(validateJob(job, rules), {
      valid: true,
      spec: {
        jobId: rules.newJobId,
        userId: 'user 1',
        channelName: 'Chan',
        enable4k: false,
        priority: 'normal',
        items: [{ position: 0, itemType: 'video', path: source }],
      },
    });
  });

  test('joins the words of a text by spaces where it has no text', () => {
    const items = [{ ...item, words: ['one', 'two'] }];
    const validated = validateJob({ ...job, items }, rules);
    assert.partialDeepStrictEqual(validated, { spec: { items: [{ text: 'one two' }] } });
  });

  test('loses logo and text of items that are no videos, and the path beside a video id', () => {
    const items: ItemDraft[] = [
      { ...item, itemType: 'intro', text: 'x'.repeat(500), logoPath: 'nonsense' },
      { ...item, position: 1, videoId: 'v1', path: 'nonsense' },
    ];
    const validated = validateJob({ ...job, items }, rules);
    assert.deepStrictEqual(validated.valid && validated.spec.items, [
      { position: 0, itemType: 'intro', path: source },
      { position: 1, itemType: 'video', videoId: 'v1' },
    ]);
  });

  test('may leave gaps between positions and bring them in any order', () => {
    const items = [
      { ...item, position: 7 },
      { ...item, position: 2 },
    ];
    assert.deepStrictEqual(problemsOf({ ...job, items }), []);
  });
});

suite('an invalid job', () => {
  test('is told everything that is wrong with it at once, in the order of its fields', () => {
    const items: ItemDraft[] = [
      item,
      { ...item, durationMs: -1 },
      { ...item, position: 2, path: '', itemType: 'outro' },
    ];
    assert.deepStrictEqual(problemsOf({ ...job, jobId: '7', userId: '', items }), [
      'job_id: must be a UUID',
      'user_id: must have 1 to 128 printable characters',
      'items[1].position: must be distinct: items[0] has position 0 too',
      'items[1].duration: must be between 0.1 and 3600 s',
      'No path for outro at position 2 (items[2].path)',
    ]);
  });

  test('has no items', () => {
    assert.deepStrictEqual(problemsOf({ ...job, items: [] }), ['No items found for job (items)']);
  });

  test('has an unknown type, priority or position', () => {
    assert.match(String(problemsOfItem({ itemType: undefined })), /^items\[0\]\.item_type: must be one of/);
    assert.match(String(problemsOf({ ...job, priority: undefined })), /^priority: must be one of low/);
    assert.match(String(problemsOfItem({ position: -1 })), /^items\[0\]\.position: must be a whole number/);
  });

  const badPaths: readonly (readonly [string, string])[] = [
    ['/mnt/share/a.mp4', 'must be a UNC path (\\\\host\\share\\...)'],
    ['\\\\nas\\Share\\', 'must be a UNC path (\\\\host\\share\\...)'],
    ['\\\\nas\\Share\\a\nb', 'must be a UNC path (\\\\host\\share\\...)'],
    ['\\\\nas\\Share\\..\\Other\\a.mp4', 'must not contain ".."'],
    ...['a:b.mp4', 'a.\\b.mp4', 'a.mp4 ', '\\a.mp4'].map(
      (name) =>
        [
          `\\\\nas\\Share\\${name}`,
          'must have names that every agent can open: none empty, no ":", no dot or space at the end',
        ] as const,
    ),
    ...['NUL', 'con.mp4', 'Com1.old.mp4', 'lpt9 .mp4', 'conin$'].map(
      (name) =>
        [
          `\\\\nas\\Share\\${name}`,
          `must not have the name ${name} in it, which Windows keeps for a device`,
        ] as const,
    ),
    ['\\\\?\\UNC\\nas\\Share\\a.mp4', 'must not have the name ? in it, which Windows keeps for a device'],
    [`\\\\nas\\Share\\${'ä'.repeat(126)}.mp4`, 'must have names of at most 255 bytes, not 256'],
    ['\\\\nas\\Other\\a.mp4', 'must lie in a source share of this farm'],
  ];
  for (const [path, description] of badPaths) {
    test(`may not use the path ${JSON.stringify(path)}`, () => {
      assert.deepStrictEqual(problemsOfItem({ path }), [`items[0].path: ${description}`]);
      assert.deepStrictEqual(problemsOfItem({ logoPath: path }), [`items[0].logo_path: ${description}`]);
    });
  }

  test('may not draw or show an SVG, nor a playlist', () => {
    const svg = '\\\\nas\\Share\\logo.SVG';
    const isSvg = 'must not be an SVG: FFmpeg draws pixels only';
    assert.deepStrictEqual(problemsOfItem({ logoPath: svg }), [`items[0].logo_path: ${isSvg}`]);
    assert.deepStrictEqual(problemsOfItem({ path: svg }), [`items[0].path: ${isSvg}`]);
    const isPlaylist = 'must not be a playlist: it only names other files';
    for (const name of ['live.m3u8', 'all.ffconcat', 'stream.MPD'])
      assert.deepStrictEqual(problemsOfItem({ path: `\\\\nas\\Share\\${name}` }), [
        `items[0].path: ${isPlaylist}`,
      ]);
  });

  const kinds: readonly (readonly [string, string])[] = [
    ['list.PLS', 'a playlist: it only names other files'],
    ['clip.mp4.lnk', 'a shortcut: name the file that it leads to'],
    ['clip.avs', 'a script or a program'],
    ['clip.en.srt', 'subtitles: they have no picture'],
    ['logo.ai', 'a drawing or a document: FFmpeg draws pixels only'],
    ['clips.zip', 'an archive: unpack it first'],
    ['clip.prproj', 'a project of an editor: export it first'],
    ['clip.mp4.part', 'a file that is still being downloaded'],
  ];
  test('may not use what is no media by its very name', () => {
    for (const [name, kind] of kinds) {
      const path = `\\\\nas\\Share\\${name}`;
      assert.deepStrictEqual(problemsOfItem({ path }), [`items[0].path: must not be ${kind}`]);
      assert.deepStrictEqual(problemsOfItem({ logoPath: path }), [`items[0].logo_path: must not be ${kind}`]);
    }
  });

  test('may use whatever else a file is called: only its content tells', () => {
    const names = ['clip', 'clip.MP4.old', 'clip.txt', 'console.mp4', 'com10.mp4', 'nul-a.mp4', 'a.zip.mp4'];
    const hostile = ["it's {1}.mp4", '-i.mp4', '100%d.mp4', 'a;b&c.mp4', '🎬.mp4', `${'ä'.repeat(125)}.mp4`];
    for (const name of [...names, ...hostile])
      assert.deepStrictEqual(problemsOfItem({ path: `\\\\nas\\Share\\${name}` }), [], name);
  });

  test('has no path that an agent would refuse by its letters', () => {
    const letters = fc.constantFrom(
      'a',
      'A',
      '1',
      '.',
      ':',
      '\\',
      '/',
      ' ',
      '\u0000',
      '\u0007',
      'ä',
      '?',
      '*',
      '$',
      'nul',
      'com1',
      '..',
      '\ud800',
      '👍',
    );
    const names = fc.array(letters, { maxLength: 6 }).map((some) => some.join(''));
    fc.assert(
      fc.property(fc.array(names, { maxLength: 4 }), (folders) => {
        const path = ['\\\\nas\\Share', ...folders].join('\\');
        if (problemsOfItem({ path }).length === 0) parseUnc(path);
      }),
      { numRuns: 2_000 },
    );
  });

  test('may show a picture for 0.1 s to an hour', () => {
    for (const durationMs of [100, 3_600_000]) assert.deepStrictEqual(problemsOfItem({ durationMs }), []);
    for (const durationMs of [99, 3_600_001, -5_000, Number.NaN]) {
      const expected = ['items[0].duration: must be between 0.1 and 3600 s'];
      assert.deepStrictEqual(problemsOfItem({ durationMs }), expected);
    }
  });

  test('counts letters as readers do', () => {
    const family = '👨‍👩‍👧';
    assert.deepStrictEqual(problemsOfItem({ text: family.repeat(200) }), []);
    assert.deepStrictEqual(problemsOfItem({ text: family.repeat(201) }), [
      'items[0].text_animation_text: must have at most 200 letters, not 201',
    ]);
  });

  test('refuses names with control characters, only spaces, or more than 128 characters', () => {
    for (const channelName of ['a\u0000', '  ', 'x'.repeat(129), '\ud800']) {
      const expected = ['channel_name: must have 1 to 128 printable characters'];
      assert.deepStrictEqual(problemsOf({ ...job, channelName }), expected);
    }
    assert.deepStrictEqual(problemsOf({ ...job, channelName: '𝒳'.repeat(128) }), []);
  });
});

suite('a job that is too large', () => {
  test('is told the figures', () => {
    const items = Array.from({ length: 2_001 }, (_, position) => ({ ...item, position }));
    const result = validateJob({ ...job, items, encodedBytes: 786_433 }, rules);
    assert.deepStrictEqual(result, {
      valid: false,
      code: 'JOB_TOO_LARGE',
      violations: [
        { field: 'items', description: 'must be at most 2000 items, not 2001' },
        { field: 'job', description: 'must be at most 786432 bytes encoded, not 786433' },
      ],
    });
  });

  test('names the item that is', () => {
    assert.deepStrictEqual(problemsOfItem({ encodedBytes: 4_097, path: 'unread' }), [
      'items[0]: must be at most 4096 bytes encoded, not 4097',
    ]);
  });
});
