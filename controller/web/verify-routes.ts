import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { WebContext } from './context.ts';
import { failures } from './schemas.ts';
import { toDraft } from './submit.ts';
import { toVerifyReply } from './verify-reply.ts';
import { verifyBody, verifyReply } from './verify-schemas.ts';

/** What would become of a job, without submitting it. */
export const verifyRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm } },
  done,
) => {
  app.post(
    '/api/jobs/verify',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Looks at a job and its files without submitting it; the answer can be submitted as it is.',
        body: verifyBody,
        response: { 200: verifyReply, ...failures },
      },
    },
    async ({ body }) => toVerifyReply(body, await farm.verify(toDraft(body))),
  );
  done();
};
