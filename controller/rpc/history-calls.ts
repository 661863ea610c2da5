import type { JobServiceServer, jobWire } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { RpcContext } from './context.ts';
import { toEnds, toHistoryFilter, toResultRow } from './history-messages.ts';
import { toListedJob } from './job-message.ts';
import { toPageRequest } from './page-request.ts';
import { unary } from './unary.ts';

/** What has ended: jobs, and rows of results. */
export function historyCalls(context: RpcContext): Pick<JobServiceServer, 'listHistory' | 'listResults'> {
  const { farm, results } = context;
  return {
    listHistory: unary(context, async (request: jobWire.ListHistoryRequest) => {
      const page = await farm.history(toHistoryFilter(request), toPageRequest(request));
      return { jobs: page.entries.map(toListedJob), nextPageToken: page.nextToken };
    }),
    listResults: unary(context, async (request: jobWire.ListResultsRequest) => {
      if (results === undefined) {
        throw new FarmError('RESULTS_ELSEWHERE', 'rows of results go to BigQuery: none are kept here');
      }
      const { userId } = request;
      const filter = { ...(userId !== '' && { userId }), ...toEnds(request) };
      const page = await results.page(filter, toPageRequest(request));
      return { results: page.entries.map(toResultRow), nextPageToken: page.nextToken };
    }),
  };
}
