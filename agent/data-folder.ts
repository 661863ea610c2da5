import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { emptyWorkFolder } from './attempt/attempts.ts';
import type { KeptWork } from './attempt/kept-work.ts';
import { openKeptWork } from './attempt/kept-work.ts';
import { attemptFolderName } from './attempt/log-folder.ts';
import { closeStrayLogs } from './attempt/stray-logs.ts';
import type { AgentConfig } from './config.ts';
import type { Input } from './core/inputs.ts';
import { prepareDataDir } from './host/data-dir.ts';
import type { Outbox } from './outbox/outbox.ts';
import { openOutbox } from './outbox/outbox.ts';

export interface DataFolder {
  readonly outbox: Outbox;
  readonly keptWork: KeptWork;
}

export interface DataFolderOptions {
  readonly input: (input: Input) => void;
  readonly onTrouble: (message: string, error?: unknown) => void;
  readonly onClose: (closer: () => Promise<unknown> | undefined) => void;
}

/** Where the work folders of failed attempts are kept. */
export function keptWorkFolder({ dataDir }: Pick<AgentConfig, 'dataDir'>): string {
  return join(dataDir, 'failed');
}

/** Where Node keeps what it made of the sources of share children: code that runs, so nowhere that others may write. */
export function compileCacheFolder({ dataDir }: Pick<AgentConfig, 'dataDir'>): string {
  return join(dataDir, 'compiled');
}

/**
 * First of all the journal: its lock keeps a second agent away from everything else here. Then what an earlier process
 * has left half-done goes, or is kept where its job asks for it.
 */
export async function openDataFolder(
  config: Pick<AgentConfig, 'dataDir' | 'keepFailed'>,
  { input, onTrouble, onClose }: DataFolderOptions,
): Promise<DataFolder> {
  const { dataDir } = config;
  const folder = (name: string): string => join(dataDir, name);
  await prepareDataDir(dataDir);
  await mkdir(folder('logs'), { recursive: true });
  const outbox = await openOutbox({
    folder: folder('journal'),
    onRoom: (ok) => input({ type: 'journal-room', ok }),
    onTrouble,
  });
  onClose(() => outbox.close());
  const keptWork = openKeptWork(keptWorkFolder(config), config.keepFailed, onTrouble);
  const dead = deadToKeep(outbox);
  await emptyWorkFolder(folder('work'), folder('processes'), onTrouble, async (name) => {
    const place = dead.has(name) ? await keptWork.keep(join(folder('work'), name), name) : undefined;
    if (place !== undefined) onTrouble(`the work folder of an attempt that died is kept: ${place}`);
    return place !== undefined;
  });
  await removeParts(dataDir);
  await closeStrayLogs(folder('logs'), heldOf(outbox));
  return { outbox, keptWork };
}

/** Work folders of attempts that died with their agent, and whose jobs want them kept. */
function deadToKeep({ found }: Outbox): ReadonlySet<string> {
  const wished = [...found.attempts.values()].filter(({ assign }) => assign.job.options?.keepFailed === true);
  return new Set(wished.map(({ assign, startedAs = assign.ref }) => attemptFolderName(startedAs)));
}

function heldOf({ found }: Outbox) {
  return [...found.attempts.values()].map(({ assign, startedAs = assign.ref }) => ({ startedAs }));
}

/** Small files are written whole under such a name first. Caches and work folders have their own places for them. */
async function removeParts(dataDir: string): Promise<void> {
  const contents = join(dataDir, 'cache', 'sources', 'objects');
  const folders = (await readdir(contents).catch(() => [])).map((name) => join(contents, name));
  for (const folder of [dataDir, ...folders]) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
  }
}
