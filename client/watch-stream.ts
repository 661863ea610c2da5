import { connectivityState } from '@grpc/grpc-js';
import type { jobWire } from '../proto/index.ts';
import { callError } from './call-errors.ts';
import { callMetadata, type OpenChannel, untilSettled } from './channel.ts';
import { decodeChange, decodeDetails } from './decode-job.ts';
import type { ClientSettings } from './options.ts';
import { tryOnce } from './try-once.ts';
import type { JobChange } from './views.ts';
import type { WatchMemory } from './watch-memory.ts';

/** When (Unix ms) the stream's connection stood; absent where it never did. */
export interface StreamTimes {
  stoodAtMs?: number;
}

interface StreamContext {
  readonly channel: OpenChannel;
  readonly request: jobWire.WatchJobsRequest;
  readonly settings: ClientSettings;
  readonly memory: WatchMemory;
  readonly times: StreamTimes;
  readonly signal: AbortSignal;
}

/** The changes of one call of WatchJobs, and before them what was missed while there was none. */
export async function* watchStream(context: StreamContext): AsyncGenerator<JobChange, void, undefined> {
  const { channel, request, settings, memory, times, signal } = context;
  signal.throwIfAborted();
  await untilSettled(channel, settings.connectTimeoutMs);
  signal.throwIfAborted();
  if (channel.jobs.getChannel().getConnectivityState(false) === connectivityState.READY) {
    times.stoodAtMs = Date.now();
  }
  const call = channel.jobs.watchJobs(request, callMetadata(settings));
  // The iterator reports errors; this one hears those that come after it was left.
  call.on('error', () => undefined);
  const onAbort = () => call.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<jobWire.WatchJobsResponse>;
  try {
    const first = messages.next();
    // Awaited below; until then a failure has nobody else to hear it.
    first.catch(() => undefined);
    if (request.jobIds.length === 0 && request.resumeToken === '') yield* missed(context);
    for (let result = await first; result.done !== true; result = await messages.next()) {
      const change = decodeChange(result.value);
      memory.resumeToken = result.value.resumeToken;
      yield change;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    call.cancel();
  }
}

/**
 * The present state of every job that was open when the last stream broke: one that has ended since may be no longer
 * among those that the controller sends first. Asked on the watch's own connection, after the watch, so that a job
 * that ends between is reported by the watch.
 */
async function* missed({ channel, settings, memory, signal }: StreamContext): AsyncGenerator<JobChange> {
  for (const jobId of memory.openJobIds) {
    const endsAt = Date.now() + settings.tryTimeoutMs;
    try {
      const reply = await tryOnce<jobWire.GetJobResponse>(
        channel,
        settings,
        ({ jobs }, ...rest) => jobs.getJob({ jobId }, ...rest),
        endsAt,
        signal,
      );
      yield { job: decodeDetails(reply).job, news: [] };
    } catch (thrown) {
      if (callError(thrown, channel.address).status !== 'NOT_FOUND') throw thrown;
      memory.forget(jobId);
    }
  }
}
