import { loudnessText } from '../../proto/index.ts';
import type { JobChange, JobView } from '../views.ts';
import { clockText, safeText, timeText } from './format.ts';
import { tableLines } from './table.ts';

/** A table of jobs. */
export function jobTable(jobs: readonly JobView[]): readonly string[] {
  return tableLines(
    ['JOB', 'USER', 'CHANNEL', 'QUEUE', 'PRIORITY', 'STATE', '%', 'AGENT', 'SUBMITTED'],
    jobs.map((job) => [
      job.jobId,
      job.userId,
      job.channelName,
      job.queue,
      job.priority,
      job.state,
      String(job.progressPercent),
      job.agentId ?? '',
      timeText(job.submittedAt),
    ]),
  );
}

/** A change as a line of a log: `JOB state 42% on pc1, 3:10 left: news`. */
export function changeLine({ job, news }: JobChange): string {
  const state = stateText(job);
  // What the state says already (`failed: why`, `published path`) is no news.
  const isNew = ({ what, detail }: JobChange['news'][number]) =>
    !(state.startsWith(what) && state.includes(detail ?? ''));
  const parts = [
    job.jobId,
    state,
    ...news.filter(isNew).map(({ what, detail }) => [what, detail].filter(Boolean).join(' ')),
  ];
  return safeText(parts.join('  '));
}

/** `running 42% on pc1, 3:10 left`; for a job that waits, why. */
export function stateText(job: JobView): string {
  switch (job.state) {
    case 'published':
      return [`published ${job.outputPath ?? ''}`.trimEnd(), besideText(job)].filter(Boolean).join(' ');
    case 'failed':
    case 'quarantined':
      return [job.state, job.errorMessage].filter(Boolean).join(': ');
    case 'held':
    case 'waiting':
    case 'delayed':
    case 'cancelled':
      return [job.state, job.reason].filter(Boolean).join(': ');
    case 'assigned':
    case 'preparing':
    case 'running':
    case 'finishing':
    case 'ready':
    case 'publishing':
      return runningText(job);
  }
}

/** `(with contact sheet and preview; -14.1 LUFS, ...)`: what was asked for and has come of it. */
function besideText(job: JobView): string {
  const beside = [job.contactSheetPath && 'contact sheet', job.previewPath && 'preview'].filter(Boolean);
  const parts = [
    beside.length === 0 ? undefined : `with ${beside.join(' and ')}`,
    job.loudness && loudnessText(job.loudness),
  ];
  const text = parts.filter(Boolean).join('; ');
  return text === '' ? '' : `(${text})`;
}

function runningText(job: JobView): string {
  const where = job.agentId === undefined ? '' : ` on ${job.agentId}`;
  const left = job.etaMs === undefined ? '' : `, ${clockText(job.etaMs)} left`;
  const why = job.reason === undefined ? '' : `: ${job.reason}`;
  return `${job.state} ${job.progressPercent}%${where}${left}${why}`;
}

/** What was asked for: `profile quality, no-cache, preview`, in the words of the command line. */
export function optionsText({ options = {} }: JobView): string {
  const { rateProfile, noCache, keepFailed, fullDecode, loudnessReport, contactSheet, preview } = options;
  return [
    rateProfile && `profile ${rateProfile}`,
    noCache && 'no-cache',
    keepFailed && 'keep-failed',
    fullDecode && 'full-decode',
    loudnessReport && 'loudness',
    contactSheet && 'contact-sheet',
    preview && 'preview',
  ]
    .filter(Boolean)
    .join(', ');
}

/** The problems of a job that failed, a line each. */
export function problemLines(job: JobView): readonly string[] {
  return job.problems.map(({ position, subject, code, message }) => {
    const where = [position === undefined ? undefined : `item ${position}`, subject]
      .filter(Boolean)
      .join(' ');
    return safeText(`  ${where === '' ? '' : `${where}: `}${message} [${code}]`);
  });
}
