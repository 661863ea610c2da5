import type { PastJobsOptions, PastOptions } from '../../past.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { JobState, JobView, ResultView } from '../../views.ts';
import { type Cell, csvLine } from '../csv.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { timeText } from '../format.ts';
import { jsonLine, shownJson } from '../json-lines.ts';
import { tableLines } from '../table.ts';
import { say, sayInTime, type Terminal } from '../terminal.ts';

export interface ExportCommandOptions {
  readonly format: 'csv' | 'jsonl';
  readonly user?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly limit?: number;
}

export interface HistoryCommandOptions extends Omit<ExportCommandOptions, 'format'> {
  readonly queue?: string;
  readonly state?: readonly JobState[];
  readonly agent?: string;
  readonly channel?: string;
}

/** Jobs that have ended. */
export async function history(
  client: RenderfarmClient,
  terminal: Terminal,
  options: HistoryCommandOptions,
): Promise<ExitCode> {
  const { queue, state, agent, channel, limit = 50 } = options;
  const filters: PastJobsOptions = {
    ...common(options, terminal),
    ...(queue !== undefined && { queue }),
    ...(state !== undefined && { states: state }),
    ...(agent !== undefined && { agentId: agent }),
    ...(channel !== undefined && { channelText: channel }),
    limit,
  };
  const jobs: JobView[] = [];
  for await (const job of client.past.jobs(filters)) {
    if (terminal.json) say(terminal, jsonLine(job));
    else jobs.push(job);
  }
  if (!terminal.json) for (const line of historyTable(jobs)) say(terminal, line);
  return exitCodes.ok;
}

/** All that has ended, a line each: read page by page, and written as fast as it is read. */
export async function exportPast(
  client: RenderfarmClient,
  terminal: Terminal,
  what: 'history' | 'results',
  options: ExportCommandOptions,
): Promise<ExitCode> {
  const { limit } = options;
  const filters = { ...common(options, terminal), pageSize: 500, ...(limit !== undefined && { limit }) };
  const rows =
    what === 'history'
      ? mapped(client.past.jobs(filters), jobColumns)
      : mapped(client.past.results(filters), resultColumns);
  const columns = what === 'history' ? historyColumns : resultsColumns;
  if (options.format === 'csv') await sayInTime(terminal, csvLine(columns));
  for await (const row of rows) {
    const cells = columns.map((name) => row[name] ?? null);
    await sayInTime(terminal, options.format === 'csv' ? csvLine(cells) : shownJson(row));
  }
  return exitCodes.ok;
}

type Row = Readonly<Record<string, Cell>>;

async function* mapped<T>(from: AsyncIterable<T>, columnsOf: (entry: T) => Row): AsyncGenerator<Row> {
  for await (const entry of from) yield columnsOf(entry);
}

function common(
  { user, since, until }: Omit<ExportCommandOptions, 'format'>,
  { signal }: Terminal,
): PastOptions {
  return {
    ...(user !== undefined && { userId: user }),
    ...(since !== undefined && { endedFrom: since }),
    ...(until !== undefined && { endedBefore: until }),
    signal,
  };
}

function historyTable(jobs: readonly JobView[]): readonly string[] {
  return tableLines(
    ['JOB', 'USER', 'CHANNEL', 'QUEUE', 'STATE', 'AGENT', 'TRIES', 'ENDED'],
    jobs.map((job) => [
      job.jobId,
      job.userId,
      job.channelName,
      job.queue,
      job.state,
      job.agentId ?? '',
      String(job.attemptCount),
      job.endedAt === undefined ? '' : timeText(job.endedAt),
    ]),
  );
}

const historyColumns = [
  'job_id',
  'user_id',
  'channel_name',
  'enable_4k',
  'status',
  'state',
  'queue_name',
  'priority',
  'worker_id',
  'attempts',
  'item_count',
  'video_count',
  'created_at',
  'started_at',
  'completed_at',
  'output_path',
  'final_duration',
  'features_used',
  'error_message',
];

/** Under the names that the `jobs` table has for them. */
function jobColumns(job: JobView): Row {
  return {
    job_id: job.jobId,
    user_id: job.userId,
    channel_name: job.channelName,
    enable_4k: job.enable4k,
    status: job.status,
    state: job.state,
    queue_name: job.queue,
    priority: job.priority,
    worker_id: job.agentId ?? null,
    attempts: job.attemptCount,
    item_count: job.itemCount,
    video_count: job.videoCount,
    created_at: job.submittedAt,
    started_at: job.startedAt ?? null,
    completed_at: job.endedAt ?? null,
    output_path: job.outputPath ?? null,
    final_duration: job.finalDurationMs === undefined ? null : job.finalDurationMs / 1_000,
    features_used: job.featuresUsed,
    error_message: job.errorMessage ?? null,
  };
}

const resultsColumns = [
  'job_id',
  'username',
  'channel_name',
  'timestamp',
  'video_count',
  'total_duration',
  'output_path',
  'worker_id',
  'features_used',
  'processing_time',
  'status',
];

/** As BigQuery has them. */
function resultColumns(row: ResultView): Row {
  return {
    job_id: row.jobId,
    username: row.username,
    channel_name: row.channelName,
    timestamp: row.timestamp,
    video_count: row.videoCount,
    total_duration: row.totalDurationS ?? null,
    output_path: row.outputPath ?? null,
    worker_id: row.workerId ?? null,
    features_used: row.featuresUsed,
    processing_time: row.processingTimeS ?? null,
    status: row.status,
  };
}
