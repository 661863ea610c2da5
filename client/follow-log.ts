import { jobLogFiles, type jobWire } from '../proto/index.ts';
import { AddressTurn } from './address-turn.ts';
import { callError, isRetryable } from './call-errors.ts';
import { callMetadata, type OpenChannel, openChannel, untilSettled } from './channel.ts';
import { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';
import { Patience } from './patience.ts';
import { untilReopening } from './reopening.ts';

/** The files of a job's log folder. */
export type JobLogFile = 'job.log' | 'ffmpeg_cmd.txt' | 'ffmpeg_stderr.txt';

/** What to read of a job's log. */
export interface LogOptions {
  /** @default job.log */
  readonly file?: JobLogFile;
  /** Only what this attempt wrote. @default All of job.log, the newest attempt of other files. */
  readonly attempt?: number;
  /** Begins this many lines before the end, at most 100,000. @default From the beginning. */
  readonly tailLines?: number;
  /** Goes on until the job has ended and its log is whole; later attempts come too. @default false */
  readonly follow?: boolean;
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told when the connection is lost and will be tried again. */
  readonly onInterruption?: (error: RenderfarmError) => void;
}

/** A piece of a log, not cut at characters. */
export interface LogPiece {
  readonly data: Uint8Array;
  /** Whose file it is; 0: job.log of all attempts. */
  readonly attempt: number;
  /** Of the first byte, in that file. */
  readonly offsetBytes: number;
  /** The controller that leads now has the log from its beginning only: what follows has partly been read before. */
  readonly beginsAnew: boolean;
}

/** Where a log is gone on with after an interruption. */
interface Place {
  attempt: number;
  offsetBytes: number;
  hasBegun: boolean;
  beginsAnew: boolean;
}

/**
 * The bytes of a log, in order. Survives restarts and takeovers: it goes on at the byte where it stood. A controller that
 * has less of the log than was read (it took over, and has a logs folder of its own) begins it anew.
 */
export async function* followLog(
  settings: ClientSettings,
  jobId: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogPiece, void, undefined> {
  const place: Place = { attempt: 0, offsetBytes: 0, hasBegun: false, beginsAnew: false };
  const patience = new Patience(settings);
  const turn = new AddressTurn(settings);
  const reopening = { turn, patience, onInterruption: options.onInterruption, signal };
  for (;;) {
    const channel = openChannel(turn.address, settings);
    const openedMs = Date.now();
    let failure: RenderfarmError;
    try {
      for await (const piece of oneStream(
        channel,
        settings,
        requestOf(jobId, options, place),
        place,
        signal,
      )) {
        patience.served();
        if (piece === 'end') return;
        yield piece;
      }
      failure = new RenderfarmError('CONTROLLER_UNREACHABLE', `${channel.address} ended the log`, {
        status: 'UNAVAILABLE',
        resource: { type: 'controller', name: channel.address },
      });
    } catch (thrown) {
      signal.throwIfAborted();
      failure = callError(thrown, channel.address);
    } finally {
      channel.close();
    }
    if (failure.code === 'LOG_OFFSET' && place.hasBegun) {
      Object.assign(place, { attempt: 0, offsetBytes: 0, hasBegun: false, beginsAnew: true });
      continue;
    }
    if (!isRetryable(failure) && failure.code !== 'WATCHER_TOO_SLOW') throw failure;
    await untilReopening(reopening, failure, place.hasBegun ? Date.now() - openedMs : 0);
  }
}

function requestOf(jobId: string, options: LogOptions, place: Place): jobWire.FollowLogRequest {
  const { file = 'job.log', attempt = 0, tailLines = 0, follow = false } = options;
  return {
    jobId,
    file: jobLogFiles.toWire(file),
    attempt,
    offsetBytes: place.offsetBytes,
    offsetAttempt: place.hasBegun ? place.attempt : 0,
    tailLines: place.hasBegun || place.beginsAnew ? 0 : tailLines,
    follow,
  };
}

async function* oneStream(
  channel: OpenChannel,
  settings: ClientSettings,
  request: jobWire.FollowLogRequest,
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<LogPiece | 'end', void, undefined> {
  signal.throwIfAborted();
  await untilSettled(channel, settings.connectTimeoutMs);
  signal.throwIfAborted();
  const call = channel.jobs.followLog(request, callMetadata(settings));
  // The iterator reports errors; this one hears those that come after it was left.
  call.on('error', () => undefined);
  const onAbort = () => call.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const message of call as AsyncIterable<jobWire.FollowLogResponse>) {
      if (message.isLast) {
        yield 'end';
        return;
      }
      const { data, attempt, offsetBytes } = message;
      const piece = { data, attempt, offsetBytes, beginsAnew: place.beginsAnew };
      Object.assign(place, { attempt, offsetBytes: offsetBytes + data.length, hasBegun: true });
      if (data.length === 0) continue;
      place.beginsAnew = false;
      yield piece;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    call.cancel();
  }
}
