import { z } from 'zod';
import { count, durationMs, path } from './config-field-schemas.ts';

const column = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,299}$/u, 'must be the name of a column');

const table = z
  .string()
  .regex(/^[A-Za-z0-9.:-]{1,100}(\.[A-Za-z0-9_]{1,256}){2}$/u, 'must be project.dataset.table');

/** `bigQuery` of the settings. */
export const bigQuerySettings = z.strictObject({
  projectId: z
    .string()
    .regex(/^[a-z0-9.:-]{1,100}$/u, 'must be the id of a project')
    .describe('Project that is billed for the queries.'),
  table: table.describe('Table or view of the videos: `project.dataset.table`.'),
  idColumn: column.default('video_id').describe('Its column of ids, a STRING.'),
  pathColumn: column.default('path').describe('Its column of UNC paths, a STRING.'),
  resultsTable: table
    .optional()
    .describe(
      'Table that gets a row for each job that ends: `project.dataset.table`, as in deploy/bigquery. Default: rows stay in the local table.',
    ),
  resultsFeatures: z
    .enum(['array', 'text'])
    .default('array')
    .describe('Its column `features_used`: an ARRAY of STRINGs, or one STRING with commas between.'),
  location: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,50}$/u)
    .optional()
    .describe(
      'Where the datasets lie, e.g. `EU`. Needed for `resultsTable` unless that is US or EU. Default: BigQuery finds out.',
    ),
  keyFile: path.optional().describe('Key of a service account. Default: Application Default Credentials.'),
  apiEndpoint: z
    .url({ protocol: /^https?$/u })
    .optional()
    .describe('An emulator; it is asked without credentials.'),
  timeoutMs: durationMs.default(15_000).describe('A query that takes longer has failed.'),
  cacheMs: durationMs.default(300_000).describe('What was found is not asked again for this long.'),
  cacheEntriesMax: count(1, 1_000_000).default(100_000).describe('Ids that are remembered.'),
});
