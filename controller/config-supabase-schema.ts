import { z } from 'zod';
import { durationMs, path } from './config-field-schemas.ts';

/** `supabase` of the settings. */
export const supabaseSettings = z.strictObject({
  url: z.url({ protocol: /^https?$/u }).describe('Of the project, e.g. `https://xyz.supabase.co`.'),
  keyFile: path
    .optional()
    .describe("File of the service role's key. Instead of it: environment `FARM_SUPABASE_KEY`."),
  timeoutMs: durationMs.default(3_000).describe('No job waits longer than this for the name of its user.'),
  cacheMs: durationMs.default(600_000).describe('A name is asked for again after this.'),
});
