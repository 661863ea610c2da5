import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { JobState } from '../domain/job.ts';
import { jobStates, statusOf } from '../domain/job-states.ts';
import { isPrintableName } from '../domain/text-rules.ts';
import { isJobId } from '../domain/validate.ts';
import type { JobOrder } from '../engine/orders.ts';
import type { WebContext } from './context.ts';
import { badField, requestIdOf, textOf } from './fields.ts';
import { toJobRow } from './rows.ts';
import {
  failures,
  jobOrderBody,
  jobParams,
  jobRow,
  jobsQuery,
  jobsReply,
  priorityBody,
  submitBody,
  submitReply,
} from './schemas.ts';
import { validSpec } from './submit.ts';

const tags = ['jobs'];

/** Jobs under the paths, and in the words, of the old web application. */
export const jobRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context },
  done,
) => {
  const { farm } = context;
  app.post(
    '/api/jobs/submit',
    {
      schema: {
        tags,
        summary: 'Submits a job. With `idempotency-key` a request that is sent again is the same.',
        body: submitBody,
        response: { 200: submitReply, ...failures },
      },
    },
    async (request) => {
      const spec = validSpec(context, request.body);
      const jobIdMade = request.body.job_id === undefined || request.body.job_id === '';
      const requestId = requestIdOf(request);
      const { jobId, queue, existed } = await farm.submit({
        requestId,
        spec,
        jobIdMade,
        validateOnly: false,
      });
      const message = `Job submitted successfully to ${queue}`;
      return { job_id: jobId, status: 'queued' as const, message, queue, existed };
    },
  );
  app.get(
    '/api/jobs/:job_id',
    {
      schema: {
        tags,
        summary: 'A job: its `jobs` row.',
        params: jobParams,
        response: { 200: jobRow, ...failures },
      },
    },
    async ({ params }) => toJobRow(await farm.job(jobIdOf(params))),
  );
  done();
};

/** Lists of jobs. */
export const jobListRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context },
  done,
) => {
  app.get(
    '/api/jobs',
    {
      schema: {
        tags,
        summary: 'Jobs by user, queue and status.',
        querystring: jobsQuery,
        response: { 200: jobsReply, ...failures },
      },
    },
    async ({ query }) => {
      const states = query.status === undefined ? undefined : statesOf(query.status);
      return await jobsOf(context, query, states);
    },
  );
  done();
};

/** What a person orders of a job. */
export const jobOrderRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm } },
  done,
) => {
  const summaries = {
    cancel: 'Ends a job; what it has rendered is dropped.',
    retry: 'Puts a failed, quarantined or cancelled job into its queue again.',
  };
  for (const kind of ['cancel', 'retry'] as const) {
    app.post(
      `/api/jobs/:job_id/${kind}`,
      {
        schema: {
          tags,
          summary: summaries[kind],
          params: jobParams,
          body: jobOrderBody,
          response: { 200: jobRow, ...failures },
        },
      },
      async (request) => {
        const reason = textOf(request.body?.reason, 'reason');
        const order = { kind, requestId: requestIdOf(request), jobId: jobIdOf(request.params), reason };
        return toJobRow(await farm.orderJob(order));
      },
    );
  }
  app.post(
    '/api/jobs/:job_id/priority',
    {
      schema: {
        tags,
        summary: 'Changes the class of a job that waits.',
        params: jobParams,
        body: priorityBody,
        response: { 200: jobRow, ...failures },
      },
    },
    async (request) => {
      const { priority } = request.body;
      const order: JobOrder = {
        kind: 'priority',
        priority,
        requestId: requestIdOf(request),
        jobId: jobIdOf(request.params),
        reason: textOf(request.body.reason, 'reason'),
      };
      return toJobRow(await farm.orderJob(order));
    },
  );
  done();
};

const allStates = Object.keys(jobStates) as JobState[];
function statesOf(status: string): readonly JobState[] {
  return allStates.filter((state) => statusOf(state) === status);
}

interface JobsQuery {
  readonly page_size: number;
  readonly page_token: string;
  readonly user_id?: string | undefined;
  readonly queue?: string | undefined;
}

async function jobsOf({ farm }: WebContext, query: JobsQuery, states: readonly JobState[] | undefined) {
  const { user_id: userId, queue } = query;
  const filter = { ...named({ userId, queue }), ...(states && { states }) };
  const page = await farm.jobs(filter, { size: query.page_size, token: query.page_token });
  return { jobs: page.entries.map(toJobRow), next_page_token: page.nextToken };
}

/** Empty means any, as it does where a form has it. */
function named(names: { readonly userId: string | undefined; readonly queue: string | undefined }) {
  const { userId = '', queue = '' } = names;
  if (userId !== '' && !isPrintableName(userId)) throw badField('user_id', 'is no name of a user');
  return { ...(userId !== '' && { userId }), ...(queue !== '' && { queue }) };
}

/** @throws FarmError INVALID_REQUEST */
function jobIdOf({ job_id: jobId }: { readonly job_id: string }): string {
  if (!isJobId(jobId)) throw badField('job_id', 'must be a UUID');
  return jobId.toLowerCase();
}
