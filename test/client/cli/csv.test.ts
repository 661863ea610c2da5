import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvLine } from '../../../client/cli/csv.ts';
import { jsonLine } from '../../../client/cli/json-lines.ts';

/** A reader of RFC 4180, for one record. */
function cellsOf(line: string): readonly string[] {
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)/gy;
  for (;;) {
    const found = cell.exec(line);
    assert.ok(found, `cannot be read at ${cell.lastIndex}: ${line}`);
    cells.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === '') return cells;
  }
}

test('every text comes back, and none begins as a formula does', () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom(...Array.from('=+-@|%",;\r\n\t \'aÄ\0')) }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(texts, (cells) => {
      const read = cellsOf(csvLine(cells));
      const shown = cells.map((text) => text.replaceAll('\0', '\uFFFD'));
      assert.deepEqual(
        read.map((text, index) => (text === shown[index] ? text : text.replace(/^'/u, ''))),
        shown,
      );
      for (const text of read) assert.doesNotMatch(text, /^[\s\0]*[=+\-@]/u);
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('names of attackers are texts, and figures stay figures', () => {
  assert.equal(
    csvLine(['=1+1', '+49 30', '-2', '@SUM(A1)', '\t=1', '\uFF1D1']),
    `'=1+1,'+49 30,'-2,'@SUM(A1),"'\t=1",'\uFF1D1`,
  );
  assert.equal(
    csvLine(["=cmd|' /C calc'!A0", 'a "quoted", name', 'two\r\nlines']),
    `'=cmd|' /C calc'!A0,"a ""quoted"", name","two\r\nlines"`,
  );
  assert.equal(
    csvLine([-1.5, 0, true, null, new Date(0), ['a', 'b']]),
    '-1.5,0,true,,1970-01-01T00:00:00.000Z,a b',
  );
  assert.equal(csvLine(['\\\\nas\\Results\\x.mp4', 'Kids TV']), '\\\\nas\\Results\\x.mp4,Kids TV');
});

test('what is exported moves no cursor, neither as CSV nor as JSON, which means the same', () => {
  const text = 'Input \u001b[2J\u009b2J\u202E\u{E0001}\u007f\tx';
  assert.equal(csvLine([text]), '"Input \uFFFD[2J\uFFFD2J\u202E\u{E0001}\uFFFD\tx"');
  const line = jsonLine({ message: text });
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  assert.deepEqual(JSON.parse(line), { message: text });
});
