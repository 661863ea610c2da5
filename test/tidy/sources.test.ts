import assert from 'node:assert/strict';
import test from 'node:test';
import { readRepositoryFile, repositoryFiles, sourceFiles } from '../helpers/repository-files.ts';

const files = sourceFiles();

/** Lines of our sources that match, as `file:line: text`; comments do not count. */
function linesThatMatch(pattern: RegExp, among: readonly string[] = files): readonly string[] {
  return among.flatMap((file) =>
    readRepositoryFile(file)
      .split('\n')
      .map((line, index) => ({
        line: line.replace(/^\s*(\/\/|\/?\*).*$/u, ''),
        place: `${file}:${index + 1}`,
      }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, place }) => `${place}: ${line.trim()}`),
  );
}

test('There are sources to look at', () => {
  assert.ok(files.length > 10);
});

test('No folder is called by what it cannot say: utils, common, helpers, types, shared', () => {
  const vague = repositoryFiles().filter((file) =>
    /(^|\/)(utils?|common|helpers|types|shared)\//u.test(file),
  );
  assert.deepEqual(
    vague.filter((file) => !file.startsWith('test/helpers/')),
    [],
  );
});

test('File names of sources are kebab-case', () => {
  const odd = files.filter(
    (file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+([-.][a-z0-9]+)*\.ts$/u.test(file),
  );
  assert.deepEqual(odd, []);
});

test('No test is run alone', () => {
  assert.deepEqual(linesThatMatch(/\b(test|it|describe|suite)\.only\(|\bonly: true\b/u), []);
});

test('No test sleeps: it waits for what it waits for', () => {
  const tests = files.filter((file) => file.startsWith('test/'));
  // A promise that a timer resolves, and awaiting a timer with a number: both are guesses about the machine.
  const sleeps = linesThatMatch(/setTimeout\((resolve|done|r)\b|await (setTimeout|sleep|delay)\(\d/u, tests);
  assert.deepEqual(sleeps, []);
});

test('Nobody writes to the console but programs that are scripts', () => {
  assert.deepEqual(
    linesThatMatch(
      /\bconsole\.(log|error|warn|info|debug)\(/u,
      files.filter((file) => !file.startsWith('test/')),
    ),
    [],
  );
});

test('Exports have names', () => {
  assert.deepEqual(
    linesThatMatch(
      /^export default\b/u,
      files.filter((file) => !/^[a-z-]+\.config\.ts$/u.test(file)),
    ),
    [],
  );
});

test('The environment is read in main files only', () => {
  const rooms = files.filter((file) => /^(proto|controller|agent|client)\//u.test(file));
  const readers = linesThatMatch(/\bprocess\.env\b|\benv\s*\}\s*=\s*process\b/u, rooms);
  assert.deepEqual(
    readers.filter((place) => !/^[^:]*\b(main|[a-z-]+-main)\.ts:/u.test(place)),
    [],
  );
});
