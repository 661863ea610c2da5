import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultLine, SightingLine, ToldLine } from './history-lines.ts';
import { historyFiles } from './history-lines.ts';

type Unstamped<Line> = Line extends unknown ? Omit<Line, 'atMs'> : never;

/** Writes the history down as it happens, so that it is there however the run ends. */
export interface Recorder {
  readonly folder: string;
  told(line: Unstamped<ToldLine>): void;
  sighting(line: Unstamped<SightingLine>): void;
  fault(line: Unstamped<FaultLine>): void;
  /** Lines of an agent's journal, as they are; a rewritten file begins again after a line `# rewritten`. */
  journal(agentId: string, text: string): void;
  close(): void;
}

export function openRecorder(folder: string, nowMs: () => number): Recorder {
  for (const name of [historyFiles.journals, historyFiles.logs, historyFiles.ticks]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const files = new Map<string, number>();
  const write = (name: string, text: string): void => {
    const file = files.get(name) ?? openSync(join(folder, name), 'a');
    files.set(name, file);
    writeSync(file, text);
  };
  const line = (name: string, fields: object): void =>
    write(name, `${JSON.stringify({ atMs: nowMs(), ...fields })}\n`);
  return {
    folder,
    told: (fields) => line(historyFiles.told, fields),
    sighting: (fields) => line(historyFiles.share, fields),
    fault: (fields) => line(historyFiles.faults, fields),
    journal: (agentId, text) => write(join(historyFiles.journals, `${agentId}.jsonl`), text),
    close() {
      for (const file of files.values()) closeSync(file);
      files.clear();
    },
  };
}
