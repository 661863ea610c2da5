import assert from 'node:assert/strict';
import test from 'node:test';
import { loudnessGain } from '../../../agent/render/loudness-gain.ts';
import { readLoudnessLine } from '../../../agent/render/loudness-report.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { RenderPlan } from '../../../agent/render/render-plan.ts';
import { segmentKey, soundKey } from '../../../agent/render/segment-key.ts';
import { type Loudness, loudnessText } from '../../../proto/render-options.ts';
import { clipItem } from './facts-of.ts';

/** FFmpeg's words, 5.1 to 9.0. */
function read(...lines: string[]): Loudness | undefined {
  return lines.reduce<Loudness | undefined>(readLoudnessLine, undefined);
}

test('The figures of a sound are read from its summary; silence and too little have none', () => {
  const summary = (...figures: string[]) => [
    '[Parsed_ebur128_1 @ 0x5] [verbose] t: 9.9  TARGET:-23 LUFS  M:-16.0 S:-16.0  I: -16.0 LUFS  LRA: 1.0 LU',
    '[Parsed_ebur128_1 @ 0x55bd14661080] [info] Summary:',
    '',
    ...figures,
  ];
  const heard = summary(
    '  Integrated loudness:',
    '    I:         -31.7 LUFS',
    '    Threshold: -41.7 LUFS',
    '  Loudness range:',
    '    LRA:         8.7 LU',
    '    Threshold: -53.5 LUFS',
    '    LRA low:   -40.3 LUFS',
    '    Peak:      -25.7 dBFS',
  );
  assert.deepEqual(read(...heard), { integrated: -31.7, range: 8.7, truePeak: -25.7 });
  const silent = ['    I:         -70.0 LUFS', '    LRA:         0.0 LU', '    Peak:       -inf dBFS'];
  assert.deepEqual(read(...summary(...silent)), {});
  assert.equal(read('    I:         -31.7 LUFS'), undefined, 'nothing was summed up');
  assert.equal(loudnessText({}), 'nothing to measure: silent, or too short');
  assert.equal(loudnessText({ integrated: -14, truePeak: 0.25 }), '-14.0 LUFS, true peak 0.3 dBTP');
});

test('One gain brings a sound to -14 LUFS, or as near as its peaks allow', () => {
  assert.deepEqual(loudnessGain({ integrated: -20.04, truePeak: -10 }), { gainDb: 6.04 });
  assert.deepEqual(loudnessGain({ integrated: -8, truePeak: 1 }), { gainDb: -6 });
  assert.deepEqual(loudnessGain({ integrated: -20, truePeak: -3.5 }), { gainDb: 2, reaches: -18 });
  assert.deepEqual(loudnessGain({ integrated: -14.5, truePeak: -1.5 }), { gainDb: 0 }, 'too little to tell');
  assert.deepEqual(loudnessGain({ integrated: -60, truePeak: -50 }), { gainDb: 30, reaches: -30 }, 'hiss');
  assert.equal(loudnessGain({ truePeak: -3 }), undefined);
});

function planOf(loudness?: Loudness): RenderPlan {
  const planned = planRender({
    enable4k: false,
    items: [clipItem(loudness === undefined ? {} : { loudness })],
  });
  assert.ok(planned.ok);
  return planned.plan;
}

test('The gain is part of the segment’s key and of the sound’s; what was left as it is has the key of before', () => {
  const keysOf = ({ segments, frameSize }: RenderPlan) => {
    const settings = { frameSize, enable4k: false, encoder: { rung: 'libx264', profile: 'studio' } } as const;
    const ingredients = { script: undefined, fontSha256: undefined, ffmpegVersionText: 'v' };
    const [segment] = segments;
    assert.ok(segment !== undefined);
    return [segmentKey(segment, settings, ingredients), soundKey(segments, 'v')];
  };
  const plain = keysOf(planOf());
  const loud = keysOf(planOf({ integrated: -20, truePeak: -9 }));
  const other = keysOf(planOf({ integrated: -21, truePeak: -9 }));
  assert.equal(new Set([...plain, ...loud, ...other]).size, 6);
  const unmeasured = planOf({});
  assert.deepEqual(keysOf(unmeasured), plain);
  assert.deepEqual(
    unmeasured.warnings.map(({ code }) => code),
    ['LOUDNESS_UNKNOWN'],
  );
  assert.deepEqual(
    planOf({ integrated: -20, truePeak: 0 }).warnings.map(({ code, message }) => [
      code,
      message.split(':')[0],
    ]),
    [['LOUDNESS_LIMITED', 'Its peaks allow -21.5 LUFS instead of -14 LUFS']],
  );
});
