import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { WebContext } from './context.ts';
import { badField, nameOf, requestIdOf, textOf } from './fields.ts';
import { toAgentRow, toQueueRow } from './rows.ts';
import {
  agentParams,
  agentRow,
  agentsQuery,
  agentsReply,
  failures,
  personOrderBody,
  queueParams,
  queueRow,
  queuesReply,
} from './schemas.ts';

/** Queues, and what a person orders of them. */
export const queueRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm } },
  done,
) => {
  const tags = ['queues'];
  const summary = 'All queues, with how many wait and run.';
  app.get(
    '/api/queues',
    { schema: { tags, summary, response: { 200: queuesReply, ...failures } } },
    async () => ({ queues: (await farm.queues()).map(toQueueRow) }),
  );
  const summaries = { pause: 'None of its jobs starts any more.', resume: 'Its jobs start again.' };
  for (const kind of ['pause', 'resume'] as const) {
    app.post(
      `/api/queues/:name/${kind}`,
      {
        schema: {
          tags,
          summary: summaries[kind],
          params: queueParams,
          body: personOrderBody,
          response: { 200: queueRow, ...failures },
        },
      },
      async (request) => {
        const queue = required(request.params.name, 'name');
        return toQueueRow(await farm.orderQueue({ kind, queue, ...whoAndWhy(request) }));
      },
    );
  }
  done();
};

/** Agents, and what an operator orders of them. */
export const agentRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm } },
  done,
) => {
  const tags = ['agents'];
  app.get(
    '/api/admin/agents',
    {
      schema: {
        tags,
        summary: 'The agents, attached or not.',
        querystring: agentsQuery,
        response: { 200: agentsReply, ...failures },
      },
    },
    async ({ query }) => {
      const page = await farm.agents({ size: query.page_size, token: query.page_token });
      return { agents: page.entries.map(toAgentRow), next_page_token: page.nextToken };
    },
  );
  const summaries = {
    cordon: 'Nothing new starts there.',
    drain: 'Nothing new starts there; what it has announced to it is taken back, what runs goes on.',
    uncordon: 'It gets work again.',
  };
  for (const kind of ['cordon', 'drain', 'uncordon'] as const) {
    app.post(
      `/api/admin/agents/:id/${kind}`,
      {
        schema: {
          tags,
          summary: summaries[kind],
          params: agentParams,
          body: personOrderBody,
          response: { 200: agentRow, ...failures },
        },
      },
      async (request) => {
        const agentId = required(request.params.id, 'id');
        const agent = await farm.orderAgent({ kind, agentId, ...whoAndWhy(request) });
        if (agent === undefined) throw new Error(`${kind} has forgotten the agent ${agentId}`);
        return toAgentRow(agent);
      },
    );
  }
  done();
};

type PersonOrder = Parameters<typeof requestIdOf>[0] & {
  readonly body?: z.output<typeof personOrderBody>;
  readonly socket: Socket;
};

/** Under mTLS: what the certificate proves. */
function provenName(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return [socket.getPeerCertificate().subject.CN].flat()[0];
}

function whoAndWhy(request: PersonOrder) {
  const { reason, by } = request.body ?? {};
  return {
    requestId: requestIdOf(request),
    reason: textOf(reason, 'reason'),
    // It goes before what a caller says of itself, as it does over gRPC.
    by: provenName(request.socket) ?? nameOf(by, 'by'),
  };
}

function required(name: string, field: string): string {
  if (name === '') throw badField(field, 'must be given');
  return nameOf(name, field);
}
