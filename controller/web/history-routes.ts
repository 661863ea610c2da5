import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { JobState } from '../domain/job.ts';
import { hasEnded, jobStates, statusOf } from '../domain/job-states.ts';
import { isPrintable } from '../domain/text-rules.ts';
import type { HistoryFilter } from '../history/port.ts';
import type { WebContext } from './context.ts';
import { badField } from './fields.ts';
import { toJobRow } from './rows.ts';
import { failures, historyQuery, jobsReply } from './schemas.ts';

/** What has ended, wherever it is kept. */
export const historyRoutes: FastifyPluginCallbackZod<{ readonly context: WebContext }> = (
  app,
  { context: { farm } },
  done,
) => {
  app.get(
    '/api/history',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Jobs that have ended, whatever way and however long ago; the newest end first.',
        querystring: historyQuery,
        response: { 200: jobsReply, ...failures },
      },
    },
    async ({ query }) => {
      const page = await farm.history(filterOf(query), { size: query.page_size, token: query.page_token });
      return { jobs: page.entries.map(toJobRow), next_page_token: page.nextToken };
    },
  );
  done();
};

const endedStates = (Object.keys(jobStates) as JobState[]).filter(hasEnded);
/** Characters of what a filter names. */
const textCharactersMax = 512;

function filterOf(query: z.output<typeof historyQuery>): HistoryFilter {
  const { user_id: userId = '', queue = '', worker_id: agentId = '', channel = '' } = query;
  for (const [field, text] of Object.entries({ user_id: userId, queue, worker_id: agentId, channel })) {
    if (!isPrintable(text) || text.length > textCharactersMax)
      throw badField(field, `must have at most ${textCharactersMax} printable characters`);
  }
  const { status, ended_from: endedFromMs, ended_before: endedBeforeMs } = query;
  return {
    ...(userId !== '' && { userId }),
    ...(queue !== '' && { queue }),
    ...(agentId !== '' && { agentId }),
    ...(channel !== '' && { channelText: channel }),
    ...(status !== undefined && { states: endedStates.filter((state) => statusOf(state) === status) }),
    ...(endedFromMs !== undefined && { endedFromMs }),
    ...(endedBeforeMs !== undefined && { endedBeforeMs }),
  };
}
