import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A small file of the data folder that is written in the background, one time after the other. */
export interface KeptFile {
  /** What is written is whole or not there; what cannot be written is told. */
  write(text: string): void;
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

export function openKeptFile(path: string, onTrouble: (message: string, error: unknown) => void): KeptFile {
  let writing: Promise<void> = Promise.resolve();
  return {
    write(text) {
      writing = writing
        .then(() => writeWhole(path, text))
        .catch((error: unknown) => onTrouble(`${path} could not be written`, error));
    },
    settled: () => writing,
  };
}

/** Writes it whole or not at all, into a folder that is made for it. Callers write one after another. Rejects with what the disk says. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, text, { flush: true });
  await rename(part, path);
}
