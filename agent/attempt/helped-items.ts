import type { AssignItem, ItemRef } from '../../proto/index.ts';
import type { ItemReport } from '../core/inputs.ts';
import { itemKey } from '../core/items.ts';
import { itemRoomKey } from '../core/scratch.ts';
import { runItem } from './item-run.ts';
import type { AttemptServices } from './services.ts';

/** Items of other agents' jobs that are rendered here. */
export interface HelpedItems {
  /** Begins at once; what became of it is reported once, when nothing of it runs any more. */
  start(assign: AssignItem, gpuIndex?: number): void;
  /** Ends its process tree at once. */
  stop(item: ItemRef, reason: string): void;
  /** Resolves when those that were stopped have ended: an encoder's session must be free before the next one opens. */
  stoppedEnded(): Promise<void>;
  /** A job needs their room: stops all. Says whether there was one; resolves when they have ended. */
  giveWay(): Promise<boolean>;
  stopAll(): Promise<void>;
}

interface Running {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export function createHelpedItems(
  services: AttemptServices,
  report: (item: ItemRef, report: ItemReport) => void,
): HelpedItems {
  const running = new Map<string, Running>();
  const stopAll = async (reason: string): Promise<boolean> => {
    const all = [...running.values()];
    for (const { abort } of all) abort.abort(new Error(reason));
    await Promise.all(all.map(({ done }) => done));
    return all.length > 0;
  };
  const scratchOf = ({ item, job }: AssignItem) =>
    services.scratch.open({ ref: { ...item.ref, jobId: itemRoomKey(item) }, job }, { isHelp: true });

  return {
    start(assign, gpuIndex) {
      const abort = new AbortController();
      const key = itemKey(assign.item);
      const gpu = gpuIndex === undefined ? {} : { gpuIndex };
      const done = runItem({
        assign,
        services,
        scratch: scratchOf(assign),
        signal: abort.signal,
        ...gpu,
      }).then((words) => {
        running.delete(key);
        report(assign.item, words);
      });
      running.set(key, { abort, done });
    },
    stop: (item, reason) => running.get(itemKey(item))?.abort.abort(new Error(reason)),
    async stoppedEnded() {
      const stopped = [...running.values()].filter(({ abort }) => abort.signal.aborted);
      await Promise.all(stopped.map(({ done }) => done));
    },
    giveWay: () => stopAll('a job needs the room on this disk'),
    async stopAll() {
      await stopAll('the agent stops');
    },
  };
}
