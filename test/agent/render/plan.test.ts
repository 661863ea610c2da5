import assert from 'node:assert/strict';
import test from 'node:test';
import type { MediaFacts } from '../../../agent/render/facts.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { RenderPlan, SegmentPlan } from '../../../agent/render/render-plan.ts';
import type { RenderItem } from '../../../agent/render/render-request.ts';
import { audioFacts, clipFacts, clipItem, imageFacts, videoFacts, without } from './facts-of.ts';

function plan(...items: RenderItem[]): RenderPlan {
  const result = planRender({ enable4k: false, items });
  assert.ok(result.ok, JSON.stringify(result));
  return result.plan;
}

function segment(item: RenderItem): SegmentPlan {
  const [only] = plan(item).segments;
  assert.ok(only !== undefined);
  return only;
}

function problemsOf(facts: MediaFacts, item: Partial<RenderItem> = {}): string[] {
  const result = planRender({ enable4k: false, items: [clipItem({ ...item, facts })] });
  return result.ok ? [] : result.problems.map(({ code }) => code);
}

function ending(seconds: number, declared = seconds): MediaFacts {
  const scan = { packets: 10, firstSeconds: 0, endSeconds: seconds };
  const video = [videoFacts({ scan, declaredDurationSeconds: declared })];
  return clipFacts({ containerDurationSeconds: declared, video, audio: [] });
}

function undeclared(seconds: number): MediaFacts {
  const facts = ending(seconds);
  const video = facts.video.map((stream) => without(stream, 'declaredDurationSeconds'));
  return { ...without(facts, 'containerDurationSeconds'), video };
}

test('A clip has as many frames as its picture lasts at 30 a second, and 1600 samples for each', () => {
  const { frames, samples } = segment(clipItem({ facts: ending(2.02) }));
  assert.deepEqual([frames, samples], [61, 61 * 1600]);
  assert.equal(segment(clipItem({ facts: ending(0.001) })).frames, 1);
});

test('An estimate never trims a clip', () => {
  assert.equal(segment(clipItem({ durationMs: 500 })).frames, 60);
});

test('An image is shown for its duration, five seconds without one, with silence', () => {
  const image = { itemType: 'image', fileName: 'image_0.png', facts: imageFacts() } as const;
  assert.equal(segment(clipItem(image)).frames, 150);
  const timed = segment(clipItem({ ...image, durationMs: 1234 }));
  assert.deepEqual([timed.frames, timed.sound.kind, timed.picture.kind], [37, 'silence', 'still']);
});

test('Cover art is no picture, and a later stream is taken instead', () => {
  const cover = videoFacts({ index: 0, isAttachedPicture: true });
  const facts = clipFacts({ video: [cover, videoFacts({ index: 2 })] });
  assert.equal(segment(clipItem({ facts })).picture.streamIndex, 2);
  assert.deepEqual(problemsOf(clipFacts({ video: [cover] })), ['PICTURE_MISSING']);
});

test('Times count from the container start, where FFmpeg has its zero', () => {
  const late = { startSeconds: 1.5, scan: { packets: 50, firstSeconds: 1.5, endSeconds: 3.5 } };
  const facts = clipFacts({ containerStartSeconds: 1.4, video: [videoFacts(late)], audio: [] });
  assert.equal(segment(clipItem({ facts })).frames, 63);
});

test('A clip that ends before it says is an error beyond half a second or one percent', () => {
  assert.deepEqual(problemsOf(ending(9.6, 10)), []);
  assert.deepEqual(problemsOf(ending(9.4, 10)), ['SOURCE_TRUNCATED']);
  assert.deepEqual(problemsOf(ending(99.1, 100)), []);
  assert.deepEqual(problemsOf(ending(98.9, 100)), ['SOURCE_TRUNCATED']);
});

test('A declared end shortly behind the last packet is how long the last frame stays', () => {
  assert.equal(segment(clipItem({ facts: ending(9.6, 10) })).frames, 300);
});

test('Without a declared duration a partial end is an error, else there is a warning', () => {
  const warned = plan(clipItem({ facts: undeclared(5) })).warnings;
  assert.deepEqual(
    warned.map(({ code }) => code),
    ['DURATION_UNDECLARED'],
  );
  assert.deepEqual(problemsOf({ ...undeclared(5), hasPartialEnd: true }), ['SOURCE_TRUNCATED']);
  const short = plan(clipItem({ facts: undeclared(5), durationMs: 60_000 })).warnings;
  assert.deepEqual(
    short.map(({ code }) => code),
    ['DURATION_UNDECLARED', 'DURATION_SHORT'],
  );
});

