import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type LivesOptions, livesPerSecond } from './lives.ts';

/**
 * Jobs a second of BullMQ on the same Redis, as it is: jobs that do nothing, added as ours are (so many in flight), taken
 * by so many consumers (the concurrency of one worker, as its documentation advises).
 */
export async function bullmqLives(socket: string, consumers: number, options: LivesOptions): Promise<number> {
  const connect = (): Redis => new Redis({ path: socket, maxRetriesPerRequest: null });
  const [forQueue, forWorker] = [connect(), connect()];
  const name = `bench-${consumers}-${Date.now()}`;
  const queue = new Queue(name, { connection: forQueue, defaultJobOptions: { removeOnComplete: 1_000 } });
  const worker = new Worker(name, () => Promise.resolve(1), {
    connection: forWorker,
    concurrency: consumers,
  });
  try {
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
    return await livesPerSecond(options, {
      submit: () => queue.add('job', { path: '\\\\farm\\Clips\\nothing.mp4' }),
      listen: (listener) => worker.on('completed', listener),
    });
  } finally {
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    forQueue.disconnect();
    forWorker.disconnect();
  }
}
