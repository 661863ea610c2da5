import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { graphemesMax, readableText, splitGraphemes } from '../../../agent/render/text.ts';
import { textAnimation } from '../../../agent/render/text-animation.ts';

interface Event {
  readonly start: number;
  readonly end: number;
  /** Runs of text with the override tags before them. */
  readonly runs: readonly { readonly tags: string; readonly text: string }[];
}

/** A reader of ASS that knows nothing of the writer: blocks in braces, `\{` and `\}` literal, as libass reads them. */
function readEvents(script: string): Event[] {
  const lines = script.split('\n');
  const dialogues = lines.slice(lines.indexOf('[Events]') + 2).filter((line) => line !== '');
  return dialogues.map((line) => {
    const found = /^Dialogue: 0,(?<start>[^,]+),(?<end>[^,]+),Default,,0,0,0,,(?<text>.*)$/su.exec(
      line,
    )?.groups;
    assert.ok(found !== undefined, `no dialogue: ${line}`);
    return {
      start: seconds(found['start']),
      end: seconds(found['end']),
      runs: readRuns(found['text'] ?? ''),
    };
  });
}

function readRuns(text: string) {
  const runs: { tags: string; text: string }[] = [];
  let at = 0;
  let tags = '';
  while (at < text.length) {
    const next = text.slice(at, at + 2);
    if (text[at] === '{') {
      const close = text.indexOf('}', at);
      tags += text.slice(at + 1, close);
      runs.push({ tags, text: '' });
      tags = '';
      at = close + 1;
      continue;
    }
    const isEscape = next === '\\{' || next === '\\}';
    assert.ok(!['\\N', '\\n', '\\h'].includes(next), `an escape that libass would obey: ${next}`);
    const last = runs.at(-1);
    assert.ok(last !== undefined);
    last.text += isEscape ? next.slice(1) : next.slice(0, 1);
    at += isEscape ? 2 : 1;
  }
  return runs;
}

function seconds(time: string | undefined): number {
  const [hours = Number.NaN, minutes = Number.NaN, rest = Number.NaN] = (time ?? '').split(':').map(Number);
  return Math.round((hours * 3600 + minutes * 60 + rest) * 100) / 100;
}

const animate = (text: string, frames: number) =>
  readEvents(textAnimation({ text, frames, fontFamily: 'Anton' }));
const shownText = (event: Event) =>
  event.runs
    .map(({ text }) => text)
    .join('')
    .replaceAll('\u2060', '');

test('A letter more every 0.1 s, whole until 10 s, again every 20 s, nothing after the clip', () => {
  const events = animate('ABC', 45 * 30);
  assert.deepEqual(
    events.map(({ start, end }) => [start, end]),
    [
      [0, 0.1],
      [0.1, 0.2],
      [0.2, 10],
      [20, 20.1],
      [20.1, 20.2],
      [20.2, 30],
      [40, 40.1],
      [40.1, 40.2],
      [40.2, 45],
    ],
  );
});

test('Two hundred letters are typed within six seconds', () => {
  const events = animate('x'.repeat(graphemesMax), 20 * 30);
  assert.equal(events.length, graphemesMax);
  assert.deepEqual([events.at(-1)?.start, events.at(-1)?.end], [5.97, 10]);
  for (const [index, event] of events.entries()) assert.equal(event.start, events[index - 1]?.end ?? 0);
});

test('A clip that ends while the text is typed ends the events too', () => {
  assert.deepEqual(
    animate('ABCDEF', 8).map(({ start, end }) => [start, end]),
    [
      [0, 0.1],
      [0.1, 0.2],
      [0.2, 0.26],
    ],
  );
});

test('Each event fades only its last two letters, and hides the rest of the text', () => {
  const third = animate('ABCDE', 300)[2];
  assert.deepEqual(
    third?.runs.filter(({ text }) => text !== ''),
    [
      { tags: '\\1a&H00&\\2a&H00&\\3a&H00&\\4a&H80&', text: 'A' },
      {
        tags: '\\1a&H55&\\2a&H55&\\3a&H55&\\4a&HAA&\\t(0,50,\\1a&H00&\\2a&H00&\\3a&H00&\\4a&H80&)',
        text: 'B',
      },
      {
        tags: '\\1a&HFF&\\2a&HFF&\\3a&HFF&\\4a&HFF&\\t(0,150,\\1a&H00&\\2a&H00&\\3a&H00&\\4a&H80&)',
        text: 'C',
      },
      { tags: '\\1a&HFF&\\2a&HFF&\\3a&HFF&\\4a&HFF&', text: 'DE' },
    ],
  );
});

test('What people call a letter appears as a whole', () => {
  const family = '👨‍👩‍👧‍👦';
  assert.deepEqual(splitGraphemes(readableText(`e\u0301${family}किं`)), ['e\u0301', family, 'किं']);
  assert.equal(animate(`e\u0301${family}`, 300).length, 2);
});

test('The style names the resolved font and is the one of the mission', () => {
  const script = textAnimation({ text: 'A', frames: 30, fontFamily: 'Anton' });
  assert.match(script, /^PlayResX: 1920$/mu);
  assert.match(
    script,
    /^Style: Default,Anton,50,&H00FFFF,&H000000FF,&H00000000,&H80000000,-1,0,0,0,100,100,0,0,1,4,3,9,40,40,40,-1$/mu,
  );
});

test('Tags, escapes and line ends typed by a person stay text', () => {
  const hostile = '{\\fs200}\\N\\{x}\nDialogue: 0,0:00:00.00,9:00:00.00,Default,,0,0,0,,x';
  const events = animate(readableText(hostile), 600);
  assert.equal(events.length, splitGraphemes(readableText(hostile)).length);
  for (const event of events) assert.equal(shownText(event), hostile.replace('\n', ' '));
});

test('Whatever is typed, every event holds the whole text, literally, on one line', () => {
  const hostile = fc.constantFrom(
    '{',
    '}',
    '\\',
    '\\N',
    '\\h',
    '{\\p1}',
    '\n',
    '\r\n',
    '\u2028',
    '\u202e',
    '\0',
    'a',
    ' ',
    ',',
    '\ud800',
    '👩‍🚀',
    '\u2060',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(hostile).map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (typed) => {
        const text = readableText(typed);
        const { length } = splitGraphemes(text);
        fc.pre(length > 0 && length <= graphemesMax);
        const events = animate(text, 600);
        assert.equal(events.length, length);
        for (const event of events) assert.equal(shownText(event), text);
      },
    ),
    { numRuns: 500 },
  );
});
