import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RenderfarmError } from '../../client/errors.ts';
import { checkJobFile, parseJobFile } from '../../client/job-file.ts';

const item = { item_type: 'video', path: '\\\\nas\\Share\\clip.mp4' };
const job = { user_id: 'ana', channel_name: 'Kids TV', items: [item] };

/** `items[3].duration: must be ...`, as the command line prints them. */
function problemsOf(value: unknown): readonly string[] {
  try {
    checkJobFile(value);
    return [];
  } catch (error) {
    assert(error instanceof RenderfarmError);
    assert.equal(error.code, 'INVALID_JOB_FILE');
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

test('A full job file becomes a job', () => {
  const text = JSON.stringify({
    job_id: '0b9e2f6c-1111-4222-8333-444455556666',
    user_id: 'ana',
    channel_name: 'Kids TV',
    enable_4k: true,
    priority: 'high',
    queue: 'gpu_queue',
    items: [
      {
        position: 4,
        item_type: 'video',
        video_id: 'v1',
        path: '\\\\nas\\Share\\a.mp4',
        title: 'One',
        logo_path: '\\\\nas\\Share\\logo.png',
        duration: 12.345,
        text_animation_words: ['Hello', 'you'],
        resolution: '1080p',
        is_4k: false,
        path_available: true,
      },
      { position: 9, item_type: 'image', path: '\\\\nas\\Share\\b.png', duration: null },
    ],
  });
  assert.deepEqual(parseJobFile(`\uFEFF${text}`), {
    jobId: '0b9e2f6c-1111-4222-8333-444455556666',
    userId: 'ana',
    channelName: 'Kids TV',
    enable4k: true,
    priority: 'high',
    queue: 'gpu_queue',
    items: [
      {
        position: 4,
        itemType: 'video',
        videoId: 'v1',
        path: '\\\\nas\\Share\\a.mp4',
        title: 'One',
        logoPath: '\\\\nas\\Share\\logo.png',
        durationMs: 12_345,
        text: 'Hello you',
        resolution: '1080p',
        is4k: false,
        pathAvailable: true,
      },
      { position: 9, itemType: 'image', path: '\\\\nas\\Share\\b.png' },
    ],
  });
});

test('Wishes and times become those of the job, at any offset; null is absent', () => {
  const wishes = { only_on: ['pc1'], not_on: null, labels: ['rtx', 'ssd.fast'] };
  const times = { not_before: '2026-03-01T18:00:00+01:00', deadline: '2026-03-01T20:00:00.5Z' };
  const { wishes: taken, notBefore, deadline } = checkJobFile({ ...job, wishes, ...times });
  assert.deepEqual(taken, { onlyOn: ['pc1'], labels: ['rtx', 'ssd.fast'] });
  assert.equal(notBefore?.toISOString(), '2026-03-01T17:00:00.000Z');
  assert.equal(deadline?.toISOString(), '2026-03-01T20:00:00.500Z');
  const none = checkJobFile({ ...job, wishes: null, not_before: null, deadline: null });
  assert.deepEqual(Object.keys(none).toSorted(), ['channelName', 'items', 'userId']);
});

test('Options become those of the job; what is null or left out is off', () => {
  const options = { rate_profile: 'quality', no_cache: true, preview: false, contact_sheet: null };
  const { options: taken, items } = checkJobFile({
    ...job,
    options,
    items: [{ ...item, normalize_loudness: true }],
  });
  assert.deepEqual(taken, { rateProfile: 'quality', noCache: true, preview: false });
  assert.equal(items[0]?.normalizeLoudness, true);
  assert.deepEqual(
    problemsOf({ ...job, options: { rate_profile: 'best', keep: true, full_decode: 1 } }).toSorted(),
    [
      'options.full_decode: must be true or false',
      'options.keep: unknown field',
      'options.rate_profile: must be one of studio, quality',
    ],
  );
});

test('Names that no agent can have, and times that are none, are named', () => {
  const names = Array.from({ length: 65 }, (_, index) => `pc${index}`);
  const wishes = { only_on: ['pc 1'], not_on: names, labels: 'rtx', near: [] };
  const problems = problemsOf({ ...job, wishes, not_before: '2026-02-30T18:00:00Z', deadline: 'tomorrow' });
  const time = 'must be a time such as 2026-03-01T18:00:00Z';
  assert.deepEqual(problems.toSorted(), [
    `deadline: ${time}`,
    `not_before: ${time}`,
    'wishes.labels: must be a list',
    'wishes.near: unknown field',
    'wishes.not_on: must have at most 64 names',
    'wishes.only_on[0]: must be letters, digits, dots, dashes; at most 63',
  ]);
});

test('Every problem of a file is named at once, by its field', () => {
  const value = {
    user_id: '',
    extra: 1,
    items: [
      { ...item, duration: 0 },
      { ...item, position: 3, duration: 3_601, colour: 'red' },
      { item_type: 'clip', position: 3, path: 'a\nb' },
      { item_type: 'image', position: -1, duration: '5' },
    ],
  };
  assert.deepEqual(problemsOf(value).toSorted(), [
    'channel_name: is missing',
    'extra: unknown field',
    'items[0].duration: must be between 0.1 and 3600 s',
    'items[0].position: is missing: give every item a position, or none',
    'items[1].colour: unknown field',
    'items[1].duration: must be between 0.1 and 3600 s',
    'items[2].item_type: must be one of intro, video, transition, outro, image',
    'items[2].path: must not hold control characters',
    'items[2].position: is the same as that of items[1]',
    'items[3].duration: must be a number of seconds',
    'items[3].position: must be a whole number from 0 to 2147483647',
    'items[3]: needs a video_id or a path',
    'user_id: must have 1 to 128 printable characters',
  ]);
});

test('The bounds of a duration are allowed, what is beyond is not', () => {
  for (const duration of [0.1, 3_600])
    assert.deepEqual(problemsOf({ ...job, items: [{ ...item, duration }] }), []);
  for (const duration of [0.09, 3_600.1, -5]) {
    assert.deepEqual(problemsOf({ ...job, items: [{ ...item, duration }] }), [
      'items[0].duration: must be between 0.1 and 3600 s',
    ]);
  }
});

test('A job has 1 to 2,000 items', () => {
  assert.deepEqual(problemsOf({ ...job, items: [] }), ['items: must have at least 1 item']);
  assert.deepEqual(problemsOf({ ...job, items: Array.from({ length: 2_000 }, () => item) }), []);
  assert.deepEqual(problemsOf({ ...job, items: Array.from({ length: 2_001 }, () => item) }), [
    'items: must have at most 2000 items',
  ]);
});

test('Text is counted as people count, and only where it is drawn', () => {
  const family = '👨‍👩‍👧‍👦';
  const withText = (text: string) => ({ ...job, items: [{ ...item, text_animation_text: text }] });
  assert.deepEqual(problemsOf(withText(family.repeat(200))), []);
  assert.deepEqual(problemsOf(withText(family.repeat(201))), [
    'items[0].text_animation_text: must have at most 200 characters, has 201',
  ]);
  const words = Array.from({ length: 101 }, () => 'x');
  assert.deepEqual(problemsOf({ ...job, items: [{ ...item, text_animation_words: words }] }), [
    'items[0].text_animation_words: must have at most 200 characters, has 201',
  ]);
  assert.deepEqual(
    problemsOf({ ...job, items: [{ ...item, item_type: 'outro', text_animation_words: words }] }),
    [],
  );
});

test('A job_id must be a UUID', () => {
  assert.deepEqual(problemsOf({ ...job, job_id: '42' }), ['job_id: must be a UUID']);
});

test('What is no JSON, or no object, says so', () => {
  assert.deepEqual(problemsOf([job]), [': must be an object']);
  assert.throws(
    () => parseJobFile('{"a":', 'my.json'),
    (error: unknown) => {
      assert(error instanceof RenderfarmError);
      assert.equal(error.message, 'my.json has 1 problem');
      assert.match(error.violations[0]?.description ?? '', /^is not JSON: /);
      return true;
    },
  );
});
