import { MediaError } from './media-error.ts';
import type { ShareOperations } from './share-operations.ts';
import { ShareOperationError } from './share-process.ts';
import { type MountedPath, UncError } from './unc.ts';

/**
 * Turns what went wrong with a source into an error that says whose fault it is: a missing file is the job's, a missing
 * share is this PC's. They look alike from one file, so the mount itself is asked. Anything else passes through.
 */
export async function explainShareFailure(
  error: unknown,
  source: MountedPath,
  operations: ShareOperations,
  signal: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof ShareOperationError)) return error;
  const { code, message } = error;
  const path = source.uncPath;
  const share = `share ${source.share} (${source.mountPath})`;
  if (error.side === 'target') {
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    return new MediaError(isFull ? 'CACHE_FULL' : 'CACHE_UNWRITABLE', `copy of ${path}: ${message}`, error);
  }
  if (code === 'PATH_ESCAPES_SHARE') return new UncError(code, path, `is a link that leads out of ${share}`);
  if (code === 'SOURCE_CHANGED')
    return new MediaError('FILE_CHANGED', `${path} changed while it was copied`, error);
  if (code === 'SOURCE_GROWS') {
    const sizes = /\(.*\)$/u.exec(message)?.[0] ?? '';
    return new MediaError('FILE_GROWS', `${path} is still being written ${sizes}`.trimEnd(), error);
  }
  if (code === 'NOT_A_FILE') return new MediaError('FILE_UNREADABLE', `${path} is not a file`, error);
  if (code === 'SHARE_STALLED')
    return new MediaError('SHARE_STALLED', `${path}: ${message} from ${share}`, error);
  const fault = fileFaults[code];
  if (fault === undefined) return new MediaError('SHARE_UNREACHABLE', `${share}: ${message}`, error);
  const mountFault = await faultOfMount(source, operations, signal);
  return mountFault === undefined
    ? new MediaError(fault.code, `${path} ${fault.words}`, error)
    : new MediaError('SHARE_UNREACHABLE', `${share} ${mountFault}, so ${path} cannot be read`, error);
}

const fileFaults: Readonly<
  Partial<Record<string, { code: 'FILE_MISSING' | 'FILE_UNREADABLE' | 'FILE_BUSY'; words: string }>>
> = {
  ENOENT: { code: 'FILE_MISSING', words: 'does not exist' },
  ENOTDIR: { code: 'FILE_MISSING', words: 'does not exist: a folder of its path is a file' },
  ENAMETOOLONG: { code: 'FILE_MISSING', words: 'does not exist: its path is too long here' },
  ELOOP: { code: 'FILE_UNREADABLE', words: 'is a link to itself' },
  EACCES: { code: 'FILE_UNREADABLE', words: 'may not be read (EACCES)' },
  EPERM: { code: 'FILE_UNREADABLE', words: 'may not be read (EPERM)' },
  // What Windows says of a file that its writer lets nobody else read.
  EBUSY: { code: 'FILE_BUSY', words: 'is held open by another program (EBUSY)' },
  EISDIR: { code: 'FILE_UNREADABLE', words: 'is a folder' },
  ENXIO: { code: 'FILE_UNREADABLE', words: 'is not a file' },
};

async function faultOfMount(
  { mountPath }: MountedPath,
  operations: ShareOperations,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const checked = await operations.call({ op: 'check-mount', mountPath }, { signal });
    if (!checked.readable) return `cannot be read (${checked.reason ?? 'unknown'})`;
    // The folder that a share is mounted on is there without the share too, and then it is empty.
    return checked.empty ? 'is empty: probably it is not mounted' : undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}
