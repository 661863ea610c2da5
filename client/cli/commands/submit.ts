import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { RenderfarmError } from '../../errors.ts';
import { parseJobFile } from '../../job-file.ts';
import type { JobInput, Priority } from '../../job-input.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { Submission } from '../../views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { jsonLine } from '../json-lines.ts';
import { printError } from '../print-error.ts';
import { note, say, type Terminal } from '../terminal.ts';

export interface SubmitCommandOptions {
  readonly watch?: boolean;
  readonly dryRun?: boolean;
  readonly priority?: Priority;
  readonly queue?: string;
}

interface NamedJob {
  readonly file: string;
  readonly job: JobInput;
}

/** Reads and checks all files, and only when all are good submits them, one after another. */
export async function submit(
  client: RenderfarmClient,
  terminal: Terminal,
  files: readonly string[],
  options: SubmitCommandOptions,
): Promise<ExitCode> {
  const jobs = await readJobs(terminal, files, options);
  if (jobs === undefined) return exitCodes.invalid;
  const submitted: string[] = [];
  for (const { file, job } of jobs) {
    try {
      const validateOnly = options.dryRun ?? false;
      const result = await client.submit(job, { validateOnly, signal: terminal.signal });
      say(terminal, submissionLine(terminal, file, result, validateOnly));
      submitted.push(result.jobId);
    } catch (error) {
      if (jobs.length > 1) noteWhatIsDone(terminal, file, submitted.length, jobs.length);
      throw error;
    }
  }
  if (options.watch !== true || options.dryRun === true) return exitCodes.ok;
  return await follow(client, terminal, { jobIds: submitted });
}

/** Undefined where a file is not good; all that is wrong has been said then. */
async function readJobs(
  terminal: Terminal,
  files: readonly string[],
  options: SubmitCommandOptions,
): Promise<readonly NamedJob[] | undefined> {
  const jobs: NamedJob[] = [];
  for (const file of files) {
    try {
      const job = parseJobFile(await fileText(file), file === '-' ? 'standard input' : file);
      const { priority = job.priority, queue = job.queue } = options;
      jobs.push({
        file,
        job: { ...job, ...(priority !== undefined && { priority }), ...(queue !== undefined && { queue }) },
      });
    } catch (error) {
      if (!(error instanceof RenderfarmError)) throw error;
      printError(terminal, error, false);
    }
  }
  return jobs.length === files.length ? jobs : undefined;
}

async function fileText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RenderfarmError('INVALID_JOB_FILE', `cannot read ${file}: ${reason}`, { cause });
  }
}

function submissionLine(terminal: Terminal, file: string, result: Submission, isDryRun: boolean): string {
  if (terminal.json) return jsonLine({ event: isDryRun ? 'validated' : 'submitted', file, ...result });
  if (isDryRun) return `${file}: valid; queue ${result.queue}, rule ${result.routeRule}`;
  const known = result.existed ? ' (it was there already)' : '';
  return `${result.jobId}  ${result.message}${known}`;
}

function noteWhatIsDone(terminal: Terminal, file: string, done: number, all: number): void {
  if (!terminal.json) note(terminal, `${done} of ${all} jobs were submitted; stopped at ${file}`);
}
