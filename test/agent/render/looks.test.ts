import assert from 'node:assert/strict';
import test from 'node:test';
import { sheetList, sheetScript } from '../../../agent/render/contact-sheet.ts';
import { chooseSheetFrames, sheetFramesMax, sheetLooks } from '../../../agent/render/contact-times.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { RenderPlan, SegmentPlan } from '../../../agent/render/render-plan.ts';
import { type Stretch, stretchWarnings } from '../../../agent/render/stretches.ts';
import { listenToLook } from '../../../agent/render/verify-look.ts';
import { clipItem } from './facts-of.ts';

/** Items of these lengths, in seconds; a negative one is a still. */
function planOf(...lengths: readonly number[]): RenderPlan {
  const items = lengths.map((_, position) => clipItem({ position }));
  const planned = planRender({ enable4k: false, items });
  assert.ok(planned.ok);
  const segments = planned.plan.segments.map((segment, index): SegmentPlan => {
    const seconds = lengths[index] ?? 0;
    const frames = Math.round(Math.abs(seconds) * 30);
    if (seconds > 0) return { ...segment, frames };
    return { ...segment, frames, picture: { ...segment.picture, kind: 'still' }, sound: { kind: 'silence' } };
  });
  return { ...planned.plan, segments, frames: segments.reduce((sum, { frames }) => sum + frames, 0) };
}

function warned(
  plan: RenderPlan,
  ...stretches: readonly Stretch[]
): readonly (string | number | undefined)[][] {
  return stretchWarnings(plan, stretches).map(({ code, position, message }) => [code, position, message]);
}

test('A stretch is told with its item and time; stills may stand and be silent, but not be black', () => {
  const plan = planOf(5, -5, 5);
  const stretch = (kind: Stretch['kind'], fromSeconds: number, toSeconds: number): Stretch => ({
    ...{ kind, fromSeconds, toSeconds },
  });
  assert.deepEqual(warned(plan, stretch('frozen', 5, 10), stretch('silent', 4, 11)), []);
  assert.deepEqual(warned(plan, stretch('black', 5, 10)), [
    ['OUTPUT_BLACK', 1, 'From 0:05.0 to 0:10.0 of the result the picture is black (video_1)'],
  ]);
  assert.deepEqual(warned(plan, stretch('silent', 1, 14)), [
    ['OUTPUT_SILENT', 0, 'From 0:01.0 to 0:05.0 of the result the sound is silent (video_0)'],
    ['OUTPUT_SILENT', 2, 'From 0:10.0 to 0:14.0 of the result the sound is silent (video_2)'],
  ]);
  const short = planOf(2, 2, 2);
  assert.deepEqual(warned(short, stretch('black', 1, 6)), [
    ['OUTPUT_BLACK', 0, 'From 0:01.0 to 0:06.0 of the result the picture is black (video_0 and 2 more)'],
  ]);
});

test('Of many stretches the longest are told, in their order, and the others counted', () => {
  const plan = planOf(3_600, 3_600);
  const stretches = Array.from({ length: 30 }, (_, index) => ({
    ...{ kind: 'frozen' as const, fromSeconds: index * 200, toSeconds: index * 200 + 4 + index },
  }));
  const told = warned(plan, ...stretches);
  assert.equal(told.length, 21);
  assert.match(String(told[0]?.[2]), /^From 33:20\.0 /u);
  assert.match(String(told[19]?.[2]), /^From 1:36:40\.0 to 1:37:13\.0 .*\(video_1\)$/u);
  assert.match(String(told[20]?.[2]), /^10 more stretches/u);
});

