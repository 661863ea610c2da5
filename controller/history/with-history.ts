import { FarmError, type FarmErrorCode } from '../domain/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { AlarmView, Farm, JobView } from '../engine/farm.ts';
import { historyPage } from '../engine/history-page.ts';
import { compareEnds, placeOf } from '../engine/turn/past-jobs.ts';
import { asked } from './asked.ts';
import { attemptsFrom } from './attempts-from.ts';
import type { History, HistoryFilter, HistoryPlace, PastJobDetail } from './port.ts';

/** What of the engine is needed beside the farm itself. */
type HotStore = Farm & Pick<Engine, 'endedJobs' | 'hotAmong' | 'retryPast'>;

/**
 * The farm with its past: jobs that have left the hot store are read from history, and come back from it when they
 * are retried. The hot store is asked first; history, only for what is not there.
 * @param alarms of this controller that stand, beside those of the engine
 */
export function withHistory(engine: HotStore, history: History, alarms: () => readonly AlarmView[]): Farm {
  return {
    submit: (request) => engine.submit(request),
    verify: (draft) => engine.verify(draft),
    orderAgent: (order) => engine.orderAgent(order),
    orderShare: (order) => engine.orderShare(order),
    orderQueue: (order) => engine.orderQueue(order),
    jobs: (filter, page) => engine.jobs(filter, page),
    explain: (jobId) => engine.explain(jobId),
    plan: () => engine.plan(),
    agents: (page) => engine.agents(page),
    queues: () => engine.queues(),
    summary: async () => {
      const summary = await engine.summary();
      return { ...summary, alarms: [...alarms(), ...summary.alarms] };
    },
    watch: (request, signal) => engine.watch(request, signal),
    attach: (hello, outlet) => engine.attach(hello, outlet),
    logPlace: (jobId, fence) => engine.logPlace(jobId, fence),
    status: () => engine.status(),
    get serving() {
      return engine.serving;
    },
    onServing: (listener) => engine.onServing(listener),
    job: (jobId) =>
      orPast(
        () => engine.job(jobId),
        () => pastJob(history, jobId),
      ),
    attempts: (jobId, page) =>
      orPast(
        () => engine.attempts(jobId, page),
        async () => {
          const past = await pastJob(history, jobId);
          return past && attemptsFrom(past, page);
        },
      ),
    orderJob: (order) =>
      orPast(
        () => engine.orderJob(order),
        async () => {
          if (order.kind !== 'retry') return undefined;
          const past = await pastJob(history, order.jobId);
          return past && (await engine.retryPast(order, past));
        },
      ),
    logOf: async (jobId) => (await engine.logOf(jobId)) ?? logStanding(await pastJob(history, jobId)),
    history: (filter, page) =>
      historyPage(page, (size, after) => listBoth({ engine, history }, filter, size, after)),
  };
}

const isElsewhere: readonly FarmErrorCode[] = ['JOB_NOT_FOUND', 'JOB_ARCHIVED'];

/** What the hot store answers, else what history does; where neither knows the job, the error of the hot store. */
async function orPast<T>(hot: () => Promise<T>, past: () => Promise<T | undefined>): Promise<T> {
  try {
    return await hot();
  } catch (error) {
    if (!(error instanceof FarmError) || !isElsewhere.includes(error.code)) throw error;
    const answer = await past();
    if (answer === undefined) throw error;
    return answer;
  }
}

async function pastJob(history: History, jobId: string): Promise<PastJobDetail | undefined> {
  return await asked(() => history.get(jobId));
}

/**
 * Both in one order. A job that is in the hot store is shown as it is there: history may have an older end of it. The
 * hot store is read first, because a job is in history before it leaves.
 */
async function listBoth(
  { engine, history }: { readonly engine: HotStore; readonly history: History },
  filter: HistoryFilter,
  size: number,
  after: HistoryPlace | undefined,
): Promise<readonly JobView[]> {
  const hot = await engine.endedJobs(filter, size, after);
  const lastHot = hot.length < size ? undefined : hot.at(-1);
  const past: JobView[] = [];
  let behind = after;
  while (past.length < size) {
    const listed = await asked(() => history.list(filter, size, behind));
    const inHot = await engine.hotAmong(listed.map(({ job }) => job.jobId));
    past.push(...listed.filter(({ job }) => !inHot.has(job.jobId)));
    const last = listed.at(-1);
    if (last === undefined || listed.length < size) break;
    behind = placeOf(last.job);
    // What comes next stands behind a whole page of the hot store.
    if (lastHot !== undefined && compareEnds(behind, placeOf(lastHot.job)) >= 0) break;
  }
  return [...hot, ...past].sort((a, b) => compareEnds(placeOf(a.job), placeOf(b.job))).slice(0, size);
}

function logStanding(past: PastJobDetail | undefined): Awaited<ReturnType<Farm['logOf']>> {
  if (past === undefined) return undefined;
  const { logDate, username, channelName, jobId, attemptCount } = past.job;
  const place = logDate === undefined ? {} : { place: { logDate, username, channelName, jobId } };
  return { ...place, hasEnded: true, attemptNumber: attemptCount };
}
