import assert from 'node:assert/strict';
import test from 'node:test';
import { renderProblemCodes } from '../../agent/render/problem-codes.ts';
import { failuresDocument, failuresText } from '../../tools/failure-docs.ts';
import { readRepositoryFile } from '../helpers/repository-files.ts';

test(`${failuresDocument} says what the table of failures says (npm run gen:docs)`, () => {
  assert.equal(readRepositoryFile(failuresDocument), failuresText());
});

test('Every code of a failure of FFmpeg is one of the known problem codes', () => {
  const codes = [...failuresText().matchAll(/^\| [a-z-]+ \|.*\| `([A-Z_]+)` \|/gmu)].map(
    ([, code]) => code ?? '',
  );
  assert.ok(codes.length > 10);
  assert.deepEqual(
    codes.filter((code) => !(code in renderProblemCodes)),
    [],
  );
});
