import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const repositoryFolder = join(import.meta.dirname, '..', '..');

/**
 * Files of the repository, by paths with slashes: what git tracks or would track. Without git (an unpacked archive),
 * everything but what is never committed.
 */
export function repositoryFiles(): readonly string[] {
  const files = existsSync(join(repositoryFolder, '.git'))
    ? execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
        cwd: repositoryFolder,
        encoding: 'utf8',
      }).split('\n')
    : globSync('**/*', { cwd: repositoryFolder, exclude: ['node_modules/**', 'out/**', 'logs/**'] });
  return files
    .filter((file) => /\.[a-z]+$/u.test(file) && existsSync(join(repositoryFolder, file)))
    .toSorted();
}

/** Our own TypeScript: what is generated is not ours to keep tidy. */
export function sourceFiles(): readonly string[] {
  return repositoryFiles().filter((file) => file.endsWith('.ts') && !file.startsWith('proto/gen/'));
}

export function readRepositoryFile(file: string): string {
  return readFileSync(join(repositoryFolder, file), 'utf8');
}
