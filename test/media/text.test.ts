import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { textFilters } from '../../agent/render/filters.ts';
import { resolveFont, writeFont } from '../../agent/render/fonts.ts';
import { readableText, splitGraphemes } from '../../agent/render/text.ts';
import { textAnimation } from '../../agent/render/text-animation.ts';
import { ffmpeg } from '../helpers/media.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const width = 1920;
const height = 300;

/** How bright every pixel is at some times, drawn by libass over black; only the upper lines, where the text is. */
async function draw(t: TestContext, typed: string, seconds: readonly number[]): Promise<readonly Buffer[]> {
  const folder = await tempFolder(t);
  const font = await resolveFont([]);
  await writeFont(font, path.join(folder, 'fonts'));
  const text = readableText(typed);
  await writeFile(
    path.join(folder, 'text_0.ass'),
    textAnimation({ text, frames: 600, fontFamily: font.family }),
  );
  const times = seconds.map((time) => `eq(n,${Math.round(time * 30)})`).join('+');
  const graph = [
    `color=c=black:s=${width}x1080:r=30:d=${Math.max(...seconds) + 0.1}`,
    ...[`select='${times}'`, ...textFilters(path.join(folder, 'text_0.ass'), path.join(folder, 'fonts'))],
    ...[`crop=${width}:${height}:0:0`, 'format=gray'],
  ].join(',');
  const output = path.join(folder, 'frames');
  await ffmpeg(['-f', 'lavfi', '-i', graph, '-fps_mode', 'passthrough', '-f', 'rawvideo', output]);
  const bytes = await readFile(output);
  assert.equal(bytes.length, seconds.length * width * height);
  return seconds.map((_, index) => bytes.subarray(index * width * height, (index + 1) * width * height));
}

/** The rectangle of what is lit; undefined where nothing is. */
function litBox(pixels: Buffer, level = 60) {
  let box: { left: number; top: number; right: number; bottom: number } | undefined;
  for (const [index, value] of pixels.entries()) {
    if (value < level) continue;
    const [x, y] = [index % width, Math.floor(index / width)];
    box ??= { left: x, top: y, right: x, bottom: y };
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.bottom = y;
  }
  return box;
}

/** Pixels that are lit in the first picture and differ in the second one: what has moved or changed its shape. */
function changed(earlier: Buffer, later: Buffer): number {
  let count = 0;
  for (const [index, value] of earlier.entries()) {
    // Full yellow only: what still fades in, and the edges, may differ.
    if (value > 180 && Math.abs(value - (later[index] ?? 0)) > 40) count += 1;
  }
  return count;
}

test('What was typed stays where it is, in its shape, in every script', async (t) => {
  const texts = [
    'AVATAR',
    'e\u0301a\u0308o\u0302u',
    '👨‍👩‍👧‍👦👍🏽🇩🇪A',
    'नमस्ते किताब',
    'مرحبا بكم',
    'שלום עולם',
  ];
  for (const text of texts) {
    const count = splitGraphemes(text).length;
    // Just before each grapheme, when the one before the last has been there for 150 ms; and when all are there.
    const steps = Array.from({ length: count }, (_, index) => index * 0.1 + 0.067);
    const pictures = await draw(t, text, [...steps, count * 0.1 + 0.3]);
    const whole = pictures.at(-1) ?? assert.fail();
    const end = litBox(whole);
    assert.ok(end !== undefined && end.right >= 1850 && end.right <= 1885, `${text} ends at ${end?.right}`);
    let lit = -1;
    for (const [index, picture] of pictures.entries()) {
      assert.equal(changed(picture, whole), 0, `${text}: grapheme ${index} moves what is there`);
      const now = picture.filter((value) => value > 60).length;
      assert.ok(now >= lit, `${text}: less is shown after grapheme ${index}`);
      lit = now;
    }
    const first = litBox(pictures[1] ?? Buffer.alloc(0), 120);
    assert.ok(first !== undefined, `${text}: the first grapheme is not there after 150 ms`);
    const isLeftward = /[\u0590-\u06ff]/u.test(text);
    const [near, far] = isLeftward ? [end.right, first.right] : [first.left, end.left];
    assert.ok(
      Math.abs(near - far) <= 6,
      `${text}: begins at ${JSON.stringify(first)} of ${JSON.stringify(end)}`,
    );
  }
});

test('Scripts that Anton lacks are drawn all the same, each grapheme with a shape of its own', async (t) => {
  const [hindi, arabic] = await Promise.all(
    ['कखग', 'ابج'].map(async (text) => (await draw(t, text, [1.9]))[0]),
  );
  for (const picture of [hindi, arabic]) {
    const box = litBox(picture ?? Buffer.alloc(0));
    assert.ok(box !== undefined && box.right - box.left > 30, JSON.stringify(box));
  }
});

test('Braces, escapes and line ends that a person typed are drawn as letters on one line', async (t) => {
  const plain = litBox((await draw(t, 'X', [1.9]))[0] ?? Buffer.alloc(0));
  assert.ok(plain !== undefined);
  for (const text of [
    '{\\fs200}X',
    '\\NX',
    'X\nDialogue: 0,0:00:00.00,9:00:00.00,Default,,0,0,0,,X',
    '{\\p1}m 0 0 l 99 99',
  ]) {
    const box = litBox((await draw(t, text, [6.5]))[0] ?? Buffer.alloc(0));
    assert.ok(box !== undefined);
    assert.ok(
      box.right - box.left > (plain.right - plain.left) * 1.5,
      `${text} is as wide as ${box.right - box.left}`,
    );
    // One line of 50: braces are a little higher than letters.
    assert.ok(
      box.bottom - box.top < (plain.bottom - plain.top) * 1.6,
      `${text} is ${box.bottom - box.top} high`,
    );
  }
});
