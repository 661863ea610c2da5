import assert from 'node:assert/strict';
import { RestError, type SentParameter } from './bigquery-words.ts';

/** Why a job failed: `status.errorResult`. */
export interface JobFailure {
  readonly reason: string;
  readonly message: string;
}

/** What a job of the test is to do. */
export interface JobPlan {
  /** Looks at it that still find it running. @default 0 */
  readonly looks?: number;
  /** It fails in the end, and changes nothing. */
  readonly failure?: JobFailure;
  /** The connection ends before its begin is answered. */
  readonly lost?: boolean;
}

export interface SentJob {
  readonly jobId: string;
  readonly project: string;
  readonly location?: string;
  readonly query: string;
  readonly parameters: readonly SentParameter[];
}

interface Job extends SentJob {
  readonly failure?: JobFailure;
  looksLeft: number;
  state: 'RUNNING' | 'DONE';
  /** The row that it will insert; undefined: it saw it there when it began. */
  readonly row: ResultTableRow | undefined;
}

export type ResultTableRow = Readonly<Record<string, unknown>>;

/** The columns that the table of results has, with their types. */
const columns: Readonly<Record<string, string>> = {
  job_id: 'STRING',
  username: 'STRING',
  channel_name: 'STRING',
  timestamp: 'TIMESTAMP',
  video_count: 'INT64',
  total_duration: 'FLOAT64',
  output_path: 'STRING',
  worker_id: 'STRING',
  features_used: 'ARRAY<STRING>',
  processing_time: 'FLOAT64',
  status: 'STRING',
};

/**
 * Query jobs with ids of the caller's, and the one table that their MERGEs insert into. As in BigQuery a MERGE sees the
 * table as it was when it began, and two that only insert never get in each other's way.
 */
export class BigQueryJobs {
  readonly sent: SentJob[] = [];
  readonly rows: ResultTableRow[] = [];
  /** What becomes of the next job that is begun. */
  plan: (job: SentJob) => JobPlan = () => ({});
  /** Where the dataset lies: a job elsewhere is not found without naming it. */
  location = 'US';
  readonly #jobs = new Map<string, Job>();

  /** `jobs.insert`; `lost`: it was taken, and nobody hears of it. */
  insert(project: string, body: unknown): object | 'lost' {
    const { configuration, jobReference } = body as {
      readonly configuration: {
        readonly query: {
          readonly query: string;
          readonly useLegacySql: boolean;
          readonly parameterMode: string;
          readonly queryParameters: readonly SentParameter[];
        };
      };
      readonly jobReference: { readonly jobId: string; readonly location?: string };
    };
    const { query, useLegacySql, parameterMode, queryParameters: parameters } = configuration.query;
    const { jobId, location } = jobReference;
    assert.match(jobId, /^[\w-]{1,1024}$/u);
    assert.deepEqual([useLegacySql, parameterMode], [false, 'named']);
    const sent = { jobId, project, query, parameters, ...(location !== undefined && { location }) };
    this.sent.push(sent);
    if (this.#jobs.has(jobId))
      throw new RestError(409, 'duplicate', `Already Exists: Job ${project}:${jobId}`);
    const { looks = 0, failure, lost } = this.plan(sent);
    const row = rowOf(sent);
    const job: Job = {
      ...sent,
      ...(failure && { failure }),
      looksLeft: looks,
      state: 'RUNNING',
      row: this.rows.some((kept) => isSame(kept, row)) ? undefined : row,
    };
    this.#jobs.set(jobId, job);
    if (looks === 0) this.#end(job);
    return lost ? 'lost' : this.#told(job);
  }

  /** What the rows have in one column. */
  column(name: string): readonly unknown[] {
    return this.rows.map((row) => row[name]);
  }

  /** What runs ends at the next look at it. */
  hurry(): void {
    this.plan = () => ({});
    for (const job of this.#jobs.values()) job.looksLeft = 0;
  }

  /** `jobs.get`. */
  get(project: string, jobId: string, location: string | null): object {
    const job = this.#jobs.get(jobId);
    if (job?.project !== project || (this.location !== 'US' && location !== this.location)) {
      throw new RestError(404, 'notFound', `Not found: Job ${project}:${jobId}`);
    }
    if (job.looksLeft > 0) job.looksLeft -= 1;
    if (job.looksLeft === 0) this.#end(job);
    return this.#told(job);
  }

  #end(job: Job): void {
    if (job.state === 'DONE') return;
    job.state = 'DONE';
    if (job.failure === undefined && job.row !== undefined) this.rows.push(job.row);
  }

  #told({ project, jobId, state, failure }: Job): object {
    const failed = state === 'DONE' && failure !== undefined;
    return {
      kind: 'bigquery#job',
      id: `${project}:${this.location}.${jobId}`,
      jobReference: { projectId: project, jobId, location: this.location },
      status: { state, ...(failed && { errorResult: failure, errors: [failure] }) },
    };
  }
}

function isSame(a: ResultTableRow, b: ResultTableRow): boolean {
  return a['job_id'] === b['job_id'] && a['timestamp'] === b['timestamp'];
}

/** What the MERGE inserts: as BigQuery would refuse it, a statement or a parameter that does not fit is refused. */
function rowOf({ query, parameters }: SentJob): ResultTableRow {
  const names = Object.keys(columns);
  const [, inserted, values] =
    /^MERGE `[\w.-]+` AS kept USING \(SELECT @job_id AS job_id, @timestamp AS ended\) AS sent ON kept\.job_id = sent\.job_id AND kept\.`timestamp` = sent\.ended AND kept\.`timestamp` = @timestamp WHEN NOT MATCHED THEN INSERT \((.+)\) VALUES \((.+)\)$/u.exec(
      query,
    ) ?? [];
  const isText = values?.includes("ARRAY_TO_STRING(@features_used, ',')") === true;
  if (inserted !== names.map((name) => `\`${name}\``).join(', ')) {
    throw new RestError(400, 'invalidQuery', `Syntax error: ${query}`);
  }
  assert.equal(
    values?.replace("ARRAY_TO_STRING(@features_used, ',')", '@features_used'),
    names.map((name) => `@${name}`).join(', '),
  );
  const entries = names.map((name): readonly [string, unknown] => {
    const parameter = parameters.find((each) => each.name === name);
    assert.ok(parameter, `no parameter ${name}`);
    const { type, arrayType } = parameter.parameterType;
    assert.equal(arrayType === undefined ? type : `${type}<${arrayType.type}>`, columns[name], name);
    const { value, arrayValues } = parameter.parameterValue;
    if (arrayType === undefined) return [name, value ?? null];
    const list = (arrayValues ?? []).map((each) => each.value);
    return [name, isText ? list.join(',') : list];
  });
  return Object.fromEntries(entries);
}
