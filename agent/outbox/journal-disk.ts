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
  /** Puts another content in its place: whole, or not at all. */
  replace(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A journal file on the local disk. */
export async function openJournalDisk(path: string): Promise<JournalDisk> {
  const fresh = `${path}.new`;
  // Left by a crash before its rename: it never counted.
  await rm(fresh, { force: true });
  let file = await open(path, 'a+');
  await syncFolder(dirname(path));
  return {
    read: () => readFile(path),
    append: async (text) => {
      await file.appendFile(text);
    },
    sync: () => file.datasync(),
    truncate: (bytes) => file.truncate(bytes),
    async replace(text) {
      const next = await open(fresh, 'w');
      try {
        await next.writeFile(text);
        await next.datasync();
      } finally {
        await next.close();
      }
      await rename(fresh, path);
      await syncFolder(dirname(path));
      await file.close();
      file = await open(path, 'a+');
    },
    close: () => file.close(),
  };
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
