import { stat } from 'node:fs/promises';

/** Its bytes stay on the disk when it is removed: the file has another name too. False where it is gone. */
export async function isLinkedElsewhere(path: string): Promise<boolean> {
  return ((await stat(path).catch(() => undefined))?.nlink ?? 1) > 1;
}
