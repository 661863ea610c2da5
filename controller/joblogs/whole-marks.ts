import { join } from 'node:path';
import type { LogFileName } from '../domain/log-files.ts';
import { readWhole, writeWhole } from './small-file.ts';

/** Which files of which attempts get no longer, as their agents said. */
export const wholeMarksName = '.whole.json';

export async function markWhole(folder: string, attempt: number, file: LogFileName): Promise<void> {
  const marks = await loadMarks(folder);
  const mark = markOf(attempt, file);
  if (!marks.includes(mark)) {
    await writeWhole(join(folder, wholeMarksName), { version: 1, files: [...marks, mark] });
  }
}

export async function isMarkedWhole(folder: string, attempt: number, file: LogFileName): Promise<boolean> {
  return (await loadMarks(folder)).includes(markOf(attempt, file));
}

function markOf(attempt: number, file: LogFileName): string {
  return `${attempt}/${file}`;
}

async function loadMarks(folder: string): Promise<readonly unknown[]> {
  const marks = await readWhole(join(folder, wholeMarksName));
  return typeof marks === 'object' && marks !== null && 'files' in marks && Array.isArray(marks.files)
    ? (marks.files as readonly unknown[])
    : [];
}