test('What the filters say is heard; a stretch without an end lasts to the end of the file', () => {
  const heard = listenToLook();
  for (const line of [
    '[blackdetect @ 0x5] [info] black_start:2 black_end:6.5 black_duration:4.5',
    '[freezedetect @ 0x5] [info] lavfi.freezedetect.freeze_start: 8',
    '[silencedetect @ 0x5] [info] silence_start: -0.01',
    '[silencedetect @ 0x5] [info] silence_end: 3.25 | silence_duration: 3.26',
  ])
    heard.line(line);
  assert.deepEqual(heard.stretches(12), [
    { kind: 'black', fromSeconds: 2, toSeconds: 6.5 },
    { kind: 'silent', fromSeconds: 0, toSeconds: 3.25 },
    { kind: 'frozen', fromSeconds: 8, toSeconds: 12 },
  ]);
  assert.equal(heard.loudness(), undefined);
});

/** Key frames every two seconds of each item, as encoders make them. */
function keysOf({ segments }: RenderPlan): readonly number[] {
  let start = 0;
  return segments.flatMap(({ frames }) => {
    const keys = Array.from({ length: Math.ceil(frames / 60) }, (_, index) => start / 30 + index * 2);
    start += frames;
    return keys;
  });
}

test('A sheet has every item while there is room, more of long ones, and never one frame twice', () => {
  const shown = (plan: RenderPlan) =>
    chooseSheetFrames(plan.segments, keysOf(plan)).map(({ seconds, segment }) => [segment.position, seconds]);
  assert.deepEqual(shown(planOf(1, 8, 1)), [
    ...[
      [0, 0],
      [1, 1],
      [1, 3],
      [1, 5],
      [1, 7],
      [2, 9],
    ],
  ]);
  const hours = shown(planOf(2, 3_600, 2));
  assert.equal(hours.length, 12);
  assert.deepEqual(
    [hours[0], hours.at(-1)],
    [
      [0, 0],
      [2, 3_602],
    ],
  );
  const many = shown(planOf(...Array.from({ length: 101 }, () => 3)));
  assert.equal(many.length, sheetFramesMax);
  assert.deepEqual([many[0]?.[0], many.at(-1)?.[0]], [0, 100]);
  assert.equal(new Set(many.map(([, seconds]) => seconds)).size, sheetFramesMax);
  assert.deepEqual(shown({ ...planOf(1), segments: [] }), []);
});

test('A sheet looks for its frames where they are, and at no more places in hours than in minutes', () => {
  for (const plan of [
    planOf(1, 8, 1),
    planOf(0.1),
    planOf(14_400),
    planOf(...Array.from({ length: 150 }, () => 90)),
  ]) {
    const looks = sheetLooks(plan.segments);
    assert.ok(looks.length >= 1 && looks.length <= sheetFramesMax, `${looks.length} looks`);
    const keys = keysOf(plan);
    // As a seek finds them.
    const found = [...new Set(looks.map((at) => keys.findLast((seconds) => seconds <= at) ?? -1))];
    const shown = chooseSheetFrames(plan.segments, found);
    assert.deepEqual(
      shown.map(({ seconds }) => seconds),
      found,
    );
    assert.equal(
      new Set(shown.map(({ segment }) => segment)).size,
      Math.min(plan.segments.length, sheetFramesMax),
    );
  }
});

test('A sheet reads the result at its frames only', () => {
  const { segments } = planOf(2);
  const [segment] = segments;
  assert.ok(segment !== undefined);
  assert.equal(
    sheetList('result.mp4', [{ seconds: 7_200, segment }]),
    'ffconcat version 1.0\nfile result.mp4\ninpoint 7200.016667\noutpoint 7200.050000\n',
  );
});

test('On a sheet only times and names of ours are written, whatever the items are called', () => {
  const { segments } = planOf(2);
  const [segment] = segments;
  assert.ok(segment !== undefined);
  const hostile = { ...segment, title: '{\\fs200}title', sourcePath: '\\\\nas\\Share\\a,b.mp4' };
  const script = sheetScript([{ seconds: 61.5, segment: hostile }], 'Anton');
  assert.equal(
    script.split('\n').find((line) => line.startsWith('Dialogue')),
    'Dialogue: 0,0:00:00.00,9:59:59.00,Default,,0,0,0,,{\\an1\\pos(8,174)}1:01.5  video_0',
  );
  assert.doesNotMatch(script, /title|Share/u);
});