test('Sound much longer than the picture is an error, much shorter a warning', () => {
  const withSound = (seconds: number) => {
    const scan = { packets: 10, firstSeconds: 0, endSeconds: seconds };
    return clipFacts({
      containerDurationSeconds: Math.max(2, seconds),
      audio: [audioFacts({ scan, declaredDurationSeconds: seconds })],
    });
  };
  assert.deepEqual(problemsOf(withSound(2.9)), []);
  assert.deepEqual(problemsOf(withSound(3.1)), ['SOUND_TOO_LONG']);
  assert.deepEqual(plan(clipItem({ facts: withSound(1.2) })).warnings, []);
  assert.deepEqual(
    plan(clipItem({ facts: withSound(0.8) })).warnings.map(({ code }) => code),
    ['SOUND_SHORT'],
  );
});

test('All bad items are reported at once, by position and path', () => {
  const unread = without(clipItem({ position: 3, probeError: 'moov atom not found' }), 'facts');
  const bad = [
    unread,
    clipItem({ position: 5, text: 'x'.repeat(201) }),
    clipItem({ position: 7, itemType: 'image' }),
    clipItem({
      position: 8,
      facts: imageFacts(),
      logo: { fileName: 'logo_8.png', sourcePath: 'L', sha256: 'b' },
    }),
    clipItem({ position: 9, facts: clipFacts({ video: [videoFacts({ width: 2, height: 5000 })] }) }),
  ];
  const result = planRender({ enable4k: false, items: [clipItem(), ...bad] });
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map(({ position, code }) => [position, code]),
    [
      [3, 'DURATION_UNKNOWN'],
      [5, 'TEXT_TOO_LONG'],
      [7, 'IMAGE_EXPECTED'],
      [8, 'LOGO_UNREADABLE'],
      [8, 'DURATION_UNKNOWN'],
      [9, 'PICTURE_TOO_THIN'],
    ],
  );
  assert.equal(
    result.problems[0]?.message,
    'Could not get duration for \\\\nas\\Share\\clip3.mp4: moov atom not found (video at position 3)',
  );
});

test('Logo and text are drawn on videos only, and the features say what is drawn', () => {
  const logo = {
    fileName: 'logo_0.png',
    sourcePath: 'L',
    sha256: 'b',
    facts: imageFacts({ width: 100, height: 50 }),
  };
  assert.deepEqual(plan(clipItem({ logo, text: 'Hi' })).features, ['logo_overlay', 'text_animation']);
  assert.deepEqual(
    plan(clipItem({ itemType: 'intro', fileName: 'intro_0.mp4', logo, text: 'Hi' })).features,
    [],
  );
  assert.deepEqual(plan(clipItem({ text: ' \u202e\n ' })).features, []);
});

test('A work file with a name that is not ours is a broken assumption', () => {
  assert.throws(() => planRender({ enable4k: false, items: [clipItem({ fileName: '-i' })] }), /work file/u);
});

test('Streams that FFmpeg does not know are passed over, and an error where no other is there', () => {
  const unknown = audioFacts({ index: 2, codec: 'unknown', isDefault: true });
  const both = segment(clipItem({ facts: clipFacts({ audio: [audioFacts({ index: 1 }), unknown] }) }));
  assert.deepEqual(both.sound, { kind: 'stream', streamIndex: 1 });
  assert.deepEqual(problemsOf(clipFacts({ audio: [unknown] })), ['SOUND_UNREADABLE']);
  assert.deepEqual(problemsOf(clipFacts({ video: [videoFacts({ codec: 'unknown' })] })), ['PICTURE_MISSING']);
});

test('Of several streams the one that the file marks is taken, and never one without packets', () => {
  const scan = { packets: 0, firstSeconds: 0, endSeconds: 0 };
  const video = [videoFacts({ index: 0 }), videoFacts({ index: 3, isDefault: true })];
  assert.equal(segment(clipItem({ facts: clipFacts({ video }) })).picture.streamIndex, 3);
  const empty = [videoFacts({ index: 0 }), videoFacts({ index: 3, isDefault: true, scan })];
  assert.equal(segment(clipItem({ facts: clipFacts({ video: empty }) })).picture.streamIndex, 0);
});

test('A duration that counts from zero reaches over the time before the first picture, in MP4 and Matroska', () => {
  const late = (formatName: string, endSeconds: number): MediaFacts => ({
    ...clipFacts({
      ...{ formatName, containerStartSeconds: 10, containerDurationSeconds: 12, audio: [] },
      video: [videoFacts({ startSeconds: 10, scan: { packets: 50, firstSeconds: 10, endSeconds } })],
    }),
  });
  assert.deepEqual(problemsOf(late('mov,mp4,m4a,3gp,3g2,mj2', 12)), []);
  assert.deepEqual(problemsOf(late('matroska,webm', 12)), []);
  assert.deepEqual(problemsOf(late('matroska,webm', 11)), ['SOURCE_TRUNCATED']);
  assert.deepEqual(problemsOf(late('avi', 12)), ['SOURCE_TRUNCATED']);
});
