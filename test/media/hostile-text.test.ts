import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { textFilters } from '../../agent/render/filters.ts';
import { resolveFont, writeFont } from '../../agent/render/fonts.ts';
import { readableText, splitGraphemes } from '../../agent/render/text.ts';
import { textAnimation } from '../../agent/render/text-animation.ts';
import { seededRandom } from '../../chaos/random.ts';
import { decode } from '../helpers/media-measure.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const width = 1920;
const lines = 130;
/** When every letter has been typed, and faded in. */
const wholeAtSeconds = 7;

/** Where each text is lit, drawn by libass in one FFmpeg: left, right, and how many lines it takes. */
async function boxesOf(folder: string, texts: readonly string[]) {
  const font = await resolveFont([]);
  const fonts = path.join(folder, 'fonts');
  await writeFont(font, fonts);
  const chains: string[] = [];
  for (const [index, typed] of texts.entries()) {
    const script = path.join(folder, `text_${index}.ass`);
    const animation = { text: readableText(typed), frames: 300, fontFamily: font.family };
    await writeFile(script, textAnimation(animation));
    chains.push(
      [
        `color=c=black:s=${width}x1080:r=30:d=0.03,setpts=PTS+${wholeAtSeconds}/TB`,
        ...[...textFilters(script, fonts), `crop=${width}:${lines}:0:20`, `format=gray[p${index}]`],
      ].join(','),
    );
  }
  const all = texts.map((_, index) => `[p${index}]`).join('');
  const pixels = await decode([
    ...['-filter_complex', `${chains.join(';')};${all}vstack=inputs=${texts.length}[all]`],
    ...['-map', '[all]', '-frames:v', '1', '-f', 'rawvideo'],
  ]);
  return texts.map((_, index) => boxOf(pixels.subarray(index * width * lines, (index + 1) * width * lines)));
}

function boxOf(pixels: Buffer) {
  const box = { left: width, right: 0, top: lines, bottom: 0 };
  for (const [at, value] of pixels.entries()) {
    if (value < 60) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/** What ASS, libass, FFmpeg's filters and C know as something else than letters. */
const pieces = [
  '{',
  '}',
  '\\',
  'N',
  'n',
  'h',
  '\\N',
  '\\h',
  '{\\p1}',
  '{\\fs9}',
  '%',
  ',',
  ':',
  ';',
  "'",
  '&H',
  '0',
  '*',
  '{*',
  'x',
];

test('Texts of any hostile letters are as wide as their letters, one after the other, on one line', async (t) => {
  const seed = 20_250;
  const random = seededRandom(seed);
  const texts = Array.from({ length: 24 }, () =>
    Array.from(
      { length: random.between(2, 9) },
      () => pieces[random.between(0, pieces.length - 1)] ?? '',
    ).join(''),
  );
  const letters = [...new Set(texts.flatMap((text) => splitGraphemes(text)))];
  // Between two of another letter, so that what is measured is the letter's advance and not its ink.
  const framed = letters.map((letter) => `x${letter}x`);
  const boxes = await boxesOf(await tempFolder(t), ['xx', ...framed, ...texts.map((text) => `x${text}x`)]);
  const bare = boxes[0] ?? assert.fail();
  const widthOf = (box: { left: number; right: number }): number =>
    box.right - box.left - (bare.right - bare.left);
  const advances = new Map(letters.map((letter, index) => [letter, widthOf(boxes[index + 1] ?? bare)]));
  const wrong: string[] = [];
  for (const [index, text] of texts.entries()) {
    const box = boxes[index + 1 + letters.length] ?? bare;
    const graphemes = splitGraphemes(text);
    const meant = graphemes.reduce((sum, letter) => sum + (advances.get(letter) ?? 0), 0);
    // Pairs are kerned by a few pixels.
    if (Math.abs(widthOf(box) - meant) > 3 + graphemes.length * 2)
      wrong.push(`${text} is ${widthOf(box)} wide, its letters are ${meant}`);
    if (box.bottom - box.top > (bare.bottom - bare.top) * 1.7) wrong.push(`${text} has more than a line`);
  }
  assert.deepEqual(wrong, [], `seed ${seed}`);
  for (const [letter, advance] of advances) assert.ok(advance > 3, `${letter} has a width of ${advance}`);
});
