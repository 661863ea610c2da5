import { type FSWatcher, watch } from 'node:fs';
import type { ChaosFarm } from './farm.ts';
import { pause } from './later.ts';
import type { Moments } from './moments.ts';
import { appendFolder } from './redis-process.ts';

/** Says when the store's file grows: a commit is under way, or has just been made. Returns what stops it. */
export function watchCommits(farm: ChaosFarm, moments: Moments): () => void {
  const folder = farm.redis === undefined ? farm.layout.controllerData : appendFolder(farm.redisFolder);
  const stopped = new AbortController();
  let watcher: FSWatcher | undefined;
  const open = async (): Promise<void> => {
    while (!stopped.signal.aborted && watcher === undefined) {
      try {
        watcher = watch(folder, (_event, name) => {
          if (name?.endsWith('-wal') === true || name?.endsWith('.aof') === true)
            moments.saw({ name: 'committing' });
        });
        watcher.on('error', () => undefined);
      } catch {
        // Redis has not made its folder yet.
        await pause(100, stopped.signal);
      }
    }
  };
  void open();
  return () => {
    stopped.abort();
    watcher?.close();
  };
}
