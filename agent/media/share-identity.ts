/**
 * `.renderfarm/share-id`: a random word that says which share this is. Guarantee: it is there whole or not at all, and
 * once it is there nobody changes it, however many agents begin at the same time.
 */
import { link, open, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identified, ReadIdentityRequest } from './share-protocol.ts';

/** The folder of an output folder that holds all staging folders, and the share's identity. */
export const stagingRoot = '.renderfarm';
export const shareIdFile = 'share-id';

/** Where the identity of the share of an output folder is. */
export function shareIdPath(outputFolder: string): string {
  return join(outputFolder, stagingRoot, shareIdFile);
}

/** Ours have 36 characters; anything else in the file is damage, and no identity. */
const identityPattern = /^[A-Za-z0-9._-]{8,64}$/u;

/** Writes the identity of a share unless it has one. */
export async function writeIdentity(path: string, identity: string): Promise<void> {
  if ((await readIdentity({ op: 'read-identity', path })).identity !== undefined) return;
  const fresh = `${path}.${identity}`;
  await writeFile(fresh, `${identity}\n`, { flush: true });
  try {
    // A link under that name comes into being whole, and only where there is none.
    await link(fresh, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') await writeWithoutLinks(path, identity);
  } finally {
    await unlink(fresh);
  }
}

/** Rejects with the file system's error; a file that is not written yet, or damaged, is no identity. */
export async function readIdentity({ path }: ReadIdentityRequest): Promise<Identified> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    throw error;
  }
  const identity = text.trim();
  return identityPattern.test(identity) ? { identity } : {};
}

/** Some mounts have no links. The name is still taken once only; a reader may see the file before its word. */
async function writeWithoutLinks(path: string, identity: string): Promise<void> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(`${identity}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
