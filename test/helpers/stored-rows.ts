import type { WebContext } from '../../controller/web/context.ts';
import { rowId } from './studio-tables.ts';

/** A row that is submitted, and a comparison of two farms, for tests of what stands before them. */
export const storedRows: Pick<Required<WebContext>, 'stored' | 'shadow'> = {
  stored: {
    submit: ({ jobId }) =>
      Promise.resolve({ jobId, queue: 'gpu_queue', routeRule: 'all others', existed: false }),
  },
  shadow: {
    report: () => {
      const old = { status: 'completed', startedAtMs: 1_000, endedAtMs: 3_500, durationMs: 60_000 };
      const ours = { status: 'failed', errorMessage: 'no such clip' };
      const compared = { jobId: rowId(1), channelName: 'C', verdict: 'only-ours-failed', ours, old } as const;
      return Promise.resolve({ jobs: [{ ...compared, attemptCount: 1 }], nextToken: '' });
    },
  },
};
