import type { RenderfarmClient } from '../client/renderfarm-client.ts';
import { type AttemptView, hasEnded, type JobChange, type JobDetails } from '../client/views.ts';
import type { DemoJob } from './jobs.ts';
import type { Screen } from './screen.ts';

/** A job that has ended, with all that the farm tells of it. */
export interface EndedJob {
  readonly job: DemoJob;
  readonly details: JobDetails;
  /** Oldest first; none for a job that ended before an agent had it. */
  readonly attempts: readonly AttemptView[];
}

/**
 * Submits the jobs, follows them to their ends, and cancels the one that is to be cancelled once it renders.
 * Rejects with the signal's reason, or with the client's RenderfarmError.
 */
export async function runJobs(
  client: RenderfarmClient,
  jobs: readonly DemoJob[],
  screen: Screen,
  signal: AbortSignal,
): Promise<readonly EndedJob[]> {
  for (const { name, input } of jobs) {
    const { message, routeRule } = await client.submit(input, { signal });
    screen.say(`${name}: ${message} (rule ${routeRule}), user ${input.userId}, ${input.items.length} items`);
  }
  await followJobs(client, jobs, screen, signal);
  const ended: EndedJob[] = [];
  for (const job of jobs) {
    const { jobId } = job.input;
    const [details, attempts] = await Promise.all([
      client.get(jobId, { signal }),
      Array.fromAsync(client.attempts(jobId, { signal })),
    ]);
    ended.push({ job, details, attempts });
  }
  return ended;
}

async function followJobs(
  client: RenderfarmClient,
  jobs: readonly DemoJob[],
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const byId = new Map(jobs.map((job) => [job.input.jobId, job]));
  const asked = new Set<string>();
  for await (const change of client.watch({ jobIds: [...byId.keys()], signal })) {
    const job = byId.get(change.job.jobId);
    if (job === undefined) continue;
    screen.show(job, change);
    if (job.ends !== 'cancelled' || !isEncoding(change) || asked.has(change.job.jobId)) continue;
    asked.add(change.job.jobId);
    screen.say(`${job.name}: cancelling it at ${change.job.progressPercent} %`);
    await client.cancel(change.job.jobId, { reason: 'the demo has changed its mind', signal });
  }
}

function isEncoding({ job }: JobChange): boolean {
  return !hasEnded(job.state) && job.state === 'running' && job.progressPercent >= 1;
}
