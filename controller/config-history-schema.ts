import { z } from 'zod';
import { count } from './config-field-schemas.ts';

/** `history` of the settings. */
export const historySettings = z.strictObject({
  keepDays: count(1, 36_500).default(365).describe('Days after their end that jobs and results are kept.'),
  rowsMax: count(100, 10_000_000)
    .optional()
    .describe(
      'Jobs, and results, that are kept at most; the oldest go. Default: 200000 in a file, 20000 in Redis, where all of it is in memory.',
    ),
});
