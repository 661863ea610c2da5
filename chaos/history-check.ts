/**
 * The judge: proves from what agents wrote down and clients were told that every job which was acknowledged ended, and
 * that each was published at most once, by an attempt that was allowed to. It knows nothing of the controller.
 */
import type { JournalRecord } from '../agent/core/journal-records.ts';
import type { JobState } from '../client/views.ts';
import { fenceText, type JobRef } from '../proto/agent-link.ts';
import type { History } from './history.ts';
import { jobOfResult, type ToldLine } from './history-lines.ts';

export interface Violation {
  readonly rule: RuleName;
  readonly jobId: string;
  readonly detail: string;
}

export type RuleName =
  /** Acknowledged, and the farm does not know it any more. */
  | 'job-lost'
  /** Acknowledged, and without an end although the farm had all the time for it. */
  | 'never-ended'
  /** A client was told one end, and later another. */
  | 'end-changed'
  /** Told as published, and no file bears its name. */
  | 'file-missing'
  /** Told as cancelled, failed or quarantined, and published all the same. */
  | 'published-after-end'
  /** Two files were renamed to its name, one over the other. */
  | 'published-twice'
  /** The file comes from another job, or says nothing of its attempt. */
  | 'foreign-content'
  /** The file has not the size that its attempt had staged. */
  | 'torn-file'
  /** The file comes from an attempt that no agent ever wrote down a grant for. */
  | 'published-without-grant'
  /** Journals of two attempts both say that theirs was published. */
  | 'two-say-published'
  /** It got its name in a folder that only stood in for the output share: nobody will find it. */
  | 'published-elsewhere'
  /** A broken job cannot be published. */
  | 'broken-published';

export interface Verdict {
  readonly jobs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly publishedTwice: number;
  /** Encoding that published jobs needed, over all that was done; undefined where nobody counted. */
  readonly usefulShare: number | undefined;
  readonly violations: readonly Violation[];
}

export function checkHistory(history: History): Verdict {
  const jobs = jobsOf(history);
  const attempts = attemptsOf(history);
  const violations = [
    ...[...jobs.values()].flatMap((job) => checkJob(job, history, attempts)),
    ...checkGrants(history, attempts),
  ];
  const counts: Record<string, number> = {};
  for (const { state } of jobs.values()) counts[state ?? 'open'] = (counts[state ?? 'open'] ?? 0) + 1;
  const of = (rule: RuleName): number =>
    new Set(violations.filter((v) => v.rule === rule).map((v) => v.jobId)).size;
  return {
    jobs: jobs.size,
    counts,
    lost: of('job-lost') + of('never-ended'),
    publishedTwice: of('published-twice') + of('two-say-published'),
    usefulShare: usefulShare(history),
    violations,
  };
}

interface ToldJob {
  readonly jobId: string;
  readonly isBroken: boolean;
  /** Every end that a client was told, in order. */
  readonly ends: readonly (JobState | 'unknown')[];
  readonly state: JobState | undefined;
  readonly isUnknown: boolean;
}

const endStates: readonly JobState[] = ['published', 'failed', 'cancelled', 'quarantined'];

/** The jobs that were acknowledged: nothing is promised of any other. */
function jobsOf({ told }: History): ReadonlyMap<string, ToldJob> {
  const lines = new Map<string, ToldLine[]>();
  for (const line of told) lines.set(line.jobId, [...(lines.get(line.jobId) ?? []), line]);
  const jobs = new Map<string, ToldJob>();
  for (const [jobId, own] of lines) {
    if (!own.some(({ what }) => what === 'acknowledged')) continue;
    const ends = own.flatMap((line) =>
      line.what === 'ended' || line.what === 'at-rest' ? [line.state] : [],
    );
    const known = ends.findLast((state) => state !== 'unknown' && endStates.includes(state));
    jobs.set(jobId, {
      jobId,
      isBroken: own.some((line) => line.what === 'submitting' && line.expect === 'broken'),
      ends,
      state: known === 'unknown' ? undefined : known,
      isUnknown: ends.at(-1) === 'unknown',
    });
  }
  return jobs;
}

/** What the journals say of one attempt. */
interface WrittenAttempt {
  readonly isGranted: boolean;
  readonly saysPublished: boolean;
  readonly stagedBytes: number | undefined;
  /** The name of its work folder: that of the attempt that it goes on with. */
  readonly madeBy: string;
  readonly ref: JobRef;
}

function attemptsOf({ journals }: History): ReadonlyMap<string, WrittenAttempt> {
  const attempts = new Map<string, WrittenAttempt>();
  const change = (ref: JobRef, changes: Partial<WrittenAttempt>): void => {
    const name = nameOf(ref);
    const before = attempts.get(name) ?? {
      ref,
      isGranted: false,
      saysPublished: false,
      stagedBytes: undefined,
      madeBy: name,
    };
    attempts.set(name, { ...before, ...changes });
  };
  for (const records of journals.values()) for (const record of records) note(record, change, attempts);
  return attempts;
}

