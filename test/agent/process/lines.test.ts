import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { splitLines } from '../../../agent/process/lines.ts';

function split(pieces: readonly (string | Buffer)[], lineCharsMax = 100): string[] {
  const lines: string[] = [];
  const splitter = splitLines(lineCharsMax, (line) => lines.push(line));
  for (const piece of pieces) splitter.push(Buffer.from(piece));
  splitter.end();
  return lines;
}

test('Lines end with a newline, a return, or both', () => {
  assert.deepEqual(split(['a\nb\r\nc\rd']), ['a', 'b', 'c', 'd']);
});

test('A return and its newline in two reads are one ending', () => {
  assert.deepEqual(split(['a\r', '\nb\n', '\n']), ['a', 'b', '']);
});

test('A character cut between two reads stays whole', () => {
  const bytes = Buffer.from('Ä€🎬\n');
  assert.deepEqual(split([...bytes].map((byte) => Buffer.from([byte]))), ['Ä€🎬']);
});

test('A line without an end takes no more than its limit', () => {
  assert.deepEqual(split(['x'.repeat(250), 'x'.repeat(250), '\nshort'], 10), [`${'x'.repeat(10)}…`, 'short']);
});

test('However the bytes are cut, the lines are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'é', '\n', '\r', '\r\n', 'long text')),
      fc.integer({ min: 1, max: 5 }),
      (words, size) => {
        const bytes = Buffer.from(words.join(''));
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
        assert.deepEqual(split(pieces), split([bytes]));
        assert.deepEqual(
          split([bytes]).join('\n'),
          bytes.toString().replaceAll('\r\n', '\n').replaceAll('\r', '\n').replace(/\n$/u, ''),
        );
      },
    ),
  );
});
