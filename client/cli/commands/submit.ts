import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { RenderfarmError } from '../../errors.ts';
import { parseJobFile } from '../../job-file.ts';
import type { JobInput, OptionsInput, Priority, RateProfile, WishesInput } from '../../job-input.ts';
import { present } from '../../present.ts';
import type { RenderfarmClient } from '../../renderfarm-client.ts';
import type { Submission } from '../../views.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { jsonLine } from '../json-lines.ts';
import { printError } from '../print-error.ts';
import { note, say, type Terminal } from '../terminal.ts';

export interface SubmitCommandOptions {
  /** Ids of jobs that are rows already. */
  readonly stored?: readonly string[];
  readonly watch?: boolean;
  readonly dryRun?: boolean;
  readonly priority?: Priority;
  readonly queue?: string;
  readonly onlyOn?: readonly string[];
  readonly notOn?: readonly string[];
  readonly label?: readonly string[];
  readonly notBefore?: Date;
  readonly deadline?: Date;
  readonly profile?: RateProfile;
  /** False where it was given: `--no-cache`. */
  readonly cache?: boolean;
  readonly keepFailed?: boolean;
  readonly fullDecode?: boolean;
  readonly loudness?: boolean;
  readonly contactSheet?: boolean;
  readonly preview?: boolean;
}

interface NamedJob {
  readonly file: string;
  readonly job: JobInput;
}

/**
 * Checks all files, by themselves and then at the controller, and only when all are good submits them, one after
 * another. A dry run ends before that.
 */
export async function submit(
  client: RenderfarmClient,
  terminal: Terminal,
  files: readonly string[],
  options: SubmitCommandOptions,
): Promise<ExitCode> {
  if (options.stored !== undefined) return await submitRows(client, terminal, files, options.stored, options);
  if (files.length === 0) {
    throw new RenderfarmError(
      'INVALID_OPTIONS',
      'name job files, - for standard input, or --stored with the id of a row',
    );
  }
  const jobs = await readJobs(terminal, files, options);
  if (jobs === undefined) return exitCodes.invalid;
  const isDryRun = options.dryRun === true;
  // One job needs no round of its own: its submission checks it.
  if ((isDryRun || jobs.length > 1) && !(await validateAll(client, terminal, jobs, isDryRun))) {
    return exitCodes.invalid;
  }
  if (isDryRun) return exitCodes.ok;
  const submitted = await submitAll(client, terminal, jobs);
  return options.watch === true ? await follow(client, terminal, { jobIds: submitted }) : exitCodes.ok;
}

/** Jobs that are rows of the studio's tables: what they ask for stands there. */
async function submitRows(
  client: RenderfarmClient,
  terminal: Terminal,
  files: readonly string[],
  jobIds: readonly string[],
  { dryRun = false, watch = false, ...others }: SubmitCommandOptions,
): Promise<ExitCode> {
  const beside = Object.keys(others).filter(
    (name) => name !== 'stored' && others[name as keyof typeof others] !== undefined,
  );
  // `--no-cache` has a value where it was not given.
  const unfit = beside.filter((name) => name !== 'cache' || others.cache === false);
  if (files.length > 0 || unfit.length > 0) {
    const what = files.length > 0 ? 'job files' : `--${unfit.join(', --')}`;
    throw new RenderfarmError(
      'INVALID_OPTIONS',
      `--stored takes no ${what}: what the job asks for is in its row`,
    );
  }
  const submitted: string[] = [];
  for (const jobId of jobIds) {
    const result = await client.submitStored(jobId, { validateOnly: dryRun, signal: terminal.signal });
    say(terminal, submissionLine(terminal, jobId, result, dryRun));
    submitted.push(result.jobId);
  }
  return watch && !dryRun ? await follow(client, terminal, { jobIds: submitted }) : exitCodes.ok;
}

/** Lets the controller check every job; false where it would not take one: all that is wrong has been said then. */
async function validateAll(
  client: RenderfarmClient,
  terminal: Terminal,
  jobs: readonly NamedJob[],
  isDryRun: boolean,
): Promise<boolean> {
  let isGood = true;
  for (const { file, job } of jobs) {
    try {
      const result = await client.submit(job, { validateOnly: true, signal: terminal.signal });
      if (isDryRun) say(terminal, submissionLine(terminal, file, result, true));
    } catch (error) {
      const named = aboutFile(error, file);
      if (!(named instanceof RenderfarmError) || named.status !== 'INVALID_ARGUMENT') throw named;
      printError(terminal, named, false);
      isGood = false;
    }
  }
  return isGood;
}

async function submitAll(
  client: RenderfarmClient,
  terminal: Terminal,
  jobs: readonly NamedJob[],
): Promise<readonly string[]> {
  const submitted: string[] = [];
  for (const { file, job } of jobs) {
    try {
      const result = await client.submit(job, { signal: terminal.signal });
      say(terminal, submissionLine(terminal, file, result, false));
      submitted.push(result.jobId);
    } catch (error) {
      if (jobs.length > 1) noteWhatIsDone(terminal, file, submitted.length, jobs.length);
      throw aboutFile(error, file);
    }
  }
  return submitted;
}

/** What the controller says of a job does not know the file that it came from. */
function aboutFile(error: unknown, file: string): unknown {
  if (!(error instanceof RenderfarmError) || error.status !== 'INVALID_ARGUMENT') return error;
  const { code, message, status, violations, violationCount, cause } = error;
  return new RenderfarmError(code, `${file}: ${message}`, {
    status,
    violations,
    violationCount,
    resource: { type: 'job file', name: file },
    cause,
  });
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
      jobs.push({ file, job: withOptions(job, options) });
    } catch (error) {
      if (!(error instanceof RenderfarmError)) throw error;
      printError(terminal, error, false);
    }
  }
  return jobs.length === files.length ? jobs : undefined;
}

/** What the command line says goes before what the file says, one by one. */
function withOptions(job: JobInput, options: SubmitCommandOptions): JobInput {
  const { priority, queue, onlyOn, notOn, label, notBefore, deadline } = options;
  const wishes: WishesInput = {
    ...job.wishes,
    ...present('onlyOn', onlyOn),
    ...present('notOn', notOn),
    ...present('labels', label),
  };
  const asked: OptionsInput = { ...job.options, ...askedBy(options) };
  return {
    ...job,
    ...present('priority', priority),
    ...present('queue', queue),
    ...(Object.keys(wishes).length > 0 && { wishes }),
    ...present('notBefore', notBefore),
    ...present('deadline', deadline),
    ...(Object.keys(asked).length > 0 && { options: asked }),
  };
}

function askedBy(options: SubmitCommandOptions): OptionsInput {
  const { profile, cache, keepFailed, fullDecode, loudness, contactSheet, preview } = options;
  return {
    ...present('rateProfile', profile),
    ...present('noCache', cache === false || undefined),
    ...present('keepFailed', keepFailed),
    ...present('fullDecode', fullDecode),
    ...present('loudnessReport', loudness),
    ...present('contactSheet', contactSheet),
    ...present('preview', preview),
  };
}

/** The text of a job file; `-` is standard input. @throws RenderfarmError INVALID_JOB_FILE */
export async function fileText(file: string): Promise<string> {
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
