import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { chaptersFile } from '../../../agent/render/chapters.ts';
import { commandText } from '../../../agent/render/command-log.ts';
import {
  concatList,
  decodeArguments,
  joinArguments,
  soundArguments,
} from '../../../agent/render/join-command.ts';
import type { MadeFile } from '../../../agent/render/made-file.ts';
import { topLevelBoxes } from '../../../agent/render/mp4-boxes.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { RenderPlan } from '../../../agent/render/render-plan.ts';
import { chooseJoints } from '../../../agent/render/verify.ts';
import { findFaults } from '../../../agent/render/verify-faults.ts';
import { lookArguments } from '../../../agent/render/verify-look.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { clipItem } from './facts-of.ts';

function planOf(...titles: (string | undefined)[]): RenderPlan {
  const items = titles.map((title, position) =>
    clipItem({ position, ...(title === undefined ? {} : { title }) }),
  );
  const result = planRender({ enable4k: false, items });
  assert.ok(result.ok);
  return result.plan;
}

test('A chapter begins with every item that has a title, and its special characters stay text', () => {
  assert.equal(
    chaptersFile(planOf('One; #=\\ [CHAPTER]\nline', undefined, 'Two').segments),
    `;FFMETADATA1
[CHAPTER]
TIMEBASE=1/30
START=0
END=120
title=One\\; \\#\\=\\\\ [CHAPTER] line
[CHAPTER]
TIMEBASE=1/30
START=120
END=180
title=Two
`,
  );
  assert.equal(chaptersFile(planOf(undefined, ' ').segments), undefined);
});

test('The picture is copied and the sound encoded once, with the index first', () => {
  assert.equal(
    concatList(['segment_0.mov', 'segment_7.mov']),
    'ffconcat version 1.0\nfile segment_0.mov\nfile segment_7.mov\n',
  );
  assert.match(
    soundArguments('sound.m4a').join(' '),
    /-c:a aac -aac_coder fast -b:a 320k -ar 48000 -ac 2 -f mp4 sound\.m4a$/u,
  );
  const join = joinArguments('/out/result.mp4.part', true).join(' ');
  assert.match(
    join,
    /-map_chapters 2 -c copy -video_track_timescale 15360 -movflags \+faststart -f mp4 \/out\/result\.mp4\.part$/u,
  );
  assert.match(joinArguments('x', false).join(' '), /-map_chapters -1/u);
});

test('A command can be pasted into a shell', () => {
  assert.equal(
    commandText({ file: 'ffmpeg', args: ['-i', "it's.mp4", 'a b', '[v]'] }),
    `ffmpeg -i 'it'\\''s.mp4' 'a b' '[v]'`,
  );
});

const encoder = { rung: 'libx264', profile: 'studio' } as const;

function made(video: object = {}, audio: object = {}, duration = 2): MadeFile {
  return {
    streams: [
      {
        codec_type: 'video',
        codec_name: 'h264',
        profile: 'Main',
        level: 41,
        width: 1920,
        height: 1080,
        pix_fmt: 'yuv420p',
        color_range: 'tv',
        color_space: 'bt709',
        color_transfer: 'bt709',
        color_primaries: 'bt709',
        r_frame_rate: '30/1',
        avg_frame_rate: '30/1',
        nb_frames: 60,
        duration: 2,
        ...video,
      },
      { codec_type: 'audio', codec_name: 'aac', sample_rate: 48_000, channels: 2, duration: 2, ...audio },
    ],
    format: { duration, size: 1000 },
  };
}

test('A finished file with anything else than planned is found out', () => {
  const plan = planOf('One');
  const boxes = ['ftyp', 'moov', 'mdat'];
  const faults = (file: MadeFile | undefined, order = boxes) =>
    findFaults(file, order, plan, { enable4k: false, encoder }).map(({ code, text }) => `${code}: ${text}`);
  assert.deepEqual(faults(made()), []);
  assert.deepEqual(faults(made({ nb_frames: 59 })), ['OUTPUT_FRAMES_WRONG: frames is 59, should be 60']);
  assert.deepEqual(faults(made({ profile: 'High', level: 42 })), [
    'OUTPUT_CODEC_WRONG: profile is high, should be main',
    'OUTPUT_CODEC_WRONG: level is 42, should be 41',
  ]);
  assert.deepEqual(faults(made({ color_space: undefined })), [
    'OUTPUT_COLOR_WRONG: color matrix is undefined, should be bt709',
  ]);
  assert.deepEqual(faults(made({}, { duration: 1.97 })), [
    'OUTPUT_LENGTH_WRONG: sound lasts 1.97 s, should be 2 s',
  ]);
  assert.deepEqual(faults(made({}, {}, 2.02)), []);
  const late = ['OUTPUT_NOT_FASTSTART: no faststart: its index does not come first'];
  assert.deepEqual(faults(made(), ['ftyp', 'mdat', 'moov']), late);
  assert.deepEqual(faults(made(), ['ftyp', 'mdat']), late);
  assert.deepEqual(faults(undefined), ['OUTPUT_UNREADABLE: ffprobe cannot read it']);
  const two = { ...made(), streams: [...made().streams, ...made().streams.slice(1)] };
  assert.match(faults(two)[0] ?? '', /^OUTPUT_STREAMS_WRONG: it has 1 pictures and 2 sounds/u);
});

test('Joints are decoded where a segment is new, at most eight of them, spread over the job', () => {
  const plan = planOf('0', '1', '2', '3');
  assert.deepEqual(chooseJoints(plan, new Set()), []);
  assert.deepEqual(chooseJoints(plan, new Set([0])), [2]);
  assert.deepEqual(chooseJoints(plan, new Set([2])), [4, 6]);
  const many = planOf(...Array.from({ length: 101 }, () => undefined));
  const joints = chooseJoints(many, new Set(many.segments.map(({ position }) => position)));
  assert.deepEqual([joints.length, joints[0], joints.at(-1)], [8, 2, 200]);
});

test('The boxes of a file are read in order, also those with 64-bit sizes', async (t) => {
  const file = path.join(await tempFolder(t), 'boxes');
  const box = (type: string, size: number) =>
    Buffer.concat([Buffer.from([0, 0, 0, size]), Buffer.from(type), Buffer.alloc(size - 8)]);
  const large = Buffer.concat([
    Buffer.from([0, 0, 0, 1]),
    Buffer.from('mdat'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 20]),
    Buffer.alloc(4),
  ]);
  await writeFile(file, Buffer.concat([box('ftyp', 16), large, box('moov', 8), Buffer.from([0, 0])]));
  assert.deepEqual(await topLevelBoxes(file), ['ftyp', 'mdat', 'moov']);
});

test('What decodes only joints or key frames has one thread for each input: memory must not grow with the cores', () => {
  const threadsIn = (args: readonly string[]) =>
    args.flatMap((word, index) => (word === '-threads' ? args[index + 1] : []));
  assert.deepEqual(threadsIn(decodeArguments('result.mp4', [1, 2, 3])), ['1', '1', '1']);
  assert.deepEqual(threadsIn(lookArguments('result.mp4', { allFrames: false, loudness: false })), ['1']);
  assert.deepEqual(threadsIn(lookArguments('result.mp4', { allFrames: true, loudness: false })), []);
});
