import { basename, join } from 'node:path';
import type { Mounts } from '../agent/media/unc.ts';
import { bytesText } from '../client/cli/format.ts';
import { tableLines } from '../client/cli/table.ts';
import type { UsageView } from '../client/views.ts';
import { type Inspection, inspectResult } from './inspect.ts';
import type { EndedJob } from './run-jobs.ts';

export interface Report {
  /** The table, for people. */
  readonly lines: readonly string[];
  /** File names that must be in the results folder, and no other. */
  readonly resultFiles: readonly string[];
  /** Everything that is not as it has to be. */
  readonly problems: readonly string[];
}

interface Row {
  readonly cells: readonly string[];
  readonly resultFile: string | undefined;
  readonly problems: readonly string[];
}

const head = ['JOB', 'QUEUE', 'AGENT', 'SECONDS', 'COPIED', 'PREFETCHED', 'FFPROBE', 'OUTPUT'];

/** Compares every job's end with the one that it has to have, and every result with what it was made from. */
export async function reportOn(ended: readonly EndedJob[], results: string, mounts: Mounts): Promise<Report> {
  const rows: Row[] = [];
  for (const each of ended) rows.push(await rowOf(each, results, mounts));
  return {
    lines: tableLines(
      head,
      rows.map(({ cells }) => cells),
    ),
    resultFiles: rows.flatMap(({ resultFile }) => resultFile ?? []),
    problems: rows.flatMap(({ problems }) => problems),
  };
}

async function rowOf(each: EndedJob, results: string, mounts: Mounts): Promise<Row> {
  const { job: wanted, details, attempts } = each;
  const { job } = details;
  const attempt = attempts.at(-1);
  const resultFile =
    job.state === 'published' ? basename((job.outputPath ?? '').replaceAll('\\', '/')) : undefined;
  const inspection =
    resultFile === undefined ? undefined : await inspectResult(join(results, resultFile), wanted, mounts);
  const tookMs = (attempt?.endedAt?.getTime() ?? NaN) - (attempt?.assignedAt?.getTime() ?? NaN);
  return {
    cells: [
      wanted.name,
      job.queue,
      job.agentId ?? '',
      Number.isNaN(tookMs) ? '' : (tookMs / 1000).toFixed(1),
      copiedText(attempt?.usage),
      prefetchedText(each),
      inspection === undefined ? job.state : verdict(inspection),
      resultFile ?? '',
    ],
    resultFile,
    problems: [...endProblems(each), ...(inspection?.problems ?? [])].map(
      (text) => `${wanted.name}: ${text}`,
    ),
  };
}

function copiedText(usage: UsageView | undefined): string {
  if (usage === undefined) return '';
  const { copiedFiles, copiedBytes } = usage;
  return copiedFiles === 0 ? 'nothing' : `${copiedFiles} files, ${bytesText(copiedBytes)}`;
}

function prefetchedText({ details, attempts }: EndedJob): string {
  const usage = attempts.at(-1)?.usage;
  if (usage === undefined || !wasPrefetched(details.timeline, details.job.agentId)) return 'no';
  return `yes: ${usage.reusedFiles} of ${usage.reusedFiles + usage.copiedFiles} files`;
}

function wasPrefetched(timeline: EndedJob['details']['timeline'], agentId: string | undefined): boolean {
  return timeline.some((entry) => entry.what === 'prefetched' && entry.agentId === agentId);
}

function verdict({ summary, problems }: Inspection): string {
  return problems.length === 0 ? `good: ${summary}` : `BAD: ${summary}`;
}

function endProblems({ job: wanted, details, attempts }: EndedJob): readonly string[] {
  const { job, timeline } = details;
  const said = `${job.errorMessage ?? ''} ${job.problems.map(({ message }) => message).join(' ')}`;
  if (job.state !== wanted.ends) return [`it is ${job.state}, not ${wanted.ends}: ${said}`];
  const unnamed = (wanted.errorNames ?? []).filter((name) => !said.includes(name));
  const copied = attempts.at(-1)?.usage?.copiedFiles ?? 0;
  return [
    ...unnamed.map((name) => `its error does not name ${name}`),
    ...(copied > 0 && wasPrefetched(timeline, job.agentId) && job.state === 'published'
      ? [`${copied} files were copied although all had been prefetched`]
      : []),
  ];
}
