import { setTimeout as delay } from 'node:timers/promises';

/** Runs it later; keeps nothing alive for it. */
export function afterMs(ms: number, work: () => void): void {
  setTimeout(work, ms).unref();
}

/** Waits; ends sooner, without an error, when the signal does. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** Looks again and again until it is true. False when the time is over, or the signal has ended it. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  limitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline && signal?.aborted !== true) {
    if (await isTrue()) return true;
    await pause(100, signal);
  }
  return await isTrue();
}
