import { z } from 'zod';
import { count, durationMs, path } from './config-field-schemas.ts';

/** `supabase` of the settings. */
export const supabaseSettings = z.strictObject({
  url: z.url({ protocol: /^https?$/u }).describe('Of the project, e.g. `https://xyz.supabase.co`.'),
  keyFile: path
    .optional()
    .describe("File of the service role's key. Instead of it: environment `FARM_SUPABASE_KEY`."),
  timeoutMs: durationMs.default(3_000).describe('No job waits longer than this for the name of its user.'),
  cacheMs: durationMs.default(600_000).describe('A name is asked for again after this.'),
  mirror: z
    .strictObject({
      requestMs: durationMs.default(10_000).describe('One request takes at most this.'),
      cancelledEveryMs: durationMs
        .default(5_000)
        .describe('Pause between two looks for jobs whose row the web application has cancelled.'),
      history: z
        .enum(['own', 'supabase'])
        .default('own')
        .describe("Where history is read: the farm's own table, or `jobs`, which has the old workers' too."),
    })
    .optional()
    .describe(
      "Writes every job into the studio's `jobs` and `job_items`, and sees rows that are cancelled there; needs the migrations of deploy/supabase and a name in `farm`. `mirror: {}` takes the defaults. Absent: nothing is written. Off in shadow mode.",
    ),
  poll: z
    .strictObject({
      everyMs: durationMs.default(10_000).describe('Pause between two looks; longer while Supabase is away.'),
      pageRows: count(1, 500).default(50).describe('Rows that are asked for at a time.'),
    })
    .optional()
    .describe(
      "Takes queued rows whose column `farm` is `renderfarm`, by itself; needs a name in `farm`. `poll: {}` takes the defaults; in shadow mode it says how often the other farm's rows are read.",
    ),
});
