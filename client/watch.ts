import { AddressTurn } from './address-turn.ts';
import { callError, isRetryable } from './call-errors.ts';
import { openChannel } from './channel.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';
import { Patience } from './patience.ts';
import { untilReopening } from './reopening.ts';
import type { JobChange } from './views.ts';
import { WatchMemory } from './watch-memory.ts';
import { type StreamTimes, watchStream } from './watch-stream.ts';

/** What to watch. */
export interface WatchOptions {
  /** At most 1,000. @default All jobs. */
  readonly jobIds?: readonly string[];
  /** Only jobs of this user. @default Those of everybody. */
  readonly userId?: string;
  /** The iteration ends when every job that is named has ended. @default true, where jobs are named */
  readonly untilEnded?: boolean;
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told when the connection is lost and will be tried again: for people, nothing needs to be done. */
  readonly onInterruption?: (error: RenderfarmError) => void;
}

/**
 * Follows jobs over a connection of its own, across restarts of the controller: with the token of the last message
 * where the controller can go on from it, otherwise from the present state, after asking for every job that was open
 * when the connection broke. So the end of a job that was seen once, or named, is always reported; states between may
 * be skipped or repeated. A job that is submitted and ends while no controller can be reached appears in no unnamed
 * watch: `list` has it.
 */
export async function* watchJobs(
  settings: ClientSettings,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<JobChange, void, undefined> {
  const jobIds = [...new Set(options.jobIds ?? [])];
  const untilEnded = jobIds.length > 0 && (options.untilEnded ?? true);
  const memory = new WatchMemory(untilEnded ? jobIds : []);
  const patience = new Patience(settings);
  const turn = new AddressTurn(settings);
  const reopening = { turn, patience, onInterruption: options.onInterruption, signal };
  for (;;) {
    const times: StreamTimes = {};
    const channel = openChannel(turn.address, settings);
    let failure: RenderfarmError;
    try {
      const request = { jobIds, userId: options.userId ?? '', resumeToken: memory.resumeToken, untilEnded };
      for await (const change of watchStream({ channel, request, settings, memory, times, signal })) {
        patience.served();
        if (memory.take(change)) yield change;
        if (memory.isComplete) return;
      }
      failure = endedEarly(channel.address);
    } catch (thrown) {
      signal.throwIfAborted();
      failure = callError(thrown, channel.address);
    } finally {
      channel.close();
    }
    if (failure.status === 'OUT_OF_RANGE' && memory.resumeToken !== '') {
      memory.resumeToken = '';
      continue;
    }
    if (!isWorthReopening(failure)) throw failure;
    const lastedMs = times.stoodAtMs === undefined ? 0 : Date.now() - times.stoodAtMs;
    await untilReopening(reopening, failure, lastedMs);
  }
}

function endedEarly(address: string): RenderfarmError {
  return new RenderfarmError('CONTROLLER_UNREACHABLE', `${address} ended the watch`, {
    status: 'UNAVAILABLE',
    resource: { type: 'controller', name: address },
  });
}

/** ABORTED: we read too slowly; the present state is what counts anyway. */
function isWorthReopening(failure: RenderfarmError): boolean {
  return isRetryable(failure) || failure.status === 'ABORTED' || failure.status === 'RESOURCE_EXHAUSTED';
}
