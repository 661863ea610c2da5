import assert from 'node:assert/strict';
import test from 'node:test';
import { configurationDocument, configurationText } from '../../tools/configuration-docs.ts';
import { readRepositoryFile, repositoryFiles, sourceFiles } from '../helpers/repository-files.ts';

test(`${configurationDocument} says what the schema says (npm run gen:docs)`, () => {
  assert.equal(readRepositoryFile(configurationDocument), configurationText());
});

test('Every variable of the environment that is read is documented', () => {
  const rooms = sourceFiles().filter((file) => /^(controller|agent|client)\//u.test(file));
  const names = new Set(rooms.flatMap((file) => readRepositoryFile(file).match(/\bFARM_[A-Z_]+\b/gu) ?? []));
  assert.ok(names.size > 0);
  const documents = repositoryFiles()
    .filter((file) => file.endsWith('.md'))
    .map(readRepositoryFile)
    .join('\n');
  assert.deepEqual(
    [...names].filter((name) => !documents.includes(name)),
    [],
  );
});
