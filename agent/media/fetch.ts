import { copyFile, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import type { FailureClass, Problem, ResolvedItem } from '../../proto/agent-link.ts';
import type { CachedFile, ContentCache } from './content-cache.ts';
import { MediaError } from './media-error.ts';
import { type MountedPath, type Mounts, resolveUnc, UncError } from './unc.ts';

export interface FetchOptions {
  readonly mounts: Mounts;
  readonly cache: ContentCache;
  /** Where the files get the names that the commands use; left out for a prefetch. */
  readonly workFolder?: string;
  /** @default process.platform */
  readonly platform?: string;
  /** Files at a time. @default 5 (mission.md section 3) */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called for each file as soon as it is there, in the order of arrival. */
  readonly onFile?: (file: FetchedFile) => void;
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

/** How many files the message names; the problems are all there. */
const filesNamedMax = 20;

/**
 * Brings all sources and logos of a job here, several at a time. Every file is tried, so that all that is wrong is told
 * at once. Rejects only with the signal's reason (nothing stays pinned then), or when the work folder cannot be written.
 */
export async function fetchItems(
  items: readonly ResolvedItem[],
  options: FetchOptions,
): Promise<FetchResult> {
  const { concurrency = 5 } = options;
  const pins: (() => void)[] = [];
  const release = (): void => {
    for (const pin of pins) pin();
  };
  // No file's error stops the others: what is under way must have ended before anything is released.
  const outcomes = await pMap(
    items.flatMap(filesOf),
    (file) => fetchFile(file, options, pins).catch((error: unknown) => ({ thrown: error })),
    { concurrency },
  );
  const thrown = outcomes.find((outcome) => 'thrown' in outcome);
  if (thrown !== undefined) {
    release();
    throw thrown.thrown as Error;
  }
  const files = outcomes.flatMap((outcome) => ('file' in outcome ? outcome.file : []));
  const failed = outcomes.flatMap((outcome) => ('fault' in outcome ? outcome : []));
  return { files, problems: failed.map((outcome) => outcome.fault), ...verdict(failed), release };
}

interface WantedFile {
  readonly role: 'source' | 'logo';
  readonly item: ResolvedItem;
  readonly uncPath: string;
  readonly name: string;
}

type FileOutcome =
  | { readonly file: FetchedFile }
  | { readonly fault: Problem; readonly failureClass: FailureClass };

function filesOf(item: ResolvedItem): readonly WantedFile[] {
  const name = `${item.itemType}_${item.position}${extensionOf(item.path)}`;
  const source: WantedFile = { role: 'source', item, uncPath: item.path, name };
  const { logoPath } = item;
  if (logoPath === undefined) return [source];
  return [source, { role: 'logo', item, uncPath: logoPath, name: `logo_${item.position}.png` }];
}

// What goes into a file name of ours must be harmless in a command line and in a concat list.
function extensionOf(path: string): string {
  return /\.[A-Za-z0-9]{1,8}$/u.exec(path)?.[0] ?? '';
}

async function fetchFile(
  wanted: WantedFile,
  options: FetchOptions,
  pins: (() => void)[],
): Promise<FileOutcome> {
  const { cache, signal, mounts, platform = process.platform } = options;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  let source: MountedPath;
  let cached: CachedFile;
  try {
    source = locate(wanted, mounts, platform);
    cached = await cache.acquire(source, signal);
  } catch (error) {
    signal?.throwIfAborted();
    return faultOf(error, wanted);
  }
  pins.push(() => cached.release());
  const { role, item, name } = wanted;
  const file: FetchedFile = {
    role,
    item,
    name,
    uncPath: source.uncPath,
    path:
      options.workFolder === undefined
        ? cached.path
        : await place(cached.path, join(options.workFolder, name)),
    contentPath: cached.path,
    sha256: cached.sha256,
    sizeBytes: cached.sizeBytes,
    reused: cached.reused,
    ms: Math.round(performance.now() - startedAt),
  };
  options.onFile?.(file);
  return { file };
}

function locate({ role, item, uncPath }: WantedFile, mounts: Mounts, platform: string): MountedPath {
  if (uncPath.trim() === '') {
    const what = role === 'logo' ? `the logo of ${item.itemType}` : item.itemType;
    throw new MediaError('PATH_MISSING', `No path for ${what} at position ${item.position}`);
  }
  return resolveUnc(uncPath, mounts, platform);
}

/** A hard link costs nothing; another disk, or one that has no links, gets a copy. */
async function place(content: string, path: string): Promise<string> {
  await rm(path, { force: true });
  await link(content, path).catch(() => copyFile(content, path));
  return path;
}

function faultOf(error: unknown, { role, item, uncPath }: WantedFile): FileOutcome {
  if (!(error instanceof MediaError) && !(error instanceof UncError)) throw error;
  const reason = error.message.slice(error.code.length + 2);
  const what = `${role === 'logo' ? 'logo of ' : ''}${item.itemType} at position ${item.position}`;
  const message = error.code === 'PATH_MISSING' ? reason : `${what}: ${reason}`;
  return {
    fault: { position: item.position, subject: uncPath, code: error.code, message },
    failureClass: error instanceof UncError ? 'input' : error.failureClass,
  };
}

function verdict(
  failed: readonly { readonly fault: Problem; readonly failureClass: FailureClass }[],
): Pick<FetchResult, 'message' | 'failureClass'> {
  if (failed.length === 0) return {};
  const named = failed.slice(0, filesNamedMax).map((outcome) => outcome.fault.message);
  const isAllPaths = failed.every((outcome) => outcome.fault.code === 'PATH_MISSING');
  const more = failed.length > filesNamedMax ? [`and ${failed.length - filesNamedMax} more`] : [];
  return {
    // Both openings are what people search their logs for.
    message: `${isAllPaths ? '' : `Failed to copy ${failed.length} files: `}${[...named, ...more].join('; ')}`,
    // One file that can never be had fails the job, however well the share is tomorrow.
    failureClass: failed.some((outcome) => outcome.failureClass === 'input') ? 'input' : 'environment',
  };
}
