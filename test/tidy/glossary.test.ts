import assert from 'node:assert/strict';
import test from 'node:test';
import { jobStates } from '../../controller/domain/job-states.ts';
import { withStates } from '../../tools/glossary.ts';
import { readRepositoryFile } from '../helpers/repository-files.ts';

const document = readRepositoryFile('GLOSSARY.md');

test('The glossary has the tables of states that the code has (npx node tools/glossary.ts)', () => {
  assert.equal(document, withStates(document));
});

test('A state that changes in the document alone is noticed', () => {
  assert.notEqual(
    document.replace('`waiting`', '`idle`'),
    withStates(document.replace('`waiting`', '`idle`')),
  );
  assert.throws(() => withStates('no marks'), /GLOSSARY\.md must have the lines/u);
});

test('Every state of a job stands in a row of its own, and every transition in the diagram', () => {
  for (const [state, { next }] of Object.entries(jobStates)) {
    assert.match(document, new RegExp(`^\\| \`${state}\` \\|`, 'mu'));
    for (const to of next) assert.match(document, new RegExp(`^ {2}${state} --> ${to}$`, 'mu'));
  }
});

test('No word of the glossary is explained twice', () => {
  const words = document
    .split('<!--')[0]
    ?.split('\n')
    .flatMap((line) => (/^\| ([^|]+) \|/u.exec(line)?.[1] ?? '').split(', '));
  assert.ok(words !== undefined && words.length > 30);
  const twice = words.filter((word, index) => word !== '' && words.indexOf(word) !== index);
  assert.deepEqual(twice, []);
});
