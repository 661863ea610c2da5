import { opendir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { pathFault } from '../domain/path-rules.ts';
import type { CatalogFolderSettings } from '../domain/settings.ts';
import { CatalogUnavailable } from './catalog.ts';

/** Files that FFmpeg takes for videos; anything else in the folder is none of ours. */
const videoExtensions = new Set(
  'mp4 mov mkv avi webm m4v mpg mpeg ts mts m2ts wmv flv mxf'.split(' ').map((word) => `.${word}`),
);

export interface FolderScan {
  /** UNC path by id. */
  readonly paths: ReadonlyMap<string, string>;
  /** Ids of more than one file, with their paths: which one is meant, nobody can say. */
  readonly twice: ReadonlyMap<string, readonly string[]>;
  /** Files that no agent could open by their name. */
  readonly unusable: number;
  /** Folders that lie too deep. */
  readonly tooDeep: number;
}

/**
 * Every video below a folder: its id is its name without the extension. Links are not followed, and what begins with a
 * dot is left out.
 * @throws CatalogUnavailable where it cannot be read to its end, or has no video at all: a share that is not mounted
 *   looks so; the signal's reason
 */
export async function scanFolder(
  { path, root, filesMax, depthMax }: CatalogFolderSettings,
  signal: AbortSignal,
): Promise<FolderScan> {
  const scan = {
    paths: new Map<string, string>(),
    twice: new Map<string, string[]>(),
    unusable: 0,
    tooDeep: 0,
  };
  const left: (readonly string[])[] = [[]];
  let seen = 0;
  for (let names = left.pop(); names !== undefined; names = left.pop()) {
    for await (const entry of openFolder(path, names)) {
      signal.throwIfAborted();
      // Names of whatever kind: a folder of a million text files takes as long to read.
      seen += 1;
      if (seen > filesMax) throw new CatalogUnavailable(`The folder ${path} has more than ${filesMax} names`);
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) {
        if (names.length < depthMax) left.push([...names, entry.name]);
        else scan.tooDeep += 1;
      } else if (entry.isFile() && videoExtensions.has(extname(entry.name).toLowerCase())) {
        addFile(scan, [root, ...names, entry.name].join('\\'), entry.name);
      }
    }
  }
  if (scan.paths.size === 0 && scan.twice.size === 0) {
    throw new CatalogUnavailable(`The folder ${path} has no video in it: is its share mounted?`);
  }
  return scan;
}

async function* openFolder(path: string, names: readonly string[]) {
  const folder = join(path, ...names);
  try {
    for await (const entry of await opendir(folder)) yield entry;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CatalogUnavailable(`The folder ${folder} cannot be read: ${reason}`, error);
  }
}

function addFile(
  scan: { readonly paths: Map<string, string>; readonly twice: Map<string, string[]>; unusable: number },
  path: string,
  name: string,
): void {
  if (pathFault(path) !== undefined) {
    scan.unusable += 1;
    return;
  }
  const id = idOf(name);
  const other = scan.paths.get(id);
  const others = scan.twice.get(id) ?? (other === undefined ? undefined : [other]);
  if (others === undefined) {
    scan.paths.set(id, path);
    return;
  }
  scan.paths.delete(id);
  others.push(path);
  scan.twice.set(id, others);
}

/** One spelling of letters that have two: a Mac writes other bytes for an umlaut than a web form does. */
function idOf(name: string): string {
  return name.slice(0, -extname(name).length).normalize('NFC');
}
