import { type OpenLine, Ranking } from './rank.ts';
import type { CompletePlan } from './replay.ts';
import type { Snapshot } from './snapshot.ts';

/** Beyond so many a place in the order says nothing any more. */
const placesMax = 1_000;
/** Looks at a line that finding it may cost, each about 0.2 µs. */
const looksMax = 25_000;

/**
 * Where a job stands among those that agents can take; 1 is next. Undefined: no agent can take it, or it is far behind:
 * finding it would cost too much.
 * @param isWaiting - what the plan has assigned meanwhile stands before nobody
 */
export function placeInOrder(
  { plan, snapshot }: CompletePlan,
  jobId: string,
  isWaiting: (jobId: string) => boolean,
): number | undefined {
  const { jobsMax } = snapshot.tuning;
  let place = 0;
  for (const { job } of plan.order.slice(0, jobsMax)) {
    if (job.jobId === jobId) return place + 1;
    if (isWaiting(job.jobId)) place += 1;
  }
  // The plan ranks no more than so many: with fewer it has seen all.
  return plan.order.length < jobsMax ? undefined : placeBehind({ plan, snapshot }, jobId);
}

function placeBehind({ plan, snapshot }: CompletePlan, jobId: string): number | undefined {
  const blocked = new Set(plan.blocked.map(({ key }) => key));
  const lines = snapshot.lines.filter(({ key }) => !blocked.has(key));
  const places = Math.min(placesMax, Math.floor(looksMax / Math.max(1, lines.length)));
  if (places <= snapshot.tuning.jobsMax) return undefined;
  const ranking = new Ranking(
    snapshot,
    lines.map((line) => ({ line, speed: fastest(snapshot, line) })),
  );
  for (let place = 1; place <= places; place += 1) {
    const ranked = ranking.next();
    if (ranked === undefined) return undefined;
    if (ranked.job.jobId === jobId) return place;
  }
  return undefined;
}

function fastest({ agents }: Snapshot, { needs }: OpenLine['line']): number {
  return Math.max(1e-9, ...agents.map(({ classes }) => classes.get(needs.workClass)?.speed ?? 0));
}
