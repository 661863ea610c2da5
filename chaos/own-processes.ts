import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';

/** Marks every process of a run: children inherit it. */
export const runMarker = 'RENDERFARM_CHAOS_RUN';

export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly folder: string;
}

/** Every process of the run, this one excepted. Linux. */
export function processesOf(run: string): readonly FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid)
    .filter((name) => read(name, 'environ').split('\0').includes(`${runMarker}=${run}`))
    .map((name) => ({
      pid: Number(name),
      parent: Number(/^PPid:\s*(\d+)/mu.exec(read(name, 'status'))?.[1] ?? 0),
      command: read(name, 'cmdline').replaceAll('\0', ' ').trim(),
      folder: folderOf(name),
    }))
    .filter(({ command }) => command !== '');
}

/** The children of a process that touch its shares. */
export function shareChildrenOf(run: string, parent: number): readonly number[] {
  return processesOf(run)
    .filter((found) => found.parent === parent && found.command.includes('share-child-main'))
    .map(({ pid }) => pid);
}

/** The renderers of an agent, by the work folder that they run in. */
export function renderersIn(run: string, dataDir: string): readonly FoundProcess[] {
  return processesOf(run).filter(({ folder }) => folder.startsWith(`${dataDir}/work/`));
}

/** False when it is gone already. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function folderOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
