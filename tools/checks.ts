import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** One static check: a program that exits 0 when all is well. */
export interface Check {
  /** Short, unique, for the command line. */
  readonly name: string;
  /** What is true when it passes. */
  readonly says: string;
  readonly command: readonly [string, ...string[]];
}

export interface CheckResult {
  readonly check: Check;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

export const repositoryFolder = join(import.meta.dirname, '..');

const rooms = ['proto', 'controller', 'agent', 'client', 'demo', 'bench', 'chaos', 'test', 'tools'];
/** The contract as it was last released; while there is none, the last commit stands for it. */
const releasedContract = 'proto/released.binpb';

/** All static checks, the fast ones first. */
export function staticChecks(): readonly Check[] {
  return [
    { name: 'format', says: 'Format and import order are right', command: ['biome', 'check', '.'] },
    {
      name: 'generated',
      says: 'Generated code is current',
      command: ['node', 'tools/generate.ts', '--check'],
    },
    { name: 'types', says: 'Types are right', command: ['tsc', '--noEmit', '-p', '.'] },
    {
      name: 'boundaries',
      says: 'Every room imports only what it may',
      command: ['depcruise', '--config', 'dependency-cruiser.config.ts', '--', ...rooms.filter(isThere)],
    },
    { name: 'dead-code', says: 'No file, export or dependency is unused', command: ['knip'] },
    {
      // Without a cache: rules that know types go by other files too, and a cache that goes by one file lies.
      name: 'lint',
      says: 'The linter has nothing to say',
      command: ['eslint', '--max-warnings', '0', '.'],
    },
    { name: 'contract-lint', says: 'The contract follows its style', command: ['buf', 'lint'] },
    {
      name: 'contract-breaking',
      says: 'The contract breaks nobody who uses it',
      command: ['buf', 'breaking', '--against', contractBefore()],
    },
  ];
}

/** Runs one check; its output is kept for whoever has to read it. */
export async function runCheck(check: Check): Promise<CheckResult> {
  const startedAt = performance.now();
  const { exitCode, output } = await runProgram(check.command);
  return {
    check,
    passed: exitCode === 0,
    output,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

function isThere(room: string): boolean {
  return existsSync(join(repositoryFolder, room));
}

function contractBefore(): string {
  return isThere(releasedContract) ? releasedContract : '.git#ref=HEAD';
}

const outputCharsMax = 100_000;

async function runProgram([file, ...args]: readonly [string, ...string[]]): Promise<{
  exitCode: number | null;
  output: string;
}> {
  const bin = join(repositoryFolder, 'node_modules', '.bin');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const child = spawn(file, args, { cwd: repositoryFolder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < outputCharsMax) output += text;
    });
  }
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}
