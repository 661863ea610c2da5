import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { attemptTransitions } from '../agent/core/attempt-states.ts';
import { attemptStates } from '../controller/domain/attempt.ts';
import { jobStates } from '../controller/domain/job-states.ts';
import { outcomeTable } from './glossary-outcomes.ts';
import { mermaid, table } from './markdown.ts';

/**
 * Writes the tables and diagrams of states into GLOSSARY.md, from the tables that the code itself obeys.
 *   --check    writes nothing, and fails when the document is not what the code says
 */
const glossary = join(import.meta.dirname, '..', 'GLOSSARY.md');
const begin = '<!-- begin of what tools/glossary.ts writes; change the tables in the code instead -->';
const end = '<!-- end of what tools/glossary.ts writes -->';

/** A document with its generated part as the code says it today. @throws Error where the two marks are not there */
export function withStates(document: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`GLOSSARY.md must have the lines "${begin}" and "${end}"`);
  return `${document.slice(0, from + begin.length)}\n\n${stateSections()}\n${document.slice(to)}`;
}

function stateSections(): string {
  return [jobSection(), attemptSection(), agentSection(), outcomeSection()].join('\n');
}

function jobSection(): string {
  const rows = Object.entries(jobStates).map(([state, { meaning, status, next }]) => [
    code(state),
    meaning,
    code(status),
    next.map(code).join(' '),
  ]);
  return section('States of a job', [
    'Status is what users of the web application see. From `controller/domain/job-states.ts`.',
    table(['State', 'Meaning', 'Status', 'Next'], rows),
    mermaid(['waiting', 'delayed'], nextOf(jobStates)),
  ]);
}

function attemptSection(): string {
  const rows = Object.entries(attemptStates).map(([state, { meaning, holdsSlot, next }]) => [
    code(state),
    meaning,
    holdsSlot ? 'yes' : 'no',
    next.map(code).join(' '),
  ]);
  return section('States of an attempt, as the controller sees it', [
    'A state can be skipped where its message was lost with a connection. From `controller/domain/attempt.ts`.',
    table(['State', 'Meaning', 'Holds a slot', 'Next'], rows),
    mermaid(['assigned'], nextOf(attemptStates)),
  ]);
}

function agentSection(): string {
  const rows = Object.entries(attemptTransitions).map(([state, next]) => [
    code(state),
    next.map(code).join(' '),
  ]);
  return section('States of an attempt, as its agent sees it', [
    'The agent skips nothing: it lives through every state. From `agent/core/attempt-states.ts`.',
    table(['State', 'Next'], rows),
    mermaid(['preparing'], attemptTransitions),
  ]);
}

function outcomeSection(): string {
  return section('Outcomes of an attempt', [
    'Every attempt has exactly one; the first cause wins. What becomes of the job is what ' +
      '`controller/domain/retry.ts` answers for its first such attempt, and for the one that reaches a limit.',
    outcomeTable(),
  ]);
}

function section(title: string, parts: readonly string[]): string {
  return [`## ${title}`, ...parts].join('\n\n').concat('\n');
}

function nextOf(
  states: Readonly<Record<string, { readonly next: readonly string[] }>>,
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(states).map(([state, { next }]) => [state, next]));
}

function code(word: string): string {
  return `\`${word}\``;
}

function main(): void {
  const before = readFileSync(glossary, 'utf8');
  const after = withStates(before);
  if (before === after) return;
  if (process.argv.includes('--check')) {
    process.stderr.write('GLOSSARY.md is not what the code says: npx node tools/glossary.ts\n');
    process.exitCode = 1;
    return;
  }
  writeFileSync(glossary, after);
}

if (import.meta.main) main();
