import type { FileHandle } from 'node:fs/promises';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The few things that the journal asks of a disk. The fake of the tests is full when it is told to be. */
export interface JournalDisk {
  /** The whole file; empty when there is none. */
  read(): Promise<Uint8Array>;
  /** Adds to the end; after a failure the file may hold a part of it. */
  append(text: string): Promise<void>;
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** Puts another content in its place: whole, or not at all; after a failure it may be either. */
  replace(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A journal file on the local disk. */
export async function openJournalDisk(path: string): Promise<JournalDisk> {
  const fresh = `${path}.new`;
  // Left by a crash before its rename: it never counted.
  await rm(fresh, { force: true });
  let file: FileHandle | undefined = await open(path, 'a+');
  await syncFolder(dirname(path));
  const current = async (): Promise<FileHandle> => (file ??= await open(path, 'a+'));
  const letGo = async (): Promise<void> => {
    const old = file;
    file = undefined;
    await old?.close();
  };
  return {
    read: () => readFile(path),
    append: async (text) => {
      await (await current()).appendFile(text);
    },
    sync: async () => (await current()).datasync(),
    truncate: async (bytes) => (await current()).truncate(bytes),
    async replace(text) {
      await writeFresh(fresh, text);
      // Before the rename: whatever is added to a file without a name is lost.
      await letGo();
      await rename(fresh, path);
      await syncFolder(dirname(path));
    },
    close: letGo,
  };
}

/** A half that stays would take the room that the next try needs. */
async function writeFresh(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'w');
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** A new name is durable only when its folder is; Windows has no such thing as a folder's fsync. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
