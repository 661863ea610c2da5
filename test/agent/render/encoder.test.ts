import assert from 'node:assert/strict';
import test from 'node:test';
import { encoderArguments, encoderLadder, encoderRung } from '../../../agent/render/encoder.ts';

const studio = { enable4k: false, profile: 'studio' } as const;
const text = (...args: Parameters<typeof encoderArguments>) => encoderArguments(...args).join(' ');

test('The first rung has every argument of the mission, in Full HD and in 4K', () => {
  assert.match(
    text(encoderRung('h264_nvenc'), studio),
    /^-c:v h264_nvenc -preset p5 -tune hq -rc vbr -spatial-aq 1 -temporal-aq 1 -b:v 16M -maxrate 20M -bufsize 24M -profile:v main -level:v 4\.1 -pix_fmt yuv420p/u,
  );
  assert.match(
    text(encoderRung('h264_nvenc'), { ...studio, enable4k: true }),
    /-b:v 40M -maxrate 50M -bufsize 60M -profile:v high -level:v 5\.1 -pix_fmt yuv420p/u,
  );
});

test('Each NVENC rung asks for less than the one before', () => {
  assert.doesNotMatch(text(encoderRung('h264_nvenc-no-level'), studio), /-level/u);
  assert.match(text(encoderRung('h264_nvenc-no-level'), studio), /-temporal-aq 1/u);
  assert.doesNotMatch(text(encoderRung('h264_nvenc-plain'), studio), /-level|-temporal-aq|-spatial-aq/u);
});

test('The ladder ends with the one rung that is software', () => {
  assert.deepEqual(
    encoderLadder.filter(({ isHardware }) => !isHardware).map(({ name }) => name),
    ['libx264'],
  );
  assert.equal(encoderLadder.at(-1)?.name, 'libx264');
});

test('Every rung makes the same kind of stream: rates, profile, GOP, constant 30 fps, bt709', () => {
  for (const rung of encoderLadder) {
    const made = text(rung, studio);
    assert.match(made, /-b:v 16M -maxrate 20M -bufsize 24M -profile:v main/u, rung.name);
    assert.match(
      made,
      /-g 60 -r 30 -fps_mode cfr -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv$/u,
    );
  }
});

test('The quality profile holds a quality below the same maximum', () => {
  const quality = { enable4k: false, profile: 'quality' } as const;
  assert.match(text(encoderRung('h264_nvenc'), quality), /-cq 21 -b:v 0 -maxrate 20M/u);
  assert.match(text(encoderRung('libx264'), quality), /-crf 19 -maxrate 20M/u);
});

test('Threads and the GPU are named where they are asked for', () => {
  assert.match(text(encoderRung('libx264'), { ...studio, threads: 1 }), /-threads 1/u);
  assert.match(text(encoderRung('h264_nvenc'), { ...studio, gpuIndex: 1 }), /-gpu 1/u);
});

test('Quick Sync gets the one format that it reads, the others theirs', () => {
  assert.match(text(encoderRung('h264_qsv'), studio), /-pix_fmt nv12 /u);
  for (const name of ['h264_nvenc', 'h264_amf', 'libx264'] as const)
    assert.match(text(encoderRung(name), studio), /-pix_fmt yuv420p /u);
});
