import type { FailureClass, Problem } from '../../proto/agent-link.ts';
import { runProcess } from '../process/run.ts';
import type { MediaFacts } from '../render/facts.ts';
import type { ContentCache } from './content-cache.ts';
import { readNote, writeNote } from './content-note.ts';
import type { FetchedFile } from './fetch.ts';
import { openGate } from './gate.ts';
import { ProbeError, type ProbeOptions, probeMedia } from './probe.ts';

export interface ProbeFilesOptions extends ProbeOptions {
  /** Where facts are kept with their content, so that a prefetched job probes nothing. */
  readonly cache: Pick<ContentCache, 'notePath'>;
  /** From `ffprobeVersion`: facts of another version are found out anew. */
  readonly version: string;
  /** Files at a time. @default 8 (mission.md section 3) */
  readonly concurrency?: number;
  readonly onFacts?: (file: FetchedFile, facts: MediaFacts) => void;
}

/**
 * One shape for success and failure: with problems there is a message and a class. Whether a file that can be read is
 * what its place in the job needs is not decided here but by the plan.
 */
export interface ProbeResult {
  /** By `FetchedFile.name`. */
  readonly facts: ReadonlyMap<string, MediaFacts>;
  /** Why a file has no facts, without its path; by `FetchedFile.name`. */
  readonly errors: ReadonlyMap<string, string>;
  /** Contents that ffprobe had to look at; the others' facts were known. */
  readonly probed: number;
  readonly problems: readonly Problem[];
  readonly message?: string;
  readonly failureClass?: FailureClass;
}

/** Grows when probing finds out other things than before: older notes are then ignored. */
const factsVersion = 3;
const filesNamedMax = 20;

/** Probes the files of one job as they come, each content once. */
export interface FileProber {
  /** Undefined when nothing can be found out about the file: `result` says why. Rejects with the signal's reason. */
  probe(file: FetchedFile): Promise<MediaFacts | undefined>;
  /** Of these files, in their order, once every `probe` is settled. */
  result(files: readonly FetchedFile[]): ProbeResult;
}

/** What all files of a job are, each content once. Every file is tried. Rejects only with the signal's reason. */
export async function probeFiles(
  files: readonly FetchedFile[],
  options: ProbeFilesOptions,
): Promise<ProbeResult> {
  const prober = openFileProber(options);
  await Promise.allSettled(files.map((file) => prober.probe(file)));
  options.signal?.throwIfAborted();
  return prober.result(files);
}

export function openFileProber(options: ProbeFilesOptions): FileProber {
  const { concurrency = 8, signal } = options;
  const limit = openGate(concurrency);
  const looks = new Map<string, Promise<Look>>();
  const outcomes = new Map<FetchedFile, Look>();
  const look = async (file: FetchedFile): Promise<Look> => {
    const leave = await limit.enter(signal);
    try {
      return await lookAt(file, options);
    } finally {
      leave();
    }
  };
  return {
    async probe(file) {
      const looking = looks.get(file.sha256) ?? look(file);
      looks.set(file.sha256, looking);
      const outcome = await looking;
      signal?.throwIfAborted();
      outcomes.set(file, outcome);
      if (!('facts' in outcome)) return undefined;
      options.onFacts?.(file, outcome.facts);
      return outcome.facts;
    },
    result: (files) =>
      resultOf(
        files.flatMap((file) => {
          const outcome = outcomes.get(file);
          return outcome === undefined ? [] : [[file, outcome] as const];
        }),
      ),
  };
}

function resultOf(all: readonly (readonly [FetchedFile, Look])[]): ProbeResult {
  const bad = all.flatMap(([file, outcome]) => ('facts' in outcome ? [] : { file, ...outcome }));
  const contents = new Map(all.map(([file, outcome]) => [file.sha256, outcome]));
  return {
    facts: new Map(
      all.flatMap(([file, outcome]) => ('facts' in outcome ? [[file.name, outcome.facts]] : [])),
    ),
    errors: new Map(bad.map(({ file, error }) => [file.name, error.message])),
    probed: [...contents.values()].filter((one) => one.isNew).length,
    problems: bad.map(({ file, error }) => problemOf(file, error)),
    ...verdict(bad),
  };
}

/** The first line of `ffprobe -version`. Rejects with ProbeError when ffprobe cannot be run. */
export async function ffprobeVersion({ ffprobe = 'ffprobe', signal }: ProbeOptions = {}): Promise<string> {
  const result = await runProcess({
    file: ffprobe,
    args: ['-version'],
    stdoutCharsMax: 4096,
    timeoutMs: 10_000,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  if (result.succeeded) return result.stdout.split('\n')[0]?.trim() ?? '';
  throw new ProbeError(
    'FFPROBE_FAILED',
    `${ffprobe} -version failed: ${result.spawnError ?? result.stderrTail.join(' ')}`,
  );
}

/** What this version of ffprobe has found out about a content here; undefined when that is not known. */
export function knownFacts(
  sha256: string,
  cache: Pick<ContentCache, 'notePath'>,
  version: string,
): Promise<MediaFacts | undefined> {
  return readNote(cache.notePath(sha256, 'facts'), noteVersion(version));
}

type Outcome = { readonly facts: MediaFacts } | { readonly error: ProbeError };
type Look = Outcome & { readonly isNew: boolean };

async function lookAt(file: FetchedFile, options: ProbeFilesOptions): Promise<Look> {
  const version = noteVersion(options.version);
  const notePath = options.cache.notePath(file.sha256, 'facts');
  const known = await readNote<MediaFacts>(notePath, version);
  if (known !== undefined) return { facts: known, isNew: false };
  try {
    const facts = await probeMedia(file.contentPath, options);
    await writeNote(notePath, version, facts);
    return { facts, isNew: true };
  } catch (error) {
    if (error instanceof ProbeError) return { error, isNew: true };
    const reason = error instanceof Error ? error.message : String(error);
    return { error: new ProbeError('FFPROBE_FAILED', reason), isNew: true };
  }
}

function noteVersion(version: string): string {
  return `${factsVersion} ${version}`;
}

function problemOf({ role, item, uncPath }: FetchedFile, error: ProbeError): Problem {
  const what = `${role === 'logo' ? 'logo of ' : ''}${item.itemType} at position ${item.position}`;
  return {
    position: item.position,
    subject: uncPath,
    code: error.code,
    // What people search their logs for comes first.
    message: `Could not get duration for ${uncPath} (${what}): ${error.message}`,
  };
}

function verdict(
  bad: readonly { readonly file: FetchedFile; readonly error: ProbeError }[],
): Pick<ProbeResult, 'message' | 'failureClass'> {
  if (bad.length === 0) return {};
  const named = bad.slice(0, filesNamedMax).map(({ file, error }) => problemOf(file, error).message);
  const more = bad.length > filesNamedMax ? [`and ${bad.length - filesNamedMax} more`] : [];
  return {
    message: [...named, ...more].join('; '),
    failureClass: bad.some(({ error }) => error.failureClass === 'input') ? 'input' : 'environment',
  };
}
