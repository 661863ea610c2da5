import { setTimeout as pause } from 'node:timers/promises';
import { pauseMs } from './backoff.ts';
import { callError, isRetryable } from './call-errors.ts';
import type { Connection } from './connection.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';
import { type Start, tryOnce } from './try-once.ts';

/** A try that has less time than this would only hide what the one before it found. */
const shortestTryMs = 50;

/**
 * A unary call within `callTimeoutMs`: a try that could not reach a controller is followed by another, at the next
 * address, after a pause with full jitter.
 *
 * @throws RenderfarmError as the controller gave it, or `CONTROLLER_UNREACHABLE`
 * @throws the signal's reason
 */
export async function callUnary<Reply, View>(
  connection: Connection,
  settings: ClientSettings,
  { start, decode }: { readonly start: Start<Reply>; readonly decode: (reply: Reply) => View },
  signal: AbortSignal,
): Promise<View> {
  const endsAt = Date.now() + settings.callTimeoutMs;
  for (let failures = 1; ; failures += 1) {
    signal.throwIfAborted();
    const channel = connection.current();
    try {
      return decode(await tryOnce(channel, settings, start, endsAt, signal));
    } catch (thrown) {
      signal.throwIfAborted();
      const error = callError(thrown, channel.address);
      if (!isRetryable(error)) throw error;
      if (error.status !== 'RESOURCE_EXHAUSTED') connection.giveUp(channel, error.leader);
      const waitMs = pauseMs(failures, error, settings);
      if (Date.now() + waitMs + shortestTryMs >= endsAt) throw lastWord(error, settings, failures);
      await pause(waitMs, undefined, { signal });
    }
  }
}

function lastWord(error: RenderfarmError, settings: ClientSettings, tries: number): RenderfarmError {
  if (error.code !== 'CONTROLLER_UNREACHABLE') return error;
  const times = tries === 1 ? '1 try' : `${tries} tries`;
  const message = `no controller answered (${times}, time limit ${settings.callTimeoutMs} ms): ${error.message}`;
  return new RenderfarmError('CONTROLLER_UNREACHABLE', message, {
    status: 'UNAVAILABLE',
    resource: { type: 'controller', name: settings.addresses.join(', ') },
    cause: error,
  });
}
