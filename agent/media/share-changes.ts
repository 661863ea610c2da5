/**
 * The small operations of publishing, as the share child does them: make, look, rename, remove. They block on a hung
 * mount like any other.
 */
import { lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { assertInsideMount } from './inside-mount.ts';
import { writeIdentity } from './share-identity.ts';
import type {
  Done,
  Looked,
  LookRequest,
  MakeStagingRequest,
  RemoveRequest,
  RenameRequest,
  ThinRequest,
} from './share-protocol.ts';

const done: Done = {};

export async function makeStaging(request: MakeStagingRequest): Promise<Done> {
  const { path, mountPath, shareIdFile, shareId } = request;
  await lstat(mountPath);
  // Somebody may have put a link in the way: nothing is made where it leads.
  await assertInsideMount(await nearestThere(path), mountPath);
  await mkdir(path, { recursive: true });
  await writeIdentity(join(dirname(path), shareIdFile), shareId);
  return done;
}

export async function look({ path }: LookRequest): Promise<Looked> {
  const isThere = await lstat(path).then(() => true, unless('ENOENT'));
  return { isThere: isThere ?? false };
}

export async function move({ from, to }: RenameRequest): Promise<Done> {
  await rename(from, to);
  await syncFolder(dirname(to));
  return done;
}

export async function remove({ path, parentName }: RemoveRequest): Promise<Done> {
  const parent = await realpath(dirname(path)).catch(unless('ENOENT'));
  if (parent === undefined) return done;
  if (basename(parent) !== parentName) throw new Error(`${path} is a link to ${parent}; nothing is removed`);
  await rm(path, { recursive: true, force: true });
  return done;
}

export async function thin({ folder, prefix, keep }: ThinRequest): Promise<Done> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  if (names.length <= keep) return done;
  const found: { readonly path: string; readonly changedMs: number }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    // Another agent may be thinning it too.
    const facts = await lstat(path).catch(unless('ENOENT'));
    if (facts?.isDirectory() === true) found.push({ path, changedMs: facts.mtimeMs });
  }
  found.sort((a, b) => b.changedMs - a.changedMs);
  for (const { path } of found.slice(keep)) await rm(path, { recursive: true, force: true });
  return done;
}

/** The folder itself, or the nearest one above it that is there. The mount point is there, so that it ends. */
async function nearestThere(path: string): Promise<string> {
  const found = await lstat(path).catch(unless('ENOENT'));
  return found === undefined ? await nearestThere(dirname(path)) : path;
}

/** Best effort: network file systems and Windows have no fsync of folders. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === code)) throw error;
    return undefined;
  };
}
