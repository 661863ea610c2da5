import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { readRepositoryFile, repositoryFiles, repositoryFolder } from '../helpers/repository-files.ts';

const documents = repositoryFiles().filter((file) => file.endsWith('.md'));

test('Links in documents lead to files that are there, and to headings that they have', () => {
  const broken = documents.flatMap((document) =>
    linksOf(readRepositoryFile(document))
      .filter((link) => !leadsSomewhere(document, link))
      .map((link) => `${document}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('No file names a place of one machine', () => {
  // Put together here, so that this file does not name them either.
  const places = new RegExp(
    `(?<![\\w.}-])/(${['wo' + 'rk/[a-z.]', 'ro' + 'ot/[a-z.]', 'ho' + 'me/[a-z]'].join('|')})`,
    'u',
  );
  const own = repositoryFiles().filter((file) =>
    /\.(ts|md|json|mjs|cjs|yaml|yml|proto|sql|lua)$/u.test(file),
  );
  const named = own.filter((file) => file !== 'package-lock.json' && places.test(readRepositoryFile(file)));
  assert.deepEqual(named, []);
});

test('Every alarm and every warning of the controller is explained to operators', () => {
  const words = repositoryFiles()
    .filter((file) => file.startsWith('controller/engine/turn/'))
    .flatMap((file) => [
      ...readRepositoryFile(file).matchAll(/\.(?:alarm\(|log\('(?:warn|error)', )'([a-z-]+)'/gu),
    ])
    .map((match) => match[1] ?? '');
  assert.ok(words.includes('mass-loss') && words.includes('agent-suspect'), words.join());
  const explained = readRepositoryFile('docs/operating.md');
  assert.deepEqual(
    [...new Set(words)].filter((word) => !explained.includes(`\`${word}\``)),
    [],
  );
});

/** Targets of Markdown links that are ours: neither on the web nor in code. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^```.*?^```/gmsu, '').replaceAll(/`[^`\n]*`/gu, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/u.test(target));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(repositoryFolder, target))) return false;
  return heading === undefined || !target.endsWith('.md') || headingsOf(target).includes(heading);
}

/** The anchors that GitHub makes of a document's headings. */
function headingsOf(document: string): readonly string[] {
  return [...readRepositoryFile(document).matchAll(/^#+ (.+)$/gmu)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}
