import { jobStateNames, jobStatusNames, type jobWire } from '../proto/index.ts';
import type { CallControl } from './call-control.ts';
import { decodeJob } from './decode-job.ts';
import { RenderfarmError } from './errors.ts';
import { allPages, type Page } from './pages.ts';
import { present } from './present.ts';
import type { Start } from './try-once.ts';
import type { JobState, JobView, ResultView } from './views.ts';

/** What of the past is asked for. */
export interface PastOptions extends CallControl {
  readonly userId?: string;
  /** Ended then or later. */
  readonly endedFrom?: Date;
  /** Ended before then. */
  readonly endedBefore?: Date;
  /** Entries asked for at a time, 1-1000. @default 50 */
  readonly pageSize?: number;
  /** Ends the iteration. @default No limit. */
  readonly limit?: number;
}

export interface PastJobsOptions extends PastOptions {
  readonly queue?: string;
  /** Of those in which a job has ended. @default All of them. */
  readonly states?: readonly JobState[];
  /** The agent that had it last. */
  readonly agentId?: string;
  /** Part of the channel's name. */
  readonly channelText?: string;
}

type Call = <Reply, View>(
  start: Start<Reply>,
  decode: (reply: Reply) => View,
  control: CallControl,
) => Promise<View>;

/** What has ended, however long ago: a page is asked for when it is needed. */
export class Past {
  readonly #call: Call;

  /** Use `RenderfarmClient.past`. */
  constructor(call: Call) {
    this.#call = call;
  }

  /** Jobs that have ended, newest end first. @throws RenderfarmError `HISTORY_UNAVAILABLE` */
  jobs(options: PastJobsOptions = {}): AsyncGenerator<JobView, void, undefined> {
    const { queue = '', agentId = '', channelText = '', states = [] } = options;
    const wireStates = states.map((state) => jobStateNames.toWire(state));
    return allPages((pageToken) => {
      const request = { ...commonOf(options), pageToken, queue, agentId, channelText, states: wireStates };
      return this.#call<jobWire.ListHistoryResponse, Page<JobView>>(
        ({ jobs }, ...rest) => jobs.listHistory(request, ...rest),
        (reply) => ({ entries: reply.jobs.map(decodeJob), nextPageToken: reply.nextPageToken }),
        options,
      );
    }, options.limit);
  }

  /**
   * Rows of results that the farm keeps itself, newest first.
   * @throws RenderfarmError `RESULTS_ELSEWHERE` where BigQuery has them, `HISTORY_UNAVAILABLE`
   */
  results(options: PastOptions = {}): AsyncGenerator<ResultView, void, undefined> {
    return allPages((pageToken) => {
      const request = { ...commonOf(options), pageToken };
      return this.#call<jobWire.ListResultsResponse, Page<ResultView>>(
        ({ jobs }, ...rest) => jobs.listResults(request, ...rest),
        (reply) => ({ entries: reply.results.map(decodeResult), nextPageToken: reply.nextPageToken }),
        options,
      );
    }, options.limit);
  }
}

function commonOf({ userId = '', pageSize = 50, limit, endedFrom, endedBefore }: PastOptions) {
  return { userId, pageSize: Math.min(pageSize, limit ?? pageSize), endedFrom, endedBefore };
}

function decodeResult(row: jobWire.ResultRow): ResultView {
  if (row.timestamp === undefined) {
    throw new RenderfarmError('UNEXPECTED_REPLY', 'the controller sent a row of results without its time');
  }
  return {
    jobId: row.jobId,
    username: row.username,
    channelName: row.channelName,
    timestamp: row.timestamp,
    videoCount: row.videoCount,
    ...present('totalDurationS', row.totalDuration),
    ...present('outputPath', row.outputPath),
    ...present('workerId', row.workerId),
    featuresUsed: row.featuresUsed,
    ...present('processingTimeS', row.processingTime),
    status: jobStatusNames.fromWire(row.status, 'status'),
  };
}
