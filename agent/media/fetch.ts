import { copyFile as copyLocalFile, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import type { FailureClass, Problem, ResolvedItem } from '../../proto/agent-link.ts';
import type { CachedFile, ContentCache, LookedAt } from './content-cache.ts';
import { type CopyPlace, withPlace } from './copy-place.ts';
import type { RoomHold } from './disk-room.ts';
import { openGate } from './gate.ts';
import type { PacedCopy } from './pace.ts';
import type { MountedPath, Mounts } from './unc.ts';
import {
  type FileFault,
  faultOf,
  filesOf,
  isFault,
  locate,
  verdict,
  type WantedFile,
} from './wanted-files.ts';

export interface FetchOptions {
  readonly mounts: Mounts;
  readonly cache: ContentCache;
  /** Where the files get the names that the commands use; left out for a prefetch. */
  readonly workFolder?: string;
  /** @default process.platform */
  readonly platform?: string;
  /** Files at a time, without those that are waited for because they still grow. @default 5 (mission.md section 3) */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called for each file as soon as it is there, in the order of arrival. */
  readonly onFile?: (file: FetchedFile) => void;
  /** Called for each file that cannot be had, as soon as that is known. */
  readonly onFault?: (fault: Problem) => void;
  /**
   * The files of the first item are copied alone until they are here, at most so long: all copies share the line, and
   * the first frame waits for these. @default 0: no file goes first
   */
  readonly headStartMs?: number;
  /** The job's room, which the copies are made in. @default what is free */
  readonly hold?: RoomHold;
  /** For a hint: asked for the pace of each copy before it begins. @default a job's copies, at full speed */
  readonly ahead?: () => PacedCopy;
  /** Called once, when every file was looked at and none copied; its rejection is that of the whole. What is here by then is told before. */
  readonly onMeasured?: (measured: MeasuredFiles) => Promise<void> | undefined;
}

/** The files of a job by their sizes, each once. A file that could not be looked at counts nothing. */
export interface MeasuredFiles {
  readonly totalBytes: number;
  /** Of these, what must be copied. */
  readonly missingBytes: number;
}

/** A source or a logo that is here. */
export interface FetchedFile {
  readonly role: 'source' | 'logo';
  readonly item: ResolvedItem;
  /** `{item_type}_{position}{ext}` or `logo_{position}.png`. */
  readonly name: string;
  readonly uncPath: string;
  /** In the work folder where there is one, else in the cache. */
  readonly path: string;
  /** In the cache: what facts are made from, whatever the name pretends. */
  readonly contentPath: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** True: nothing was copied for it ("Skipping (already exists)"). */
  readonly reused: boolean;
  readonly ms: number;
}

/** One shape for success and failure: with problems there is a message and a class. */
export interface FetchResult {
  /** In the order of the items; each item's source before its logo. */
  readonly files: readonly FetchedFile[];
  readonly problems: readonly Problem[];
  /** `Failed to copy N files: ...`; absent when there is no problem. */
  readonly message?: string;
  /** `input` when any file of the job is at fault, else `environment`. */
  readonly failureClass?: FailureClass;
  /** Lets the cache evict the files again: when the attempt has ended. Idempotent. */
  readonly release: () => void;
}

/**
 * Brings all sources and logos of a job here, several at a time, in the order of the items; what is here already comes
 * first. Every file is tried, so that all that is wrong is told at once. Rejects only with the signal's reason (nothing
 * stays pinned then), or when the work folder cannot be written.
 */
export async function fetchItems(
  items: readonly ResolvedItem[],
  options: FetchOptions,
): Promise<FetchResult> {
  const pins: (() => void)[] = [];
  const release = (): void => {
    for (const pin of pins) pin();
  };
  try {
    const looks = await lookAtFiles(items.flatMap(filesOf), options, pins);
    await options.onMeasured?.(measure(looks));
    const outcomes = await copyFiles(looks, options, pins);
    const files = outcomes.flatMap((outcome) => ('file' in outcome ? outcome.file : []));
    const failed = outcomes.flatMap((outcome) => ('fault' in outcome ? outcome : []));
    return { files, problems: failed.map((outcome) => outcome.fault), ...verdict(failed), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** No file's error stops the others: what is under way must have ended before anything is released. */
async function copyFiles(
  looks: readonly FileLook[],
  options: FetchOptions,
  pins: (() => void)[],
): Promise<readonly FileOutcome[]> {
  const { concurrency = 5, headStartMs = 0 } = options;
  const gate = openGate(concurrency);
  const copy = (look: FileLook): Promise<FileOutcome | Thrown> =>
    orThrown(() => withPlace(gate, undefined, (place) => copyFile(look, options, pins, place)));
  const first = looks.filter((look) => headStartMs > 0 && look.wanted.item === looks[0]?.wanted.item);
  const ahead = new Map(first.map((look) => [look, copy(look)]));
  await soon(Promise.all(ahead.values()), headStartMs);
  const outcomes = await Promise.all(looks.map((look) => ahead.get(look) ?? copy(look)));
  return unlessThrown(outcomes);
}

type FileOutcome = { readonly file: FetchedFile } | FileFault;

/** What a look at a file's source came to; `file`: it was here. */
type FileLook = { readonly wanted: WantedFile } & (
  | { readonly source: MountedPath; readonly looked: LookedAt; readonly file?: FetchedFile }
  | FileFault
);

interface Thrown {
  readonly thrown: unknown;
}

/** Looks at every source once, and pins what is here already: the copies of this very job must not drive it out. */
async function lookAtFiles(
  files: readonly WantedFile[],
  options: FetchOptions,
  pins: (() => void)[],
): Promise<readonly FileLook[]> {
  const { mounts, cache, signal, ahead, concurrency = 5, platform = process.platform } = options;
  const keeper = ahead === undefined ? 'job' : 'hint';
  const looks = new Map<string, Promise<LookedAt>>();
  const lookAt = async (source: MountedPath): Promise<LookedAt> => {
    const looked = await cache.look(source, keeper, signal);
    if (looked.file !== undefined) pins.push(() => looked.file?.release());
    return looked;
  };
  const lookAtFile = async (wanted: WantedFile): Promise<FileLook> => {
    try {
      signal?.throwIfAborted();
      const source = locate(wanted, mounts, platform);
      const look = looks.get(source.localPath) ?? lookAt(source);
      looks.set(source.localPath, look);
      const looked = await look;
      if (looked.file === undefined) return { wanted, source, looked };
      return { wanted, source, looked, file: await deliver(wanted, source, looked.file, undefined, options) };
    } catch (error) {
      return faultLook(error, wanted, options);
    }
  };
  const outcomes = await pMap(files, (wanted) => orThrown(() => lookAtFile(wanted)), { concurrency });
  if (outcomes.some((outcome) => 'thrown' in outcome)) signal?.throwIfAborted();
  return unlessThrown(outcomes);
}

/** What is wrong with a file is told at once; anything else is thrown on. */
function faultLook(
  error: unknown,
  wanted: WantedFile,
  { signal, onFault }: FetchOptions,
): { readonly wanted: WantedFile } & FileFault {
  signal?.throwIfAborted();
  if (!isFault(error)) throw error;
  const fault = faultOf(error, wanted);
  onFault?.(fault.fault);
  return { wanted, ...fault };
}

async function orThrown<T>(act: () => Promise<T>): Promise<T | Thrown> {
  try {
    return await act();
  } catch (error) {
    return { thrown: error };
  }
}

function unlessThrown<T extends object>(outcomes: readonly (T | Thrown)[]): readonly T[] {
  return outcomes.map((outcome) => {
    if ('thrown' in outcome) throw outcome.thrown;
    return outcome;
  });
}

/** Resolves when the work is done, or a while later. */
async function soon(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function measure(looks: readonly FileLook[]): MeasuredFiles {
  const seen = new Map(
    looks.flatMap((look) => ('looked' in look ? [[look.source.localPath, look.looked]] : [])),
  );
  const bytesOf = (all: readonly LookedAt[]): number =>
    all.reduce((sum, { seen: { sizeBytes } }) => sum + sizeBytes, 0);
  const all = [...seen.values()];
  return { totalBytes: bytesOf(all), missingBytes: bytesOf(all.filter(({ file }) => file === undefined)) };
}

async function copyFile(
  look: FileLook,
  options: FetchOptions,
  pins: (() => void)[],
  place: CopyPlace,
): Promise<FileOutcome> {
  if ('fault' in look) return look;
  if (look.file !== undefined) return { file: look.file };
  const startedAt = performance.now();
  const { wanted, source } = look;
  let cached: CachedFile;
  try {
    options.signal?.throwIfAborted();
    cached = await acquire(look, options, place);
  } catch (error) {
    return faultLook(error, wanted, options);
  }
  pins.push(() => cached.release());
  return { file: await deliver(wanted, source, cached, startedAt, options) };
}

/** Puts a content of the cache where the commands want it, and tells of it. */
async function deliver(
  { role, item, name }: WantedFile,
  { uncPath }: MountedPath,
  cached: CachedFile,
  startedAt: number | undefined,
  { workFolder, onFile }: FetchOptions,
): Promise<FetchedFile> {
  const { path, sha256, sizeBytes, reused } = cached;
  const file: FetchedFile = {
    ...{ role, item, name, uncPath, sha256, sizeBytes, reused },
    path: workFolder === undefined ? path : await place(path, join(workFolder, name)),
    contentPath: path,
    ms: startedAt === undefined ? 0 : Math.round(performance.now() - startedAt),
  };
  onFile?.(file);
  return file;
}

async function acquire(
  { source, looked: { seen } }: Extract<FileLook, { source: unknown }>,
  { cache, signal, hold, ahead }: FetchOptions,
  place: CopyPlace,
): Promise<CachedFile> {
  const paced = ahead?.();
  try {
    return await cache.acquire(source, signal, {
      ...{ seen, place },
      ...(hold === undefined ? {} : { hold }),
      ...(paced === undefined ? {} : { pace: paced.pace }),
    });
  } finally {
    paced?.end();
  }
}

/** A hard link costs nothing; another disk, or one that has no links, gets a copy. */
async function place(content: string, path: string): Promise<string> {
  await rm(path, { force: true });
  await link(content, path).catch(() => copyLocalFile(content, path));
  return path;
}
