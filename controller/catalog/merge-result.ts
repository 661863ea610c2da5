import { createHash } from 'node:crypto';
import { BigQuery } from '@google-cloud/bigquery';
import type { ResultRow } from '../domain/result-row.ts';

/** Columns in their order (mission.md section 3), each with its type as a parameter. */
export const mergeTypes = {
  job_id: 'STRING',
  username: 'STRING',
  channel_name: 'STRING',
  timestamp: 'TIMESTAMP',
  video_count: 'INT64',
  total_duration: 'FLOAT64',
  output_path: 'STRING',
  worker_id: 'STRING',
  features_used: ['STRING'],
  processing_time: 'FLOAT64',
  status: 'STRING',
} satisfies Readonly<Record<keyof ResultRow, string | string[]>>;

/**
 * Inserts one row where it is not there. The end's time stands as a parameter beside the key, so that a table that is
 * partitioned by it is read in one partition.
 *
 * @param table checked by the configuration: it stands in the query as it is
 * @param features how `features_used` is kept: `array`, or `text` with commas between
 */
export function mergeQuery(table: string, features: 'array' | 'text'): string {
  const columns = Object.keys(mergeTypes);
  const values = columns.map((column) =>
    column === 'features_used' && features === 'text' ? "ARRAY_TO_STRING(@features_used, ',')" : `@${column}`,
  );
  return (
    `MERGE \`${table}\` AS kept USING (SELECT @job_id AS job_id, @timestamp AS ended) AS sent ` +
    'ON kept.job_id = sent.job_id AND kept.`timestamp` = sent.ended AND kept.`timestamp` = @timestamp ' +
    `WHEN NOT MATCHED THEN INSERT (${columns.map((column) => `\`${column}\``).join(', ')}) ` +
    `VALUES (${values.join(', ')})`
  );
}

/** The row as parameters. */
export function mergeValues(row: ResultRow): Readonly<Record<string, unknown>> {
  return { ...row, timestamp: BigQuery.timestamp(row.timestamp), features_used: [...row.features_used] };
}

/**
 * The id of the job that inserts a row: the same whoever asks, so that BigQuery takes it once. Another table gets rows
 * of its own. BigQuery knows a job for six months.
 */
export function resultJobId(table: string, { job_id, timestamp }: ResultRow, number: number): string {
  const mark = createHash('sha256').update(table).digest('hex').slice(0, 8);
  return `renderfarm_${job_id}_${Date.parse(timestamp)}_${mark}_${number}`;
}
