import type { Destination, OutboxItem } from '../outbox/destination.ts';
import { type Directory, unknownName } from './directory.ts';

/**
 * A destination that hears the name of a user also where nobody knew it when the job was submitted. The job itself
 * keeps what it has: its log stands under it.
 */
export function withLateNames(destination: Destination, directory: Directory): Destination {
  return {
    name: destination.name,
    itemsMax: destination.itemsMax,
    deliver: async (items, signal) => {
      const named = await Promise.all(items.map((item) => withName(item, directory, signal)));
      return await destination.deliver(named, signal);
    },
    close: async () => await destination.close?.(),
  };
}

async function withName(item: OutboxItem, directory: Directory, signal: AbortSignal): Promise<OutboxItem> {
  const { job } = item;
  if (job.username !== unknownName) return item;
  return { ...item, job: { ...job, username: await directory.username(job.userId, signal) } };
}
