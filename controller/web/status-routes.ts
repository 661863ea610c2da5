import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { FarmError } from '../domain/errors.ts';
import type { FarmSummary } from '../engine/farm.ts';
import type { WebContext } from './context.ts';
import { metricsText } from './metrics.ts';
import { failures } from './schemas.ts';
import { statusReply, toStatusReply } from './status-rows.ts';

/** How things stand: for people, and for Prometheus. A controller that does not lead answers too. */
export const statusRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm, nowMs } },
  done,
) => {
  const summary = 'How things stand at this controller and, where it leads, in the farm.';
  app.get(
    '/api/admin/status',
    { schema: { tags: ['farm'], summary, response: { 200: statusReply, ...failures } } },
    async () => toStatusReply(farm.status(), await farm.summary().catch(unlessLed)),
  );
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const led = await farm.summary().catch(unlessLed);
    const measured = { status: farm.status(), summary: led, nowMs: nowMs() };
    const { text, contentType } = await metricsText(measured);
    return await reply.type(contentType).send(text);
  });
  done();
};

/** Who does not lead knows of itself only. */
function unlessLed(error: unknown): FarmSummary | undefined {
  if (error instanceof FarmError && error.code === 'NOT_LEADING') return undefined;
  throw error;
}
