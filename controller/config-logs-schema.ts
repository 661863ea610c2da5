import { z } from 'zod';
import { count } from './config-field-schemas.ts';

/** How long job logs stay. */
export const logsSettings = z.strictObject({
  keepDays: count(1, 36_500)
    .default(90)
    .describe('Days after its date that a job log stays; one of a job that has not ended always does.'),
  keepBytes: count(2 ** 20, 2 ** 50)
    .default(50 * 2 ** 30)
    .describe('Bytes of all job logs together; beyond it the oldest go.'),
});
