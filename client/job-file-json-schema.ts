import * as z from 'zod';
import { jobFileShape } from './job-file-shape.ts';

/**
 * The JSON Schema (draft 2020-12) of job files, for editors and other languages; docs/job.schema.json is its text.
 * Two rules are beyond it and checked by `parseJobFile` only: distinct positions, and text lengths as people count.
 */
export function jobFileJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    title: 'Render farm job',
    description: 'A compilation: items in order, rendered to one MP4.',
    ...z.toJSONSchema(jobFileShape, { io: 'input' }),
  };
}
