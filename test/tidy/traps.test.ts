import assert from 'node:assert/strict';
import { posix } from 'node:path';
import test from 'node:test';
import { readRepositoryFile, repositoryFiles } from '../helpers/repository-files.ts';

interface TrapRow {
  readonly trap: string;
  readonly file: string;
  readonly name: string;
}

/** Rows of the table: trap, what must hold, a link to the test's file and the test's name. */
function trapRows(): readonly TrapRow[] {
  const row = /^\| (?<trap>.+?) \| .+ \| \[[^\]]+\]\((?<link>[^)]+)\): (?<name>.+) \|$/gmu;
  return [...readRepositoryFile('docs/traps.md').matchAll(row)].map(({ groups }) => ({
    trap: groups?.['trap'] ?? '',
    file: posix.join('docs', groups?.['link'] ?? ''),
    name: groups?.['name'] ?? '',
  }));
}

test('Every trap of rendering names a test that exists', () => {
  const rows = trapRows();
  const lines = readRepositoryFile('docs/traps.md')
    .split('\n')
    .filter((line) => /^\| (?!trap |---)/u.test(line));
  assert.equal(rows.length, lines.length, 'a row that names no test');
  assert.ok(rows.length > 40, `${rows.length} rows`);
  const files = new Set(repositoryFiles());
  const missing = rows.filter(({ file, name }) => {
    if (!files.has(file)) return true;
    const source = readRepositoryFile(file);
    return (
      !["'", '"', '`'].some((quote) => source.includes(`test(${quote}${name}${quote}`)) &&
      !isBroken(source, name)
    );
  });
  assert.deepEqual(missing, []);
});

test('Every test of the media folder is named by a trap, or is about something else that is named here', () => {
  const named = new Set(trapRows().map(({ file }) => file));
  const others = [
    ...[
      'demo-inspection',
      'picture',
      'extras',
      'loudness',
      'one-session',
      'segment-reuse',
      'sound-lane',
      'verification',
    ],
  ].map((name) => `test/media/${name}.test.ts`);
  const unnamed = repositoryFiles().filter(
    (file) => /^test\/media\/.*\.test\.ts$/u.test(file) && !named.has(file) && !others.includes(file),
  );
  assert.deepEqual(unnamed, []);
});

/** The formatter breaks a long call behind its bracket. */
function isBroken(source: string, name: string): boolean {
  return new RegExp(`test\\(\\s+['"\`]${RegExp.escape(name)}['"\`]`, 'u').test(source);
}
