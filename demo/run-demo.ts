import { problemLines } from '../client/cli/job-lines.ts';
import { tableLines } from '../client/cli/table.ts';
import type { AgentView } from '../client/views.ts';
import { demoMounts } from './configs.ts';
import { type DemoFarm, startFarm } from './farm.ts';
import { agentIds, cleanFolders, demoFolders } from './folders.ts';
import { demoJobs } from './jobs.ts';
import { findLeftovers, findMissingLogs, untilLogsAreSent } from './leftovers.ts';
import { makeShare } from './make-share.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { type OwnJobs, readOwnJobs } from './own-jobs.ts';
import { type Report, reportOn } from './report.ts';
import { type EndedJob, runJobs } from './run-jobs.ts';
import type { Screen } from './screen.ts';

export interface DemoOptions {
  /** Absolute; everything that the demo makes is in it. */
  readonly out: string;
  /** Job files to run instead of the demo's own jobs. */
  readonly jobFiles: readonly string[];
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** How long agents may take to hand in the logs of jobs that have ended. */
const logsMs = 15_000;

/**
 * The whole demo. Resolves with everything that was not as it should be, after all processes have ended. Rejects when it
 * cannot be done at all (FFmpeg fails, a process does not start), or with the signal's reason.
 */
export async function runDemo(options: DemoOptions): Promise<readonly string[]> {
  const own = options.jobFiles.length === 0 ? undefined : await readOwnJobs(options.jobFiles);
  return await oneAtATime(options.out, () => runJobsOfDemo(options, own));
}

async function runJobsOfDemo(
  { out, screen, signal }: DemoOptions,
  own: OwnJobs | undefined,
): Promise<readonly string[]> {
  const jobs = own?.jobs ?? demoJobs();
  const folders = demoFolders(out);
  await cleanFolders(folders);
  const share = await makeShare(folders.share, signal);
  screen.say(`${share.files} sources in ${folders.share}, ${share.made} of them made now`);
  const mounts = demoMounts(folders, own?.mounts);

  const farm = await startFarm(folders, mounts, signal);
  const problems: string[] = [];
  let ended: readonly EndedJob[] = [];
  try {
    screen.say(`the controller listens on ${farm.address}, both agents are attached:`);
    for (const line of agentTable(farm.agents)) screen.print(`          ${line}`);
    ended = await unlessBroken(farm, runJobs(farm.client, jobs, screen, signal));
    await untilLogsAreSent(folders, AbortSignal.any([signal, AbortSignal.timeout(logsMs)]));
  } finally {
    screen.stop();
    problems.push(...(await farm.stop()));
  }
  const report = await reportOn(ended, folders.results, mounts);
  tell(screen, report, ended);
  const logs = ended
    .filter(({ attempts }) => attempts.length > 0)
    .map(({ job, details }) => ({ jobId: job.input.jobId, cameToFfmpeg: details.job.state === 'published' }));
  return [
    ...problems,
    ...report.problems,
    ...(await findLeftovers(folders, report.resultFiles)),
    ...(await findMissingLogs(folders, logs)),
    ...(own === undefined ? missedSights(ended) : []),
  ];
}

/** A farm that falls apart would leave us watching for ever. */
async function unlessBroken<T>(farm: DemoFarm, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  const broken = farm.broken.then((problem) => Promise.reject(new Error(problem)));
  return await Promise.race([work, broken]);
}

function agentTable(agents: readonly AgentView[]): readonly string[] {
  return tableLines(
    ['AGENT', 'QUEUES', 'ENCODER', 'FRAMES/S', 'SLOTS'],
    agents.map(({ agentId, queues, encoders, slots }) => [
      agentId,
      queues.join(' '),
      encoders.map(({ encoder }) => encoder).join(' '),
      encoders.map(({ framesPerSecond }) => framesPerSecond.toFixed(0)).join(' '),
      `${slots}`,
    ]),
  );
}

function tell(screen: Screen, report: Report, ended: readonly EndedJob[]): void {
  screen.print('');
  for (const line of report.lines) screen.print(line);
  for (const { job, details } of ended) {
    const lines = problemLines(details.job);
    if (lines.length > 0) screen.print(`\n${job.name}: ${details.job.errorMessage ?? ''}`);
    for (const line of lines) screen.print(line);
  }
}

/** What the demo is there to show: each agent prefetched a job, and a prefetched job copied nothing. */
function missedSights(ended: readonly EndedJob[]): readonly string[] {
  const prefetching = new Set(
    ended.flatMap(({ details }) =>
      details.timeline.filter(({ what }) => what === 'prefetched').map(({ agentId }) => agentId),
    ),
  );
  return agentIds.filter((id) => !prefetching.has(id)).map((id) => `${id} has prefetched nothing`);
}
