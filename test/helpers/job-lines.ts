import type { JobLine, WaitingJob } from '../../controller/scheduling/snapshot.ts';
import { type JobAge, type WaitingLine, WaitingLines } from '../../controller/scheduling/waiting-lines.ts';

/** The lines of some waiting jobs, as a snapshot has them. */
export function jobLines(jobs: readonly WaitingJob[]): readonly JobLine[] {
  return jobLinesOf(waitingLines(jobs), jobs);
}

/** The same of lines that change. */
export function jobLinesOf(lines: WaitingLines, jobs: readonly WaitingJob[]): readonly JobLine[] {
  const byId = new Map(jobs.map((job) => [job.jobId, job]));
  return [...lines.lines()].map((line) => ({
    key: line.key,
    needs: line.needs,
    behind: (previous: JobAge | undefined) => byId.get(line.behind(previous)?.jobId ?? ''),
    overdue: jobsOf(line).flatMap((jobId) => {
      const job = byId.get(jobId);
      return job?.promise?.overdue === true ? [job] : [];
    }),
  }));
}

export function waitingLines(jobs: readonly WaitingJob[]): WaitingLines {
  const lines = new WaitingLines();
  for (const job of jobs) lines.put(job);
  return lines;
}

/** Every job of a line, in order. */
export function jobsOf(line: WaitingLine): readonly string[] {
  const ids: string[] = [];
  for (let entry = line.behind(undefined); entry !== undefined; entry = line.behind(entry)) {
    ids.push(entry.jobId);
  }
  return ids;
}
