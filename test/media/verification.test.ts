import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { runProcess } from '../../agent/process/run.ts';
import { RenderFailedError } from '../../agent/render/failure.ts';
import type { FfmpegContext } from '../../agent/render/ffmpeg.ts';
import { planRender } from '../../agent/render/plan.ts';
import type { RenderPlan } from '../../agent/render/render-plan.ts';
import type { RenderedOutput } from '../../agent/render/render-result.ts';
import { type Verification, type Verified, verifyResult } from '../../agent/render/verify.ts';
import { ffmpeg, makeMedia, makeSignalClip } from '../helpers/media.ts';
import { prepareRender, renderToFile, type TestRender } from '../helpers/media-render.ts';

/** One result of two items, damaged in one way each. Its second item is black, still and silent for four seconds. */
suite('a finished file', () => {
  let job: TestRender;
  let output: RenderedOutput;
  let plan: RenderPlan;

  before(async () => {
    const dead = ['-f', 'lavfi', '-i', 'color=black:s=160x90:r=10:d=5', '-f', 'lavfi', '-i', 'anullsrc=d=4'];
    const clips = [
      await makeSignalClip({ rate: '30', seconds: 2, signalAtSeconds: 1.8 }),
      await makeMedia('mp4', [...dead, '-c:v', 'libx264', '-c:a', 'aac']),
    ];
    job = await prepareRender(
      clips.map((file) => ({ file })),
      { loudnessReport: true },
    );
    const planned = planRender(job.request);
    assert.ok(planned.ok);
    plan = planned.plan;
    output = await renderToFile(job);
  });
  after(async () => await job[Symbol.asyncDispose]());

  const verify = async (file: string, changes: Partial<Verification> = {}): Promise<Verified> => {
    const context: FfmpegContext = {
      request: job.request,
      log: { command: () => undefined, stderr: () => undefined },
      signal: new AbortController().signal,
    };
    const newPositions = new Set(plan.segments.map(({ position }) => position));
    return await verifyResult(context, { request: job.request, plan, file, newPositions, ...changes });
  };
  const codeOf = async (file: string, changes: Partial<Verification> = {}): Promise<string> =>
    await verify(file, changes).then(
      () => 'good',
      (error: unknown) => {
        assert.ok(error instanceof RenderFailedError, String(error));
        assert.equal(error.failure.failureClass, 'job', error.message);
        return error.failure.code;
      },
    );
  /** The result with other tables, or other streams. */
  const remade = async (name: string, ...args: string[]): Promise<string> => {
    const file = path.join(job.folder, name);
    await ffmpeg(['-i', output.file, '-c', 'copy', ...args, '-f', 'mp4', file]);
    return file;
  };
  const faststart = ['-movflags', '+faststart'];

  test('is good as it was made, and told where nothing is to be seen or heard, with item and time', () => {
    const second = job.request.items[1];
    assert.deepEqual(
      new Set(output.warnings.map(({ code }) => code)),
      new Set(['OUTPUT_BLACK', 'OUTPUT_FROZEN', 'OUTPUT_SILENT']),
    );
    for (const { position, subject } of output.warnings) {
      assert.deepEqual([position, subject], [second?.position, second?.sourcePath]);
    }
    const black = output.warnings.find(({ code }) => code === 'OUTPUT_BLACK');
    assert.match(
      black?.message ?? '',
      /^From 0:02\.0 to 0:06\.0 of the result the picture is black \(video_2\)$/u,
    );
    // 0.2 s of a sine at -1.9 dBFS: too little for a range, enough for a level.
    const { integrated = 0, truePeak = 0 } = output.loudness ?? {};
    assert.ok(integrated < -3 && integrated > -20, `${integrated} LUFS`);
    assert.ok(Math.abs(truePeak + 1.9) < 0.5, `${truePeak} dBTP`);
  });

  test('of another number of frames, or without its sound, is refused', async () => {
    const short = await remade('short.mp4', '-frames:v', String(plan.frames - 1), ...faststart);
    assert.equal(await codeOf(short), 'OUTPUT_FRAMES_WRONG');
    assert.equal(await codeOf(await remade('mute.mp4', '-an', ...faststart)), 'OUTPUT_STREAMS_WRONG');
    const cut = await remade(
      'cut.mp4',
      '-map',
      '0:v',
      '-map',
      '0:a',
      '-t',
      '6.9',
      '-c:v',
      'copy',
      ...faststart,
    );
    assert.notEqual(await codeOf(cut), 'good');
  });

  test('of another profile, level or colour is refused', async () => {
    const bitstream = (options: string) => ['-bsf:v', `h264_metadata=${options}`, ...faststart];
    assert.equal(await codeOf(await remade('level.mp4', ...bitstream('level=5.2'))), 'OUTPUT_CODEC_WRONG');
    const color = await remade(
      'color.mp4',
      ...bitstream('matrix_coefficients=6'),
      '-color_primaries',
      'bt709',
    );
    assert.equal(await codeOf(color), 'OUTPUT_COLOR_WRONG');
    // The profile's number stands in the tables, and in the parameter sets there and with the key frames.
    const bytes = await readFile(output.file);
    const avcc = bytes.indexOf('avcC');
    const set = Buffer.from(bytes.subarray(avcc + 12, avcc + 12 + bytes.readUInt16BE(avcc + 10)));
    assert.deepEqual([bytes[avcc + 5], set[1]], [77, 77], 'main');
    for (let at = bytes.indexOf(set); at >= 0; at = bytes.indexOf(set, at)) bytes[at + 1] = 88;
    bytes[avcc + 5] = 88;
    const extended = path.join(job.folder, 'extended.mp4');
    await writeFile(extended, bytes);
    assert.equal(await codeOf(extended), 'OUTPUT_CODEC_WRONG');
  });

  test('whose index comes last, or cannot be read, is refused', async () => {
    assert.equal(await codeOf(await remade('late.mp4')), 'OUTPUT_NOT_FASTSTART');
    const bytes = await readFile(output.file);
    bytes.write('moof', bytes.indexOf('moov'));
    const broken = path.join(job.folder, 'broken.mp4');
    await writeFile(broken, bytes);
    assert.equal(await codeOf(broken), 'OUTPUT_UNREADABLE');
  });

  test('with flipped bits at a joint, in a key frame or in the sound is refused; elsewhere by a full decode', async () => {
    const packets = await packetsOf(output.file);
    const damaged = async (name: string, { pos, size }: Packet): Promise<string> => {
      const file = path.join(job.folder, name);
      await copyFile(output.file, file);
      const bytes = await readFile(file);
      for (let at = pos + (size >> 1); at < pos + size && at < pos + (size >> 1) + 64; at += 1) {
        bytes[at] = (bytes[at] ?? 0) ^ 0x5a;
      }
      await writeFile(file, bytes);
      return file;
    };
    const video = packets.filter(({ isVideo }) => isVideo);
    const nearest = (seconds: number, isKey: boolean): Packet => {
      const alike = video.filter((packet) => packet.isKey === isKey && packet.size > 40);
      const [found] = alike.toSorted((a, b) => Math.abs(a.seconds - seconds) - Math.abs(b.seconds - seconds));
      assert.ok(found !== undefined);
      return found;
    };
    assert.equal(await codeOf(await damaged('joint.mp4', nearest(1.98, false))), 'OUTPUT_UNDECODABLE');
    assert.equal(await codeOf(await damaged('key.mp4', nearest(0, true))), 'OUTPUT_UNDECODABLE');
    const sound = packets.find((packet) => !packet.isVideo && packet.seconds > 1.85 && packet.size > 40);
    assert.ok(sound !== undefined);
    assert.equal(await codeOf(await damaged('sound.mp4', sound)), 'OUTPUT_UNDECODABLE');
    const between = await damaged('between.mp4', nearest(1.2, false));
    assert.equal(await codeOf(between), 'good', 'nobody has looked there');
    assert.equal(await codeOf(between, { fullDecode: true }), 'OUTPUT_UNDECODABLE');
    assert.equal(await codeOf(output.file, { fullDecode: true }), 'good');
  });
});

interface Packet {
  readonly isVideo: boolean;
  readonly isKey: boolean;
  readonly seconds: number;
  readonly pos: number;
  readonly size: number;
}

async function packetsOf(file: string): Promise<readonly Packet[]> {
  const fields = 'packet=codec_type,pts_time,pos,size,flags';
  const args = ['-v', 'error', '-show_entries', fields, '-of', 'json', file];
  const { stdout } = await runProcess({ file: 'ffprobe', args, stdoutCharsMax: 2_000_000 });
  const answer = JSON.parse(stdout) as { packets: Record<string, string>[] };
  return answer.packets.map((packet) => ({
    isVideo: packet['codec_type'] === 'video',
    isKey: packet['flags']?.startsWith('K') === true,
    seconds: Number(packet['pts_time']),
    pos: Number(packet['pos']),
    size: Number(packet['size']),
  }));
}
