import { comparePromises } from './compare-promises.ts';
import type { JobLine } from './snapshot.ts';

/**
 * A line whose jobs wait for a limit, in two: the job that is next when the limit allows one, which has its place among
 * all others, and those behind it, which can do nothing but wait. Undefined: it is empty.
 */
export function splitAtFirst(line: JobLine): { readonly first: JobLine; readonly rest: JobLine } | undefined {
  const [late] = line.overdue.toSorted(comparePromises);
  const first = late ?? line.behind(undefined);
  if (first === undefined) return undefined;
  return {
    first: {
      ...line,
      behind: (job) => (job === undefined ? first : undefined),
      overdue: late === undefined ? [] : [late],
    },
    rest: {
      ...line,
      behind: (job) => {
        const following = line.behind(job);
        return following?.jobId === first.jobId ? line.behind(following) : following;
      },
      overdue: line.overdue.filter(({ jobId }) => jobId !== first.jobId),
    },
  };
}