function note(
  record: JournalRecord,
  change: (ref: JobRef, changes: Partial<WrittenAttempt>) => void,
  known: ReadonlyMap<string, WrittenAttempt>,
): void {
  switch (record.kind) {
    case 'accepted':
      change(record.assign.ref, record.startedAs === undefined ? {} : { madeBy: nameOf(record.startedAs) });
      return;
    case 'adopted': {
      // Goes on under another fence: what it staged, and the folder that it works in, stay.
      const { stagedBytes, madeBy = nameOf(record.ref) } = known.get(nameOf(record.ref)) ?? {};
      change({ jobId: record.ref.jobId, fence: record.fence }, { stagedBytes, madeBy });
      return;
    }
    case 'staged':
      change(record.ref, { stagedBytes: record.manifest.sizeBytes });
      return;
    case 'granted':
      change(record.ref, { isGranted: true });
      return;
    case 'ended':
      if (record.finished.outcome === 'published') change(record.ref, { saysPublished: true });
      return;
    case 'tombstone':
      if (record.tombstone.outcome === 'published') change(record.tombstone.ref, { saysPublished: true });
      return;
    default:
      return;
  }
}

function checkJob(
  job: ToldJob,
  { results, sightings, strayed }: History,
  attempts: ReadonlyMap<string, WrittenAttempt>,
): readonly Violation[] {
  const { jobId, state } = job;
  const found: Violation[] = [];
  const complain = (rule: RuleName, detail: string): void => void found.push({ rule, jobId, detail });
  const files = results.filter((file) => file.jobId === jobId);
  const inodes = new Set(
    sightings.filter(({ name }) => name.endsWith(`_${jobId}.mp4`)).map(({ inode }) => inode),
  );

  if (job.isUnknown) complain('job-lost', 'it was acknowledged, and the farm knows no such job');
  else if (state === undefined) complain('never-ended', `told: ${job.ends.join(', ') || 'nothing'}`);
  const ends = new Set(job.ends.filter((end) => end !== 'unknown'));
  if (ends.size > 1) complain('end-changed', [...ends].join(', then '));
  if (state === 'published' && files.length === 0) complain('file-missing', 'no file bears its name');
  if (state !== undefined && state !== 'published' && files.length + inodes.size > 0) {
    complain('published-after-end', `${state}, and ${files[0]?.name ?? 'a file that is gone again'}`);
  }
  if (inodes.size > 1 || files.length > 1) complain('published-twice', `${inodes.size} files had its name`);
  for (const name of strayed.filter((each) => jobOfResult(each) === jobId)) {
    complain('published-elsewhere', `${name} lies in a folder that stood in for the share`);
  }
  if (job.isBroken && files.length > 0) complain('broken-published', 'one of its files never was');
  for (const file of files) {
    if (file.attempt?.startsWith(`${jobId}-`) !== true) {
      complain('foreign-content', `${file.name} says ${file.attempt ?? 'nothing'}`);
      continue;
    }
    const staged = [...attempts.values()].flatMap((each) =>
      each.madeBy === file.attempt && each.stagedBytes !== undefined ? [each.stagedBytes] : [],
    );
    if (staged.length > 0 && !staged.includes(file.sizeBytes)) {
      complain('torn-file', `${file.name} has ${file.sizeBytes} bytes, ${staged.join(', ')} were staged`);
    }
  }
  const says = [...attempts.values()].filter(
    ({ ref, saysPublished }) => ref.jobId === jobId && saysPublished,
  );
  const makers = new Set(says.map(({ madeBy }) => madeBy));
  if (makers.size > 1) complain('two-say-published', [...makers].join(', '));
  return found;
}

/** A file whose own agent never heard of a grant was finished by another, which was asked to; no more than were asked. */
function checkGrants(
  { results, finishRequests }: History,
  attempts: ReadonlyMap<string, WrittenAttempt>,
): readonly Violation[] {
  const granted = new Set(
    [...attempts.values()].filter(({ isGranted }) => isGranted).map(({ madeBy }) => madeBy),
  );
  const without = results.filter(({ attempt }) => attempt !== undefined && !granted.has(attempt));
  return without.slice(finishRequests).map(({ jobId, name }) => ({
    rule: 'published-without-grant' as const,
    jobId,
    detail: `${name}: no journal has a grant, and nobody was asked to finish it`,
  }));
}

function usefulShare({ results, encoded, needed }: History): number | undefined {
  const spent = [...encoded.values()].reduce((sum, amount) => sum + amount, 0);
  if (spent === 0) return undefined;
  const useful = results.reduce((sum, { jobId }) => sum + (needed.get(jobId) ?? 0), 0);
  return Math.round((useful / spent) * 1000) / 1000;
}

/** As agents name the work folder. */
function nameOf({ jobId, fence }: JobRef): string {
  return `${jobId}-${fenceText(fence)}`;
}
