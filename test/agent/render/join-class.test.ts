import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinClassOf } from '../../../agent/render/join-class.ts';
import type { MadeStream } from '../../../agent/render/made-file.ts';

const video: MadeStream = {
  codec_type: 'video',
  codec_name: 'h264',
  profile: 'Main',
  level: 41,
  width: 1920,
  height: 1080,
  pix_fmt: 'yuv420p',
  extradata_hash: 'SHA256:1',
  time_base: '1/15360',
  color_range: 'tv',
  color_space: 'bt709',
  color_transfer: 'bt709',
  color_primaries: 'bt709',
};
const encoder = { rung: 'h264_nvenc', profile: 'studio' } as const;

test('A join class differs with everything that two segments must have in common', () => {
  const first = joinClassOf(video, encoder);
  for (const name of Object.keys(video).filter((each) => each !== 'codec_type')) {
    assert.notEqual(joinClassOf({ ...video, [name]: undefined }, encoder), first, name);
  }
  assert.notEqual(joinClassOf(video, { ...encoder, rung: 'libx264' }), first);
  assert.notEqual(joinClassOf(video, { ...encoder, profile: 'quality' }), first);
});

test('A join class is the same whatever is shown, and for how long', () => {
  const other = { ...video, duration: 3, duration_ts: 46_080, nb_frames: 90, start_time: 0 };
  assert.equal(joinClassOf(other, encoder), joinClassOf(video, encoder));
});
