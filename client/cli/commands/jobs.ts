import { loudnessText } from '../../../proto/index.ts';
import type { ListOptions, RenderfarmClient } from '../../renderfarm-client.ts';
import type { JobState, JobView } from '../../views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { clockText, safeText, timeText } from '../format.ts';
import { jobTable, optionsText, problemLines, stateText } from '../job-lines.ts';
import { jsonLine } from '../json-lines.ts';
import { say, type Terminal } from '../terminal.ts';

export interface ListCommandOptions {
  readonly user?: string;
  readonly queue?: string;
  readonly state?: readonly JobState[];
  readonly limit?: number;
}

export async function list(
  client: RenderfarmClient,
  terminal: Terminal,
  options: ListCommandOptions,
): Promise<ExitCode> {
  const { user, queue, state, limit } = options;
  const filters: ListOptions = {
    ...(user !== undefined && { userId: user }),
    ...(queue !== undefined && { queue }),
    ...(state !== undefined && { states: state }),
    limit: limit ?? 50,
    signal: terminal.signal,
  };
  const jobs: JobView[] = [];
  for await (const job of client.list(filters)) {
    if (terminal.json) say(terminal, jsonLine(job));
    else jobs.push(job);
  }
  if (!terminal.json) for (const line of jobTable(jobs)) say(terminal, line);
  return exitCodes.ok;
}

export async function get(client: RenderfarmClient, terminal: Terminal, jobId: string): Promise<ExitCode> {
  const details = await client.get(jobId, { signal: terminal.signal });
  if (terminal.json) {
    say(terminal, jsonLine(details));
    return exitCodes.ok;
  }
  for (const [name, value] of factsOf(details.job))
    say(terminal, `${`${name}:`.padEnd(12)}${safeText(value)}`);
  for (const line of problemLines(details.job)) say(terminal, line);
  for (const { at, what, detail, agentId } of details.timeline) {
    const parts = [timeText(at), what, detail, agentId === undefined ? undefined : `(${agentId})`];
    say(terminal, safeText(`  ${parts.filter(Boolean).join('  ')}`));
  }
  return exitCodes.ok;
}

function factsOf(job: JobView): readonly (readonly [string, string])[] {
  const all: readonly (readonly [string, string | undefined])[] = [
    ['Job', job.jobId],
    ['User', job.userId],
    ['Channel', job.channelName],
    ['Queue', job.routeRule === undefined ? job.queue : `${job.queue} (rule ${job.routeRule})`],
    ['Priority', job.priority],
    ['Frame', job.enable4k ? '3840x2160' : '1920x1080'],
    ['Items', `${job.itemCount}, ${job.videoCount} of them videos`],
    ['Only on', job.wishes?.onlyOn.join(', ')],
    ['Not on', job.wishes?.notOn.join(', ')],
    ['Labels', job.wishes?.labels.join(', ')],
    ['Deadline', job.deadline && timeText(job.deadline)],
    ['Options', optionsText(job)],
    ['State', stateText(job)],
    ['Not before', job.notBefore && timeText(job.notBefore)],
    ['Agent', job.agentId],
    ['Attempts', String(job.attemptCount)],
    ['Submitted', timeText(job.submittedAt)],
    ['Started', job.startedAt && timeText(job.startedAt)],
    ['Ended', job.endedAt && timeText(job.endedAt)],
    ['Output', job.outputPath],
    ['Sheet', job.contactSheetPath],
    ['Preview', job.previewPath],
    ['Loudness', job.loudness && loudnessText(job.loudness)],
    ['Length', job.finalDurationMs === undefined ? undefined : clockText(job.finalDurationMs)],
    ['Features', job.featuresUsed.join(', ')],
  ];
  return all.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value] as const],
  );
}
