import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FarmError } from '../domain/errors.ts';
import type { ShadowComparison, ShadowSide } from '../domain/stored-jobs.ts';
import { isJobId } from '../domain/validate.ts';
import type { WebContext } from './context.ts';
import { badField, requestIdOf } from './fields.ts';
import { failures, jobParams, submitReply } from './schemas.ts';

const verdicts = [
  'open',
  'same',
  'length-differs',
  'only-ours-failed',
  'only-old-failed',
  'both-failed',
  'old-unknown',
] as const satisfies readonly ShadowComparison['verdict'][];

const time = z.string().nullable().describe('ISO 8601, UTC.');
const side = z.object({
  status: z.string().describe('`refused`: our farm did not take it.'),
  started_at: time.describe('When a PC was given the job.'),
  completed_at: time,
  wall_seconds: z.number().nullable().describe('From the one to the other.'),
  final_duration: z.number().nullable().describe('Seconds of the result.'),
  worker_id: z.string().nullable(),
  error_message: z.string().nullable(),
});
const comparison = z.object({
  job_id: z.string(),
  channel_name: z.string(),
  verdict: z.enum(verdicts),
  ours: side,
  old: side.nullable().describe('Null where it is not known.'),
  frames: z.int().nullable().describe('Of our result, which was dropped.'),
  bytes: z.int().nullable(),
  attempts: z.int(),
});
const reportReply = z.object({
  jobs: z.array(comparison),
  next_page_token: z.string().describe('Empty: this was the last page.'),
  trouble: z.string().nullable().describe('Why the rows of the other farm could not be read.'),
});
const reportQuery = z.object({
  page_size: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(50),
  page_token: z.string().max(1_024).default('').describe('`next_page_token` of the page before.'),
});

/** Jobs that are rows already, and the comparison of two farms that render the same ones. */
export const storedRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { stored, shadow } },
  done,
) => {
  app.post(
    '/api/jobs/:job_id/submit',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Submits a job whose row, and items, are in the tables already.',
        params: jobParams,
        body: z.object({}).nullish(),
        response: { 200: submitReply, ...failures },
      },
    },
    async (request) => {
      const { job_id: asked } = request.params;
      if (!isJobId(asked)) throw badField('job_id', 'must be a UUID');
      if (stored === undefined) {
        const message = 'this farm submits no rows: supabase.mirror is not configured, or it is a shadow';
        throw new FarmError('NO_STORED_JOBS', message);
      }
      const submitted = { requestId: requestIdOf(request), jobId: asked, validateOnly: false };
      const { jobId, queue, existed } = await stored.submit(submitted);
      const message = `Job submitted successfully to ${queue}`;
      return { job_id: jobId, status: 'queued' as const, message, queue, existed };
    },
  );
  app.get(
    '/api/shadow/report',
    {
      schema: {
        tags: ['farm'],
        summary: 'What this farm rendered in shadow mode, beside what the other farm made of the same jobs.',
        querystring: reportQuery,
        response: { 200: reportReply, ...failures },
      },
    },
    async ({ query }) => {
      if (shadow === undefined) {
        throw new FarmError('NOT_IN_SHADOW', 'this farm is no shadow, or has nothing to compare with');
      }
      const report = await shadow.report({ size: query.page_size, token: query.page_token });
      return {
        jobs: report.jobs.map(toRow),
        next_page_token: report.nextToken,
        trouble: report.trouble ?? null,
      };
    },
  );
  done();
};

function toRow(compared: ShadowComparison): z.input<typeof comparison> {
  return {
    job_id: compared.jobId,
    channel_name: compared.channelName,
    verdict: compared.verdict,
    ours: toSide(compared.ours),
    old: compared.old === undefined ? null : toSide(compared.old),
    frames: compared.frames ?? null,
    bytes: compared.sizeBytes ?? null,
    attempts: compared.attemptCount,
  };
}

function toSide({ status, startedAtMs, endedAtMs, durationMs, ...rest }: ShadowSide): z.input<typeof side> {
  const isWhole = startedAtMs !== undefined && endedAtMs !== undefined;
  return {
    status,
    started_at: timeOrNull(startedAtMs),
    completed_at: timeOrNull(endedAtMs),
    wall_seconds: isWhole ? (endedAtMs - startedAtMs) / 1_000 : null,
    final_duration: durationMs === undefined ? null : durationMs / 1_000,
    worker_id: rest.workerId ?? null,
    error_message: rest.errorMessage ?? null,
  };
}

function timeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
