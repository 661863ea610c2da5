import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { probeMedia } from '../../agent/media/probe.ts';
import { planRender } from '../../agent/render/plan.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const whole = [...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25'], ...['-c:a', 'aac']];
const asMpeg = ['-c:v', 'mpeg2video', '-g', '12', '-c:a', 'mp2'];
const fragments = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'];

/** Four seconds with a key frame in each, in every container that studios bring. */
const forms: Readonly<Record<string, readonly [extension: string, encoder: readonly string[]]>> = {
  'MP4 with its index first': ['mp4', [...whole, '-movflags', '+faststart']],
  'MP4 with its index last': ['mp4', whole],
  'fragmented MP4': ['mp4', [...whole, ...fragments]],
  MOV: ['mov', [...whole, '-movflags', '+faststart']],
  Matroska: ['mkv', [...whole, '-cluster_time_limit', '500']],
  'Matroska of a recorder': ['mkv', [...whole, '-live', '1', '-cluster_time_limit', '500']],
  'MPEG-TS': ['ts', whole],
  AVI: ['avi', [...['-c:v', 'mpeg4', '-g', '25'], ...['-c:a', 'mp2']]],
  FLV: ['flv', [...whole, '-ar', '44100']],
  'MPEG-PS': ['mpg', asMpeg],
  MXF: ['mxf', [...['-c:v', 'mpeg2video', '-g', '12'], ...['-c:a', 'pcm_s16le', '-ar', '48000']]],
};

async function contentOf(name: keyof typeof forms): Promise<Buffer> {
  const [extension, encoder] = forms[name] ?? assert.fail(name);
  return await readFile(await makeSignalClip({ seconds: 4, extension, encoder: [...encoder] }));
}

/** What becomes of an item with this content: refused by the probe, by the plan, or planned with its warnings. */
async function verdictOf(t: TestContext, content: Buffer): Promise<string> {
  const file = path.join(await tempFolder(t), 'content');
  await writeFile(file, content);
  const facts = await probeMedia(file).catch((error: unknown) => (error as { code: string }).code);
  if (typeof facts === 'string') return facts;
  const item = { position: 7, itemType: 'video', fileName: 'video_7.mp4', sourcePath: 'S' } as const;
  const result = planRender({
    enable4k: false,
    items: [{ ...item, sha256: 'x', facts, durationMs: 4000 }],
  });
  if (!result.ok) {
    for (const problem of result.problems) assert.equal(problem.position, 7);
    return result.problems.map(({ code }) => code).join();
  }
  const { frames, warnings } = result.plan;
  for (const warning of warnings) assert.equal(warning.position, 7);
  return [`${frames >= 119 && frames <= 122 ? 'whole' : frames}`, ...warnings.map(({ code }) => code)].join(
    ' ',
  );
}

test('A file that is whole is planned in full; one that cannot say how long it is has a warning', async (t) => {
  for (const name of Object.keys(forms)) {
    const isUndeclared = ['Matroska of a recorder', 'MPEG-TS', 'MPEG-PS'].includes(name);
    const expected = isUndeclared ? 'whole DURATION_UNDECLARED' : 'whole';
    assert.equal(await verdictOf(t, await contentOf(name)), expected, name);
  }
});

test('A file that was cut off in the middle is refused, or has a warning where nothing tells', async (t) => {
  const refused: Readonly<Record<string, string>> = {
    'MP4 with its index last': 'MEDIA_UNREADABLE',
    'MPEG-PS': 'DURATION_UNDECLARED,DURATION_SHORT',
  };
  for (const name of Object.keys(forms)) {
    const content = await contentOf(name);
    // An odd place, so that it is no packet's border.
    const verdict = await verdictOf(t, content.subarray(0, Math.floor(content.length * 0.2) * 2 + 1));
    const expected = refused[name] ?? 'SOURCE_TRUNCATED';
    assert.equal(verdict.replace(/^\d+ /u, '').replaceAll(' ', ','), expected, `${name}: ${verdict}`);
  }
});

test('A cut at the very border of a cluster, fragment or packet is refused, or has both warnings', async (t) => {
  const cutBefore = async (name: string, mark: Buffer, lead: number): Promise<string> => {
    const content = await contentOf(name);
    const places = [];
    for (let at = content.indexOf(mark); at >= 0; at = content.indexOf(mark, at + 1)) places.push(at);
    assert.ok(places.length >= 4, `${name} has ${places.length} pieces`);
    return await verdictOf(t, content.subarray(0, (places[Math.floor(places.length / 2)] ?? 0) - lead));
  };
  const cluster = Buffer.from('1f43b675', 'hex');
  assert.equal(await cutBefore('Matroska', cluster, 0), 'SOURCE_TRUNCATED');
  const live = await cutBefore('Matroska of a recorder', cluster, 0);
  const fragmented = await cutBefore('fragmented MP4', Buffer.from('moof'), 4);
  const stream = await contentOf('MPEG-TS');
  const packets = await verdictOf(t, stream.subarray(0, 188 * Math.floor((stream.length * 0.6) / 188)));
  for (const verdict of [live, fragmented, packets]) {
    assert.match(verdict, /^\d+ DURATION_UNDECLARED DURATION_SHORT$/u);
  }
});

test('What is lost in the middle of a file is a warning, and an error where the picture would stand still', async (t) => {
  const content = await contentOf('Matroska');
  const spoilt = (from: number, to: number): Buffer => {
    const copy = Buffer.from(content);
    return copy.fill(0, Math.floor(copy.length * from), Math.floor(copy.length * to));
  };
  assert.equal(await verdictOf(t, spoilt(0.5, 0.56)), 'whole SOURCE_DAMAGED');
  assert.equal(await verdictOf(t, spoilt(0.3, 0.8)), 'SOURCE_DAMAGED');
});

test('A file whose picture has no size is refused', async (t) => {
  const clip = await makeMedia('mp4', [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=25:d=1', '-c:v', 'libx264', '-movflags', '+faststart'],
  ]);
  const content = await readFile(clip);
  const entry = content.indexOf('avc1', content.indexOf('stsd'));
  // The sample entry's width and height, and the parameter sets that say them again.
  content.fill(0, entry + 28, entry + 32);
  content.write('free', content.indexOf('avcC'));
  const verdict = await verdictOf(t, content);
  assert.match(verdict, /^(?:MEDIA_UNREADABLE|PICTURE_TOO_THIN|DURATION_UNKNOWN)/u);
});
